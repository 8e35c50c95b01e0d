"""Noisy patches in units of their noise, as objectives without clean images see them."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from quietmr.training.loss_sum import typical_noise
from quietmr.training.losses import drift
from quietmr.training.magnitude import magnitude_mean

Forward = Callable[[Tensor], Tensor]


def noise_units(batch: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Divide noisy patches by their noise.

    Parameters
    ----------
    batch : list of Tensor
        The patches (B, F, Y, X), magnitudes or complex; their noise SD per real channel, (B,) or a map (B, F, Y, X).

    Returns
    -------
    snr : Tensor, shape (B, C, F, Y, X)
        Noise SD 1; C is 1, or 2 for complex patches.
    told : Tensor, shape (B, 1, 1, 1, 1) or (B, 1, F, Y, X)
        Noise map that the network is told, of median 1 in each sample.
    """
    noisy, sigma = batch[:2]
    spread = sigma[:, None, None, None, None] if sigma.ndim == 1 else sigma[:, None]
    channels = torch.stack([noisy.real, noisy.imag], dim=1) if noisy.is_complex() else noisy[:, None]
    return channels / spread, spread / typical_noise(spread)


def in_noise_units(forward: Forward, snr: Tensor, told: Tensor) -> Tensor:
    """Run a network on images of unit noise: it sees them with the noise ``told`` (B, 1, F, Y, X) and that map."""
    told = told.expand(-1, -1, *snr.shape[2:])
    return forward(torch.cat([snr * told, told], dim=1)) / told


def expected(output: Tensor) -> Tensor:
    """Give the mean of noisy images of ``output`` (B, C, F, Y, X), in noise SDs.

    Complex images (C = 2) are their own mean; of a magnitude (C = 1) it is that of the Rician law, so that the output
    aims at the magnitude without noise.
    """
    return output if output.shape[1] == 2 else magnitude_mean(output.clamp_min(0))


def kept_by_parent(output: Tensor, parent: nn.Module | None, snr: Tensor, told: Tensor) -> Tensor:
    """Drift of magnitudes from the parent where noisy ones are silent (:func:`losses.drift`); 0 without a parent.

    Parameters
    ----------
    output : Tensor, shape (B, C, F, Y, X)
        What the network made of ``snr`` with the noise map ``told``.
    parent : nn.Module, optional
    snr, told : Tensor
        See :func:`noise_units`.
    """
    if parent is None or output.shape[1] == 2:
        return torch.zeros_like(output)
    with torch.no_grad():
        reference = in_noise_units(parent, snr, told)
    return drift(output, reference)
