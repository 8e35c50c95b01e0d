import numpy as np
import pytest

from quietmr.phantoms import Mixture, draw_scene
from quietmr.phantoms.abdomen import draw_abdomen
from quietmr.phantoms.dynamic import animate, weight_series
from quietmr.phantoms.head import draw_head
from quietmr.phantoms.heart import draw_heart
from quietmr.phantoms.joint import draw_joint
from quietmr.phantoms.labels import draw_regions
from quietmr.phantoms.leaves import draw_leaves
from quietmr.phantoms.spine import draw_spine
from quietmr.phantoms.texture import band_field, distance_to_level, power_law_field, soft_step

ANATOMY = {
    "head": draw_head,
    "spine": draw_spine,
    "joint": draw_joint,
    "abdomen": draw_abdomen,
    "heart": draw_heart,
    "regions": draw_regions,
    "leaves": draw_leaves,
}
KINDS = {
    **{name: Mixture(**{**dict.fromkeys(ANATOMY, 0.0), name: 1.0}, dynamic=0, thick=0) for name in ANATOMY},
    "dynamic": Mixture(dynamic=1),
    "thick": Mixture(dynamic=0, thick=1),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(6, 40, 48), (1, 32, 32), (2, 17, 33), (3, 8, 8)])
def test_every_kind_is_a_magnitude_with_its_brightest_tissue_at_one(kind, shape, rng):
    scene = draw_scene(shape, KINDS[kind], rng)
    assert scene.shape == shape
    assert scene.dtype == np.float32
    assert np.isfinite(scene).all()
    assert scene.min() >= 0
    assert np.percentile(scene, 99.5) == pytest.approx(1.0, rel=1e-3)
    assert scene.std() > 0.01


@pytest.mark.parametrize("name", ANATOMY)
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (5.0, 0.8, 0.9)])
def test_anatomy_is_a_bounded_brightness_in_single_precision(name, spacing, rng):
    image = ANATOMY[name]((5, 31, 44), spacing, rng)
    assert image.shape == (5, 31, 44)
    assert image.dtype == np.float32
    assert image.min() >= -0.1
    assert 0.05 < np.percentile(image, 99.5) < 2.5


def test_default_mixture_has_every_anatomy():
    assert all(getattr(Mixture(), name) > 0 for name in ANATOMY)


def test_thick_slices_differ_more_from_their_neighbors():
    def likeness(thick):
        pairs = []
        for seed in range(6):
            mixture = Mixture(**{**dict.fromkeys(ANATOMY, 0.0), "head": 1.0}, dynamic=0, thick=thick, rich=0)
            scene = draw_scene((8, 40, 40), mixture, np.random.default_rng(seed))
            pairs.append(np.corrcoef(scene[3].ravel(), scene[4].ravel())[0, 1])
        return np.mean(pairs)

    assert likeness(1.0) < likeness(0.0)


def test_a_seed_is_a_scene():
    one, two, other = (draw_scene((4, 32, 32), Mixture(), np.random.default_rng(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_moving_pictures_resemble_the_frame_before(rng):
    picture = draw_leaves((3, 48, 48), (1.0, 1.0, 1.0), rng)[1]
    for _ in range(5):
        movie = animate(picture, 12, rng)
        near = np.mean([np.corrcoef(movie[t].ravel(), movie[t + 1].ravel())[0, 1] for t in range(11)])
        assert movie.shape == (12, 48, 48)
        assert movie.min() >= 0
        assert near > 0.6
        assert np.abs(movie[0] - movie[6]).max() > 1e-3


def test_weighting_only_lowers_the_signal_and_begins_without(rng):
    picture = np.maximum(draw_leaves((3, 40, 40), (1.0, 1.0, 1.0), rng)[1], 0.01)
    for _ in range(6):
        series = weight_series(picture, 14, rng)
        np.testing.assert_allclose(series[0], picture, rtol=1e-5)
        assert (series <= picture * 1.00001).all()
        assert series.min() >= 0
        assert (series[-1] < 0.99 * picture).any()


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
