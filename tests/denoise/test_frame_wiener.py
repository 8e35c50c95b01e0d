"""Frames filtered along a pilot: against the linear algebra, the truth, and the noise that must be left."""

import numpy as np
import pytest
import torch

from quietmr.denoise.frame_wiener import filter_frames, wiener


def white(shape, rng):
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)


def beating(frames, height, width):
    """Two pictures whose mixture changes with the beat; SNR about 6."""
    y, x = np.mgrid[0 : 3 : height * 1j, 0 : 4 : width * 1j]
    beat = np.cos(np.arange(frames) * 0.7)[:, None, None]
    return ((6 + 3 * beat * np.sin(3 * x)) * np.exp(1j * (y + 0.5 * x)) + 2 * np.cos(5 * y)).astype(np.complex64)


def rms(array):
    return float(np.sqrt(np.mean(np.abs(array) ** 2) / 2))


@pytest.mark.parametrize(("frames", "pixels"), [(6, 25), (40, 25), (25, 25)])
def test_both_forms_are_the_wiener_filter(frames, pixels, rng):
    guide, noisy = (torch.from_numpy(3 * white((2, frames, pixels), rng)) for _ in range(2))
    spread = guide @ guide.mH / pixels
    expected = spread @ torch.linalg.inv(spread + 2 * torch.eye(frames)) @ noisy
    torch.testing.assert_close(wiener(noisy, guide), expected, rtol=2e-3, atol=2e-3)


def test_of_n_frames_that_share_one_course_the_nth_part_of_the_noise_stays(rng):
    frames = 24
    still = np.broadcast_to(beating(1, 30, 28), (frames, 30, 28))
    error = filter_frames(still + white(still.shape, rng), still) - still
    assert rms(error) == pytest.approx(1 / np.sqrt(frames), rel=0.1)


def test_motion_that_the_pilot_knows_is_kept(rng):
    truth = beating(30, 26, 24)
    noisy = truth + white(truth.shape, rng)
    pilot = truth + 0.5 * white(truth.shape, rng)
    once = filter_frames(noisy, pilot)
    twice = filter_frames(noisy, once)
    assert rms(once - truth) < 0.5
    assert rms(twice - truth) < rms(once - truth)
    # Hardly anything of the beat is lost.
    slope = np.vdot(truth - truth.mean(0), twice - twice.mean(0)).real / np.linalg.norm(truth - truth.mean(0)) ** 2
    assert slope == pytest.approx(1.0, abs=0.04)


def test_without_signal_in_the_pilot_nothing_is_left(rng):
    noise = white((10, 12, 14), rng)
    np.testing.assert_array_equal(filter_frames(noise, np.zeros_like(noise)), 0)


@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 1, 1), (7, 3, 31), (4, 5, 5), (50, 6, 4)])
def test_any_size(shape, rng):
    series = 5 + white(shape, rng)
    result = filter_frames(series, series)
    assert (result.shape, result.dtype) == (shape, np.complex64)
    assert np.isfinite(result).all()
