"""What a training step minimizes: one objective for each lesson of a recipe."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from quietmr.training.complex_pairs import as_told, complex_batch
from quietmr.training.corruption2self import corruption2self_objective
from quietmr.training.curvature import gauss_newton_bartlett
from quietmr.training.lessons import Lesson
from quietmr.training.loss_sum import LossSum, make_loss
from quietmr.training.losses import PROBE_STEP, drift, noise2noise, rician_sure, sure
from quietmr.training.magnitude_noise import degraded_batch, noise_of
from quietmr.training.neighbor2neighbor import neighbor2neighbor_objective
from quietmr.training.noise2void import noise2void_objective
from quietmr.training.noisy_input import Forward, in_noise_units, noise_units
from quietmr.training.probes import draw_probes
from quietmr.training.recipe import PerceptualRecipe, Recipe
from quietmr.training.vgg import Vgg16Features, load_vgg16

Objective = Callable[[Forward, list[Tensor], torch.Generator], Tensor]
Pairs = Callable[[list[Tensor], torch.Generator], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Supervised:
    """Comparison with clean images.

    Attributes
    ----------
    pairs : callable
        Makes network input (B, C + 1, F, Y, X), the noise map last, and target (B, C, F, Y, X) of a batch and a
        generator on its device.
    loss : LossSum
    seen : callable
        What the network sees of its input.
    """

    pairs: Pairs
    loss: LossSum
    seen: Callable[[Tensor], Tensor] = lambda x: x

    def __call__(self, forward: Forward, batch: list[Tensor], rng: torch.Generator) -> Tensor:
        """Loss of a network on a batch with fresh noise."""
        x, target = self.pairs(batch, rng)
        return self.loss(forward(self.seen(x)), target, x[:, -1:])

    def curvature(
        self, forward: Forward, batch: list[Tensor], weights: list[Tensor], rng: torch.Generator
    ) -> list[Tensor]:
        """Estimate the curvature of the loss along each weight, with noise of its own."""
        x, target = self.pairs(batch, rng)
        return gauss_newton_bartlett(forward(self.seen(x)).float(), target, x[:, -1:], self.loss, weights, rng)


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
        gives the loss. A :class:`Supervised` one where there are clean images.

    Raises
    ------
    ModelError
        If a loss needs weights that are not there.
    """
    if recipe.lesson == "supervised":
        loss = make_loss(recipe.loss_weights, lambda: _vgg16(recipe.perceptual))
        if recipe.channels == "complex":
            return Supervised(
                lambda batch, rng: complex_batch(batch, recipe.mr, rng), loss, lambda x: as_told(x, recipe.mr)
            )
        degrade = noise_of(recipe)
        return Supervised(lambda batch, rng: degraded_batch(batch[0], degrade, rng), loss)
    objective = _WITHOUT_TRUTH[recipe.lesson]
    return lambda forward, batch, rng: objective(forward, batch, rng, parent)


def _vgg16(settings: PerceptualRecipe) -> Vgg16Features:
    return load_vgg16(Path(settings.weights) if settings.weights else None, settings.sha256)


def sure_objective(
    forward: Forward, batch: list[Tensor], rng: torch.Generator, parent: nn.Module | None = None
) -> Tensor:
    """Mean risk of noisy patches in squared noise SDs; of magnitudes, with the drift from the parent.

    The noise of complex patches is Gaussian: Stein's estimate holds everywhere, and no parent is needed.

    Parameters
    ----------
    forward : callable
    batch : list of Tensor
        The patches (B, F, Y, X), magnitudes or complex; their noise SD per real channel, (B,) or a map (B, F, Y, X);
        and the filled part of their k-space (B, 3).
    rng : torch.Generator
    parent : nn.Module, optional
        Needed for magnitudes.
    """
    noisy, _, support = batch
    snr, told = noise_units(batch)
    probe = draw_probes(snr, support, rng)
    # One call, so that gradients are exchanged between processes once.
    both = in_noise_units(forward, torch.cat([snr, snr + PROBE_STEP * probe]), torch.cat([told, told]))
    output, probed = both.chunk(2)
    if noisy.is_complex():
        return sure(output, probed, snr, probe, 1.0).mean()
    assert parent is not None, "magnitudes are silent in air"
    with torch.no_grad():
        reference = in_noise_units(parent, snr, told)
    return (rician_sure(output, probed, snr, probe) + drift(output, reference)).mean()


def noise2noise_objective(
    forward: Forward, batch: list[Tensor], rng: torch.Generator, parent: nn.Module | None = None
) -> Tensor:
    """Mean squared distance to a second noisy image of the same place and drift from the parent, in noise SDs.

    The batch holds two noisy patches (B, F, Y, X) and their noise SD (B,).
    """
    del rng
    assert parent is not None, "magnitudes are silent in air"
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


_WITHOUT_TRUTH: dict[Lesson, Callable[[Forward, list[Tensor], torch.Generator, nn.Module | None], Tensor]] = {
    "sure": sure_objective,
    "noise2noise": noise2noise_objective,
    "neighbor2neighbor": neighbor2neighbor_objective,
    "noise2void": noise2void_objective,
    "corruption2self": corruption2self_objective,
}
