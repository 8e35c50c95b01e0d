"""Losses: units, and what they promise about truth that they never see."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from quietmr.noise import rician_mean, rician_variance
from quietmr.training.losses import PROBE_STEP, drift, log_charbonnier, noise2noise, rician_sure, sure
from quietmr.training.magnitude import magnitude_mean, magnitude_slope, magnitude_variance
from quietmr.training.probes import draw_probe


def test_log_charbonnier_counts_in_noise_units_and_decibels():
    torch.manual_seed(0)
    target, sigma = torch.rand(2, 1, 4, 8, 8), torch.full((2, 1, 4, 8, 8), 0.1)
    error = 0.02 * torch.randn(2, 1, 4, 8, 8)
    loss = log_charbonnier(target + error, target, sigma)
    # In other units the loss is the same.
    torch.testing.assert_close(log_charbonnier(7 * (target + error), 7 * target, 7 * sigma), loss)
    # Errors well below the noise are counted almost in squares: half of it is nearly 6 dB = log 4 less.
    half = log_charbonnier(target + error / 2, target, sigma)
    assert float(loss - half) == pytest.approx(np.log(4), abs=0.2)


def test_mean_and_variance_are_those_of_the_rician_law():
    signal = np.concatenate([np.linspace(0, 20, 400), np.geomspace(20, 3000, 50)])
    tensor = torch.tensor(signal, dtype=torch.float32)
    np.testing.assert_allclose(magnitude_mean(tensor), rician_mean(signal, 1.0), rtol=2e-6)
    np.testing.assert_allclose(magnitude_variance(tensor), rician_variance(signal, 1.0), atol=1e-4)


def test_the_gradient_of_the_mean_is_its_slope():
    signal = torch.linspace(0.1, 12, 50, dtype=torch.float64, requires_grad=True)
    magnitude_mean(signal).sum().backward()
    step = 1e-5
    slope = (rician_mean(signal.detach() + step, 1.0) - rician_mean(signal.detach() - step, 1.0)) / (2 * step)
    np.testing.assert_allclose(signal.grad, slope, atol=2e-4)
    np.testing.assert_allclose(magnitude_slope(signal.detach()), slope, atol=2e-4)
    assert not magnitude_variance(signal).requires_grad


def blur(x):
    """A smooth denoiser that is not linear: a local mean, compressed."""
    mean = functional.avg_pool3d(x[:, None], 3, stride=1, padding=1, count_include_pad=False)[:, 0]
    return mean + 0.2 * torch.tanh(x - mean)


def truth(n, low, high):
    steps = torch.linspace(low, high, 6 * 6, dtype=torch.float64).reshape(1, 1, 6, 6)
    return steps.expand(n, 4, 6, 6)


def assert_unbiased(estimates, errors):
    """Means over voxels of each draw: the mean difference is below three standard errors."""
    difference = (estimates - errors).flatten(1).mean(1)
    assert abs(float(difference.mean())) < 3 * float(difference.std()) / len(difference) ** 0.5
    # The test has power: three standard errors are a small part of the risk.
    assert 3 * float(difference.std()) / len(difference) ** 0.5 < 0.03 * float(errors.mean())


def test_sure_is_the_mean_squared_error_without_the_truth():
    rng = torch.Generator().manual_seed(1)
    clean = truth(10_000, 3.0, 9.0)
    noisy = clean + torch.randn(clean.shape, generator=rng, dtype=torch.float64)
    probe = torch.randn(clean.shape, generator=rng, dtype=torch.float64)
    output = blur(noisy)
    estimate = sure(output, blur(noisy + PROBE_STEP * probe), noisy, probe, 1.0)
    assert_unbiased(estimate, (output - clean).square())


def test_sure_of_correlated_noise_needs_a_probe_correlated_alike():
    rng = torch.Generator().manual_seed(2)
    support = (1.0, 0.6, 1.0)
    clean = truth(1500, 3.0, 9.0)
    drawn = [draw_probe(clean.shape[1:], support, rng) for _ in range(3000)]
    noise, probe = (torch.stack(half).double() for half in (drawn[:1500], drawn[1500:]))
    noisy = clean + noise
    errors = (blur(noisy) - clean).square()
    estimate = sure(blur(noisy), blur(noisy + PROBE_STEP * probe), noisy, probe, 1.0)
    difference = (estimate - errors).flatten(1).mean(1)
    error = float(difference.std()) / len(difference) ** 0.5
    assert abs(float(difference.mean())) < 3 * error
    white = torch.randn(clean.shape, generator=rng, dtype=torch.float64)
    wrong = (sure(blur(noisy), blur(noisy + PROBE_STEP * white), noisy, white, 1.0) - errors).flatten(1).mean(1)
    assert abs(float(wrong.mean())) > 6 * error


def test_probes_have_unit_variance_and_the_support_asked_for():
    rng = torch.Generator().manual_seed(3)
    probe = torch.stack([draw_probe(torch.Size((8, 20, 20)), (1.0, 0.5, 0.8), rng) for _ in range(200)])
    assert float(probe.var()) == pytest.approx(1.0, abs=0.02)
    power = torch.fft.fftn(probe, dim=(1, 2, 3)).abs().square().mean(0)
    outside = torch.fft.fftfreq(20).abs() * 2 > 0.5
    assert float(power[:, outside].max()) < 1e-6 * float(power.max())


def rician_draws(clean, rng):
    real, imaginary = (torch.randn(clean.shape, generator=rng, dtype=torch.float64) for _ in range(2))
    return ((clean + real).square() + imaginary.square()).sqrt()


def test_rician_sure_is_the_error_of_the_mean_magnitude():
    rng = torch.Generator().manual_seed(4)
    clean = truth(5000, 4.0, 12.0)
    noisy = rician_draws(clean, rng)
    probe = torch.randn(clean.shape, generator=rng, dtype=torch.float64)
    output = blur(noisy)
    known = magnitude_variance(clean)
    estimate = rician_sure(output, blur(noisy + PROBE_STEP * probe), noisy, probe, known)
    errors = (magnitude_mean(output) - magnitude_mean(clean)).square()
    difference = float((estimate - errors).mean())
    # Above four noise SDs the law is Gaussian to about a percent of the noise power.
    assert abs(difference) < 0.01


def test_noise2noise_has_the_gradient_of_supervised_learning():
    rng = torch.Generator().manual_seed(5)
    clean = truth(6000, 0.0, 8.0)
    first, second = rician_draws(clean, rng), rician_draws(clean, rng)

    def gradients(loss, gain=0.8, step=1e-4):
        """Slope of each draw's loss with respect to a gain of the denoiser."""
        upper, lower = (loss(g * blur(first)).flatten(1).mean(1) for g in (gain + step, gain - step))
        return (upper - lower) / (2 * step)

    unsupervised = gradients(lambda output: noise2noise(output, second))
    supervised = gradients(lambda output: (magnitude_mean(output) - magnitude_mean(clean)).square())
    difference = unsupervised - supervised
    error = float(difference.std()) / len(difference) ** 0.5
    assert abs(float(difference.mean())) < 3 * error
    assert 3 * error < 0.05 * abs(float(supervised.mean()))


def test_drift_completes_the_squared_error_where_magnitudes_are_silent():
    reference = torch.tensor([0.0, 1.0, 3.0, 30.0], dtype=torch.float64)
    error = 1e-3
    moved = reference + error
    seen = (magnitude_mean(moved) - magnitude_mean(reference)).square()
    # What mean magnitudes show of a small error and what they hide is the whole of it.
    torch.testing.assert_close(seen + drift(moved, reference), torch.full_like(seen, error**2), rtol=2e-2, atol=0)
    assert float(drift(moved, reference)[0]) == pytest.approx(error**2, rel=1e-6)
