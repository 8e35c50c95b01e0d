"""What a training step minimizes: one objective for each ``loss`` of a recipe."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from quietmr.noise.synthesis import NoiseLaw, add_noise, colour, draw_noise
from quietmr.training.losses import PROBE_STEP, drift, log_charbonnier, noise2noise, rician_sure
from quietmr.training.recipe import Recipe

Forward = Callable[[Tensor], Tensor]
Objective = Callable[[Forward, list[Tensor], torch.Generator], Tensor]


def make_objective(recipe: Recipe, parent: nn.Module | None = None) -> Objective:
    """Choose what a step minimizes.

    Parameters
    ----------
    recipe : Recipe
    parent : nn.Module, optional
        Network that the run started from, on the device of the run; needed by losses without clean references.

    Returns
    -------
    callable
        Takes the network, a batch (:mod:`quietmr.training.scenes`) and a generator on the device of the batch, and
        gives the loss.
    """
    if recipe.loss == "supervised":
        law = NoiseLaw(**recipe.noise)
        return lambda forward, batch, rng: supervised_objective(forward, batch, rng, law)
    assert parent is not None, "the recipe has been checked"
    objective = sure_objective if recipe.loss == "sure" else noise2noise_objective
    return lambda forward, batch, rng: objective(forward, batch, rng, parent)


def noisy_batch(clean: Tensor, law: NoiseLaw, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Turn clean patches (B, F, Y, X) into network input (B, 2, F, Y, X) and target (B, 1, F, Y, X)."""
    shape = (clean.shape[1], clean.shape[2], clean.shape[3])
    samples = [add_noise(patch, draw_noise(shape, law, rng)) for patch in clean]
    noisy, target, sigma = (torch.stack(parts) for parts in zip(*samples, strict=True))
    return torch.stack([noisy, sigma], dim=1), target[:, None]


def supervised_objective(forward: Forward, batch: list[Tensor], rng: torch.Generator, law: NoiseLaw) -> Tensor:
    """Loss on clean patches (B, F, Y, X) with fresh noise."""
    x, target = noisy_batch(batch[0], law, rng)
    return log_charbonnier(forward(x), target, x[:, -1:])


def sure_objective(forward: Forward, batch: list[Tensor], rng: torch.Generator, parent: nn.Module) -> Tensor:
    """Mean risk of noisy patches and drift from the parent, in squared noise SDs.

    The batch holds the patches (B, F, Y, X), their noise SD (B,) and the filled part of their k-space (B, 3).
    """
    noisy, sigma, support = batch
    snr = noisy / sigma[:, None, None, None]
    probe = torch.stack(
        [draw_probe(patch.shape, tuple(filled), rng) for patch, filled in zip(snr, support, strict=True)]
    )
    # One call, so that gradients are exchanged between processes once.
    output, probed = forward(network_input(torch.cat([snr, snr + PROBE_STEP * probe]))).squeeze(1).chunk(2)
    return (rician_sure(output, probed, snr, probe) + drift(output, _estimate(parent, snr))).mean()


def noise2noise_objective(forward: Forward, batch: list[Tensor], rng: torch.Generator, parent: nn.Module) -> Tensor:
    """Mean squared distance to a second noisy image of the same place and drift from the parent, in noise SDs.

    The batch holds two noisy patches (B, F, Y, X) and their noise SD (B,).
    """
    del rng
    first, second, sigma = batch
    unit = sigma[:, None, None, None]
    snr = first / unit
    output = forward(network_input(snr)).squeeze(1)
    return (noise2noise(output, second / unit) + drift(output, _estimate(parent, snr))).mean()


@torch.no_grad()
def _estimate(parent: nn.Module, snr: Tensor) -> Tensor:
    output: Tensor = parent(network_input(snr))
    return output.squeeze(1)


def network_input(snr: Tensor) -> Tensor:
    """Add the noise map 1 to noisy images (B, F, Y, X) in noise SDs: (B, 2, F, Y, X)."""
    return torch.stack([snr, torch.ones_like(snr)], dim=1)


def draw_probe(shape: torch.Size, support: tuple[float, ...], rng: torch.Generator) -> Tensor:
    """Draw a probe of shape (F, Y, X), SD 1, white or, where k-space is not filled, correlated as the noise is."""
    probe = torch.randn(shape, generator=rng, device=rng.device)
    if min(support) >= 1:
        return probe
    transfer = torch.ones(shape, device=rng.device)
    for axis, filled in enumerate(support):
        frequency = torch.fft.fftfreq(shape[axis], device=rng.device).abs() * 2
        kept = (frequency <= filled).to(torch.float32)
        transfer = transfer * kept.reshape([-1 if a == axis else 1 for a in range(len(shape))])
    return colour(torch.complex(probe, torch.zeros_like(probe)), transfer).real
