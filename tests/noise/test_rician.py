"""Moments of magnitude noise: closed forms, limits, Monte-Carlo, inverses, scale."""

import numpy as np
import pytest
from scipy import special

from quietmr.data import InputError
from quietmr.noise import (
    rician_mean,
    rician_variance,
    sigma_from_moments,
    signal_from_mean,
    signal_from_second_moment,
)

RATIOS = np.concatenate(([0.0], np.geomspace(1e-4, 30, 400)))
CHANNELS = (1, 2, 8, 32)


def closed_form_mean(a: np.ndarray, n: int) -> np.ndarray:
    if n == 1:
        y = a**2 / 4
        return np.sqrt(np.pi / 2) * ((1 + 2 * y) * special.i0e(y) + 2 * y * special.i1e(y))
    return np.sqrt(2) * special.poch(n, 0.5) * special.hyp1f1(-0.5, n, -(a**2) / 2)


@pytest.mark.parametrize("n", CHANNELS)
def test_mean_and_variance_agree_with_the_closed_forms(n):
    mean = closed_form_mean(RATIOS, n)
    np.testing.assert_allclose(rician_mean(RATIOS, 1.0, n), mean, rtol=1e-8)
    np.testing.assert_allclose(rician_variance(RATIOS, 1.0, n), 2 * n + RATIOS**2 - mean**2, rtol=1e-6)


def test_limits_air_and_strong_signal():
    assert rician_mean(0.0, 2.0) == pytest.approx(2 * np.sqrt(np.pi / 2))
    assert rician_variance(0.0, 2.0) == pytest.approx(4 * (2 - np.pi / 2))
    a = np.array([1e2, 1e4, 1e8, 1e15])
    np.testing.assert_allclose(rician_mean(a, 1.0) - a, [0.5e-2, 0.5e-4, 0, 0], atol=1e-6)
    np.testing.assert_allclose(1 - rician_variance(a, 1.0), 0.5 / a**2, rtol=1e-3, atol=1e-13)
    assert rician_mean(np.float32(1e30), np.float32(1e-9)) == np.float32(1e30)


@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize("signal", [0.0, 1.0, 3.0])
def test_moments_agree_with_drawn_noise(n, signal, rng):
    draws = rng.normal(size=(2 * n, 400_000))
    draws[0] += signal
    magnitude = np.sqrt(np.sum(draws**2, axis=0))
    error = magnitude.std() / np.sqrt(magnitude.size)
    assert rician_mean(signal, 1.0, n) == pytest.approx(magnitude.mean(), abs=5 * error)
    assert rician_variance(signal, 1.0, n) == pytest.approx(magnitude.var(), rel=0.02)
    assert signal_from_second_moment(np.mean(magnitude**2), 1.0, n) == pytest.approx(signal, abs=0.1)


@pytest.mark.parametrize("n", CHANNELS)
def test_signal_from_mean_inverts_the_mean(n):
    np.testing.assert_allclose(signal_from_mean(rician_mean(RATIOS, 1.0, n), 1.0, n), RATIOS, rtol=1e-5, atol=1e-6)
    means = np.linspace(0, 3, 20_001) * np.sqrt(2 * n)
    signal = signal_from_mean(means, 1.0, n)
    assert np.all(np.diff(signal) >= 0)
    floor = rician_mean(0.0, 1.0, n)
    assert np.all(signal[means <= floor] == 0)
    assert np.all(signal[means > floor] > 0)


@pytest.mark.parametrize("n", CHANNELS)
def test_sigma_from_moments_inverts_mean_and_variance_together(n):
    sigma = sigma_from_moments(rician_mean(RATIOS, 1.0, n), rician_variance(RATIOS, 1.0, n), n)
    np.testing.assert_allclose(sigma, 1.0, rtol=2e-4)


def test_without_noise_nothing_changes():
    x = np.array([0.0, 1e-9, 1.0, 1e9], dtype=np.float32)
    np.testing.assert_array_equal(rician_mean(x, 0.0), x)
    np.testing.assert_array_equal(rician_variance(x, 0.0), 0)
    np.testing.assert_array_equal(signal_from_mean(x, 0.0), x)
    sigma = np.array([0.0, 0.0, 1.0, 1.0])
    np.testing.assert_allclose(signal_from_mean([2.0, -1.0, 0.5, 100.0], sigma), [2, 0, 0, 99.995], rtol=1e-6)


@pytest.mark.parametrize("scale", [2.0**-30, 1e-9, 1e9, 2.0**30])
def test_scale_equivariance_in_single_precision(scale, rng):
    c = np.float32(scale)
    x = (10 * rng.random(2000)).astype(np.float32)
    sigma = (0.5 + rng.random(2000)).astype(np.float32)
    rtol = 0 if np.log2(scale) % 1 == 0 else 1e-5
    for function, power in ((rician_mean, 1), (signal_from_mean, 1), (rician_variance, 2)):
        scaled = function(c * x, c * sigma)
        assert scaled.dtype == np.float32
        away = function(x, sigma) > 0.1  # near the floor of the inverse a rounded input alone moves the result
        np.testing.assert_allclose(scaled[away], c**power * function(x, sigma)[away], rtol=rtol)


def test_nan_stays_and_foolish_levels_are_refused():
    mean = rician_mean([1.0, np.nan], 1.0)
    assert np.isnan(mean).tolist() == [False, True]
    assert np.isnan(signal_from_mean([1.0, np.nan], 1.0)).tolist() == [False, True]
    for sigma in (-1.0, np.nan, np.inf):
        with pytest.raises(InputError, match="noise level"):
            rician_mean(1.0, sigma)
    with pytest.raises(InputError, match="at least one channel"):
        signal_from_mean(1.0, 1.0, n_channels=0)


def test_maps_broadcast():
    sigma = np.array([[1.0], [2.0]], dtype=np.float32)
    mean = rician_mean(np.zeros((2, 5), dtype=np.float32), sigma)
    np.testing.assert_allclose(mean, np.broadcast_to(sigma * np.sqrt(np.pi / 2), (2, 5)), rtol=1e-6)
