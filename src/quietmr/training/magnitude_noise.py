"""The noise that a recipe asks for on magnitudes: one function for training, validation and held-out parts."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from quietmr.noise.impulse import ImpulseLaw, lose_pixels
from quietmr.noise.synthesis import NoiseLaw, add_noise, draw_noise

if TYPE_CHECKING:
    from quietmr.training.recipe import Recipe

Degrade = Callable[[Tensor, torch.Generator], tuple[Tensor, Tensor, Tensor]]
"""Makes noisy image, target and told noise SD, all (F, Y, X), of a clean magnitude and a generator on its device."""


def noise_of(recipe: "Recipe", *, jitter: float | None = None) -> Degrade:
    """Choose the noise of a recipe: Rician, and impulses in a share of the samples if it has such a section.

    Parameters
    ----------
    recipe : Recipe
        For magnitudes.
    jitter : float, optional
        Error of the noise level that the network is told, in place of that of the recipe.
    """
    plain = rician(NoiseLaw(**{**recipe.noise, **({} if jitter is None else {"jitter": jitter})}))
    if not recipe.impulse.densities:
        return plain
    assert recipe.network.white is not None, "the recipe has been checked"
    law = ImpulseLaw(recipe.impulse.densities, recipe.network.white)

    def mixed(clean: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        if float(torch.rand((), generator=rng, device=rng.device)) < recipe.impulse.share:
            return lose_pixels(clean, law, rng)
        return plain(clean, rng)

    return mixed


def rician(law: NoiseLaw) -> Degrade:
    """Noise of a law."""
    return lambda clean, rng: add_noise(clean, draw_noise((clean.shape[0], clean.shape[1], clean.shape[2]), law, rng))


def degraded_batch(clean: Tensor, degrade: Degrade, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Turn clean patches (B, F, Y, X) into network input (B, 2, F, Y, X) and target (B, 1, F, Y, X)."""
    samples = [degrade(patch, rng) for patch in clean]
    noisy, target, sigma = (torch.stack(parts) for parts in zip(*samples, strict=True))
    return torch.stack([noisy, sigma], dim=1), target[:, None]
