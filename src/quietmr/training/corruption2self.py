"""Corruption2Self (Tu, Shi, Lam, ICLR 2025): add noise to a noisy image, and learn to undo both."""

import torch
from torch import Tensor, nn

from quietmr.training.noisy_input import Forward, expected, in_noise_units, kept_by_parent, noise_units
from quietmr.training.probes import draw_probes

MOST_ADDED = 2.0  # largest SD of the added noise, in SDs of the noise that is there


def corruption2self_objective(
    forward: Forward, batch: list[Tensor], rng: torch.Generator, parent: nn.Module | None = None
) -> Tensor:
    """Mean squared distance to the noisy image of the best guess of it from a noisier one.

    Of all noise of the noisier image x, SD s, the share 1 / s^2 of the power was there before (SD 1). In the mean the
    noisy image is ``(1 - 1 / s^2) f + (1 / s^2) x``, with f the mean truth given x (Tweedie): where that matches, the
    network is f. The drawn noise is correlated as that of a k-space with an empty rim. The noise has to be Gaussian, so
    magnitudes, of which mean magnitudes are compared, are right from about three noise SDs on.

    Parameters
    ----------
    forward : callable
        Is told the SD of both noises together by its noise map.
    batch : list of Tensor
        Noisy patches, their noise (:func:`noisy_input.noise_units`), and the filled part of their k-space (B, 3).
    rng : torch.Generator
    parent : nn.Module, optional
        Network that magnitudes stay with in air.

    Returns
    -------
    Tensor, scalar
        In squared noise SDs.
    """
    snr, told = noise_units(batch)
    added = MOST_ADDED * torch.rand((len(snr), 1, 1, 1, 1), generator=rng, device=rng.device)
    noisier = snr + added * draw_probes(snr, batch[2], rng)
    total = (1 + added.square()).sqrt()
    share = total.square().reciprocal()
    # The network sees an image whose noise SD is all that there is.
    output = in_noise_units(forward, noisier / total, told * total)
    error = (1 - share) * expected(output * total) + share * noisier - snr
    drift = total.square() * kept_by_parent(output, parent, noisier / total, told * total)
    return (error.square() + drift).mean()
