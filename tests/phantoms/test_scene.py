import numpy as np
import pytest

from quietmr.phantoms import Mixture, draw_scene
from quietmr.phantoms.texture import band_field, distance_to_level, power_law_field, soft_step

KINDS = {
    "head": Mixture(head=1, regions=0, leaves=0, dynamic=0, thick=0),
    "regions": Mixture(head=0, regions=1, leaves=0, dynamic=0, thick=0),
    "leaves": Mixture(head=0, regions=0, leaves=1, dynamic=0, thick=0),
    "dynamic": Mixture(dynamic=1),
    "thick": Mixture(dynamic=0, thick=1),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(6, 40, 48), (1, 32, 32)])
def test_every_kind_is_a_magnitude_with_its_brightest_tissue_at_one(kind, shape, rng):
    scene = draw_scene(shape, KINDS[kind], rng)
    assert scene.shape == shape
    assert scene.dtype == np.float32
    assert np.isfinite(scene).all()
    assert scene.min() >= 0
    assert np.percentile(scene, 99.5) == pytest.approx(1.0, rel=1e-3)
    assert scene.std() > 0.01


def test_a_seed_is_a_scene():
    one, two, other = (draw_scene((4, 32, 32), Mixture(), np.random.default_rng(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_dynamic_scenes_move_and_frames_resemble_their_neighbors(rng):
    scene = draw_scene((12, 48, 48), KINDS["dynamic"], rng)
    near = np.mean([np.corrcoef(scene[t].ravel(), scene[t + 1].ravel())[0, 1] for t in range(11)])
    assert near > 0.8
    assert np.abs(scene[0] - scene[6]).max() > 1e-3


def test_power_law_field_has_the_spectrum_it_promises(rng):
    fields = [power_law_field((1, 128, 128), 1.5, rng) for _ in range(20)]
    power = np.mean([np.abs(np.fft.fft2(f[0])) ** 2 for f in fields], axis=0)
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(128), np.fft.fftfreq(128)))
    band = (f > 0.03) & (f < 0.4)
    slope = np.polyfit(np.log(f[band]), np.log(power[band]), 1)[0]
    assert slope == pytest.approx(-3.0, abs=0.15)


def test_band_field_has_its_wavelength(rng):
    field = band_field((1, 256, 256), 16.0, rng, octaves=0.3)
    power = np.abs(np.fft.fft2(field[0])) ** 2
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256)))
    assert 1 / (np.sum(f * power) / np.sum(power)) == pytest.approx(16.0, rel=0.15)


def test_distance_to_level_is_millimeters_near_a_flat_border():
    z = (np.arange(20, dtype=np.float32) - 9.5) * 0.5
    field = np.broadcast_to(3.0 * z[:, None, None], (20, 8, 8)).astype(np.float32)
    distance = distance_to_level(field, (0.5, 1.0, 1.0))
    np.testing.assert_allclose(distance[:, 4, 4], z / 1.15, rtol=1e-3)
    assert soft_step(np.float32([-9.0, 0.0, 9.0]), 1.0).tolist() == [0.0, 0.5, 1.0]
