"""Learning without truth where the noise has a map, and from complex images."""

import pytest
import torch
from torch.nn import functional

from quietmr.noise.synthesis import colour
from quietmr.training.objectives import sure_objective
from quietmr.training.probes import draw_probe

SHAPE = (4, 6, 6)


def denoiser(x):
    """A smooth denoiser that is not linear, listens to the noise map, and scales with image and map."""
    image, sigma = x[:, :-1], x[:, -1:]
    mean = functional.avg_pool3d(image, 3, stride=1, padding=1, count_include_pad=False)
    return mean + 0.3 * sigma * torch.tanh((image - mean) / sigma)


def complex_truth(n):
    ramp = torch.linspace(-5.0, 5.0, 36).reshape(1, 1, 6, 6).expand(n, *SHAPE)
    return torch.complex(ramp, 3 - ramp)


def noise_map(n):
    return torch.linspace(0.5, 4.0, 6).reshape(1, 1, 1, 6).expand(n, *SHAPE)


def supports(n, support=(1.0, 1.0, 1.0)):
    return torch.tensor(support).expand(n, 3)


def complex_noise(n, support, rng):
    """Unit noise per real channel, as the probes are correlated."""
    parts = torch.stack(
        [torch.stack([draw_probe(torch.Size(SHAPE), support, rng) for _ in range(2)]) for _ in range(n)]
    )
    return torch.complex(parts[:, 0], parts[:, 1])


def true_risk(noisy, truth, sigma):
    """Mean squared error per real channel in units of the local noise."""
    x = torch.stack([noisy.real, noisy.imag, sigma], dim=1)
    error = (denoiser(x) - torch.stack([truth.real, truth.imag], dim=1)) / sigma[:, None]
    return error.square().mean()


@pytest.mark.parametrize("support", [(1.0, 1.0, 1.0), (1.0, 0.6, 1.0)])
def test_the_risk_of_complex_images_with_a_noise_map_needs_no_truth(support):
    rng = torch.Generator().manual_seed(0)
    estimates, risks = [], []
    for _ in range(20):
        truth, sigma = complex_truth(50), noise_map(50)
        noisy = truth + sigma * complex_noise(50, support, rng)
        estimates.append(sure_objective(denoiser, [noisy, sigma, supports(50, support)], rng))
        risks.append(true_risk(noisy, truth, sigma))
    difference = torch.stack(estimates) - torch.stack(risks)
    error = float(difference.std()) / len(difference) ** 0.5
    assert abs(float(difference.mean())) < 3.5 * error
    assert 3.5 * error < 0.05 * float(torch.stack(risks).mean())


def test_a_wrong_map_is_noticed():
    # The test above has power: told that the noise is uniform, the estimate is far off.
    rng = torch.Generator().manual_seed(1)
    truth, sigma = complex_truth(2000), noise_map(2000)
    noisy = truth + sigma * complex_noise(2000, (1.0, 1.0, 1.0), rng)
    flat = sigma.square().mean().sqrt().expand(2000)
    estimate = sure_objective(denoiser, [noisy, flat.contiguous(), supports(2000)], rng)
    risk = true_risk(noisy, truth, sigma)
    assert abs(float(estimate - risk)) > 0.2 * float(risk)


def test_a_number_is_a_flat_map_and_units_do_not_matter():
    truth, flat = complex_truth(3), torch.tensor([1.0, 2.0, 3.0])
    noisy = truth + flat[:, None, None, None] * complex_noise(3, (1.0, 1.0, 1.0), torch.Generator().manual_seed(2))
    spread = flat[:, None, None, None].expand(3, *SHAPE)

    def risk(image, sigma):
        return sure_objective(denoiser, [image, sigma, supports(3)], torch.Generator().manual_seed(3))

    torch.testing.assert_close(risk(noisy, spread), risk(noisy, flat))
    torch.testing.assert_close(risk(1e4 * noisy, 1e4 * spread), risk(noisy, spread), rtol=1e-4, atol=1e-4)


def test_the_risk_has_the_gradient_of_supervised_learning():
    rng = torch.Generator().manual_seed(4)
    slopes = []
    for _ in range(60):
        truth, sigma = complex_truth(50), noise_map(50)
        noisy = truth + sigma * complex_noise(50, (1.0, 1.0, 1.0), rng)
        gain = torch.tensor(0.8, requires_grad=True)
        estimate = sure_objective(lambda x, gain=gain: gain * denoiser(x), [noisy, sigma, supports(50)], rng)
        x = torch.stack([noisy.real, noisy.imag, sigma], dim=1)
        error = (gain * denoiser(x) - torch.stack([truth.real, truth.imag], dim=1)) / sigma[:, None]
        pair = [torch.autograd.grad(loss, gain)[0] for loss in (estimate, error.square().mean())]
        slopes.append(torch.stack(pair))
    both = torch.stack(slopes)
    difference = both[:, 0] - both[:, 1]
    error = float(difference.std()) / len(difference) ** 0.5
    assert abs(float(difference.mean())) < 3.5 * error
    assert 3.5 * error < 0.1 * abs(float(both[:, 1].mean()))


def test_magnitudes_with_a_noise_map_stay_with_their_parent_in_air():
    # In air the data are silent: what pulls there is the parent alone.
    rng = torch.Generator().manual_seed(5)
    sigma = noise_map(4)
    noise = complex_noise(4, (1.0, 1.0, 1.0), rng)
    noisy = (sigma * noise).abs()

    def shifted(by):
        return lambda x: 0 * x[:, :1] + by * x[:, -1:]

    def loss(by):
        return float(sure_objective(shifted(by), [noisy, sigma, supports(4)], torch.Generator(), shifted(0.0)))

    assert loss(0.0) < loss(0.2) < loss(0.5)


def test_probes_of_a_filled_k_space_are_white():
    # So that a correlated probe is drawn only where the noise is: its filter must not be the identity there.
    white = torch.randn(SHAPE, generator=torch.Generator().manual_seed(6))
    field = colour(torch.complex(white, torch.zeros_like(white)), torch.ones(SHAPE)).real
    torch.testing.assert_close(field, draw_probe(torch.Size(SHAPE), (1.0, 1.0, 1.0), torch.Generator().manual_seed(6)))
