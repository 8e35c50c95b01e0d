"""Moving hearts: courses over time, shapes in closed form, sequences of any size."""

import numpy as np
import pytest
import torch

from quietmr.phantoms.cine import draw_cine
from quietmr.phantoms.cine.canvas import Canvas, Texture, ellipse
from quietmr.phantoms.cine.timing import COMPARTMENTS, breathing, contraction, draw_timing, gamma_variate
from quietmr.phantoms.psf import Aperture, acquire, acquire_complex

CPU = torch.device("cpu")


def rng(seed=0):
    return np.random.default_rng(seed)


def test_the_heart_contracts_and_relaxes_once_in_a_cycle():
    phase = np.linspace(0, 1, 400, endpoint=False)
    course = contraction(phase, 0.35)
    assert course.min() == pytest.approx(0, abs=1e-3)
    assert course.max() == pytest.approx(1, abs=1e-3)
    assert phase[course.argmax()] == pytest.approx(0.35, abs=0.01)
    np.testing.assert_allclose(contraction(phase + 3, 0.35), course, atol=1e-12)
    assert np.abs(np.diff(np.append(course, course[0]))).max() < 0.02, "it jumps"


def test_breaths_stay_between_out_and_in():
    course = breathing(np.linspace(0, 12, 3000), rng())
    assert course.min() >= 0
    assert 0.8 < course.max() < 1.2


def test_a_bolus_peaks_at_one_where_it_should():
    t = np.linspace(-5, 30, 3501)
    course = gamma_variate(t, 4.0, 1.7)
    assert course.max() == pytest.approx(1.0)
    assert t[course.argmax()] == pytest.approx(4.0)
    assert not course[t <= 0].any()


def test_contrast_passes_the_right_heart_before_the_left_and_the_left_before_the_muscle():
    right, left, muscle = [], [], []
    for seed in range(200):
        contrast = draw_timing(200, rng(seed)).contrast
        if np.ptp(contrast["right"]) > 0:
            begins = [int((contrast[name] > 1.1).argmax()) for name in ("right", "left", "muscle")]
            right.append(begins[0])
            left.append(begins[1])
            muscle.append(begins[2])
    assert len(right) > 20
    seen = np.array(right) > 0
    assert seen.any()
    assert (np.array(left)[seen] >= np.array(right)[seen]).all()
    assert (np.array(muscle)[seen] > np.array(right)[seen]).all()


def test_courses_belong_to_one_kind_of_sequence():
    """Breathing through a whole sequence, or contrast, or one heartbeat without either: each is drawn sometimes."""
    kinds = set()
    for seed in range(60):
        timing = draw_timing(32, rng(seed))
        assert set(timing.contrast) == set(COMPARTMENTS)
        assert timing.squeeze.shape == timing.breath.shape == timing.flow.shape == (32,)
        assert np.abs(timing.flow).max() <= 1 + 1e-9
        passes = any(np.ptp(course) > 0 for course in timing.contrast.values())
        assert np.ptp(timing.squeeze) < 0.5 or not passes, "a passage is taken at one place of the cycle"
        kinds.add((passes, np.ptp(timing.breath) > 0))
    assert kinds == {(False, False), (False, True), (True, False), (True, True)}


def test_a_painted_ellipse_has_its_area():
    canvas = Canvas((1, 200, 240), 0.5, CPU)
    canvas.paint(canvas.cover(ellipse(canvas.x - 3.0, canvas.y + 2.0, (30.0, 20.0))), 1.0)
    assert float(canvas.image.sum()) * 0.25 == pytest.approx(np.pi * 30 * 20, rel=0.01)


def test_a_texture_repeats_and_has_one_wavelength():
    texture = Texture(6.0, rng(), CPU, 0.3)
    line = torch.linspace(0, texture.size, 961)[:-1]
    values = texture.at(line[None, None, :], torch.tensor([0.0, 11.0, 25.0, 40.0])[None, :, None])
    again = texture.at(line[None, None, :] + texture.size, torch.tensor([0.0, 11.0, 25.0, 40.0])[None, :, None])
    torch.testing.assert_close(values, again, atol=2e-3, rtol=0)
    # Power along a line lies at or below the radial frequency.
    power = torch.fft.rfft(values).abs().square().mean(dim=(0, 1))
    frequency = torch.arange(len(power)) / texture.size
    assert float(power[frequency > 2 / 6.0].sum() / power.sum()) < 0.02
    assert float(texture.field.std()) == pytest.approx(1.0, abs=1e-3)


def test_a_texture_is_smooth_across_its_border():
    texture = Texture(6.0, rng(1), CPU)
    near = torch.tensor([-0.05, 0.05])[None, None, :]
    values = texture.at(near, torch.tensor([[[1.0], [20.0], [50.0]]]))
    assert float((values[..., 0] - values[..., 1]).abs().max()) < 0.15


def test_a_complex_object_is_acquired_as_a_magnitude_is():
    fine = rng().random((3, 40, 36)).astype(np.float32)
    for aperture in (Aperture(), Aperture((0.8, 1.0), 0.5, 0.1)):
        expected = acquire(fine, (32, 30), aperture)
        turned = torch.from_numpy(fine) * torch.exp(torch.tensor(0.7j))
        got = acquire_complex(turned, (32, 30), aperture)
        np.testing.assert_allclose(got.abs().numpy(), expected, atol=1e-5)
        # Linear: the phase comes through.
        torch.testing.assert_close(got, acquire_complex(torch.from_numpy(fine) + 0j, (32, 30), aperture) * np.exp(0.7j))


@pytest.mark.parametrize("shape", [(1, 48, 48), (2, 8, 8), (7, 33, 50), (24, 64, 64)])
def test_sequences_of_any_size_are_finite_and_bright(shape):
    made = draw_cine(shape, rng(3))
    assert made.shape == shape
    assert made.dtype == torch.complex64
    assert bool(torch.isfinite(torch.view_as_real(made)).all())
    assert 0.5 < float(made.abs().max()) < 4.0


def test_the_seed_says_it_all():
    one, same, other = (draw_cine((3, 32, 32), rng(seed)) for seed in (5, 5, 6))
    assert torch.equal(one, same)
    assert not torch.allclose(one, other)


def test_hearts_move_more_than_the_chest():
    moved = []
    for seed in range(6):
        series = draw_cine((16, 64, 64), rng(seed)).abs()
        spread = series.std(dim=0)
        moved.append(float(spread[20:44, 20:44].mean() / spread.mean()))
    assert np.median(moved) > 1.2


def test_frames_follow_each_other():
    """A sequence is no shuffled deck: neighbors are nearer to each other than frames far apart."""
    near, far = [], []
    for seed in range(6):
        series = draw_cine((24, 48, 48), rng(seed))
        near.append(float((series[1:] - series[:-1]).abs().square().mean()))
        far.append(float((series[8:] - series[:-8]).abs().square().mean()))
    assert np.median(np.array(far) / np.array(near)) > 1.5
