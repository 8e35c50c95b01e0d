"""From clean complex patches to network input and target: noise as MR reconstructions have it, in SNR units."""

from dataclasses import replace
from math import sqrt

import numpy as np
import torch
from torch import Tensor

from quietmr.noise.kspace_shaping import Window, local_sd, shape_noise
from quietmr.noise.mr_noise import MrNoisePair, apply, draw, windows
from quietmr.noise.sample_seed import sample_seed
from quietmr.training.mr_recipe import MrRecipe

_LEAST_ADDED = 3.0  # SD of the added noise, in SDs of what a scan holds already
# sigma may be 0 in the law of the paper: an image without noise keeps the brightness of one with little.
_LEAST_SIGMA = 0.1


def complex_batch(batch: list[Tensor], settings: MrRecipe, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Add noise to a batch of :class:`quietmr.training.complex_batches.ComplexBatches`.

    C is 2 (real part, imaginary part), or 1 for magnitudes.

    Parameters
    ----------
    batch : list of Tensor
        Clean patches (B, F, Y, X), complex; g-maps (B, F or 1, Y, X); seeds (B,); and, if some patches hold noise of
        their own, its SD (B, F or 1, Y, X).
    settings : MrRecipe
    rng : torch.Generator
        Of this step: the same batch gets new noise with another one.

    Returns
    -------
    x : Tensor, shape (B, C + 1, F, Y, X)
        Noisy image, noise map.
    target : Tensor, shape (B, C, F, Y, X)
    """
    clean, gmaps, seeds, *held = batch
    native = held[0] if held else torch.zeros_like(gmaps)
    word = int(torch.randint(2**63 - 1, (), generator=rng, device=rng.device))
    pairs = [
        complex_pair(patch, gmap, np.random.default_rng(sample_seed(int(seed), 0, word)), settings, native=sd)
        for patch, gmap, seed, sd in zip(clean, gmaps, seeds, native, strict=True)
    ]
    inputs, targets = zip(*(as_channels(pair, settings) for pair in pairs), strict=True)
    return torch.stack(inputs), torch.stack(targets)


def as_channels(pair: MrNoisePair, settings: MrRecipe) -> tuple[Tensor, Tensor]:
    """Lay out a pair (F, Y, X): input (C + 1, F, Y, X) with the noise map last, and target (C, F, Y, X)."""
    noisy, clean = (
        [image.abs()] if settings.images == "magnitude" else [image.real, image.imag]
        for image in (pair.noisy, pair.clean)
    )
    return torch.stack([*noisy, pair.told]), torch.stack(clean)


def as_told(x: Tensor, settings: MrRecipe) -> Tensor:
    """Keep from the network what it is not to know of the noise: input (..., C + 1, F, Y, X), the noise map last."""
    if settings.told == "map":
        return x
    return torch.cat([x[..., :-1, :, :, :], torch.ones_like(x[..., -1:, :, :, :])], dim=-4)


def complex_pair(
    patch: Tensor, gmap: Tensor, rng: np.random.Generator, settings: MrRecipe, *, native: Tensor | None = None
) -> MrNoisePair:
    """Make one noisy patch with its truth.

    The phase is turned and, in half of the cases, mirrored at random; brightness and noise level are drawn apart, so
    that the SNR does not tell the brightness.

    Parameters
    ----------
    patch : Tensor, shape (F, Y, X), complex
        Brightest tissue about 1.
    gmap : Tensor, shape (F or 1, Y, X)
    rng : numpy Generator
    settings : MrRecipe
    native : Tensor, shape (F or 1, Y, X), optional
        SD per real channel of the noise that the patch holds; none if left out. It stays in the truth, so at least
        three times as much is added: of the noise that there is then, the truth holds a tenth of the power.
    """
    law = settings.noise_law
    if rng.random() < settings.white:
        law = law.only_white()
    chosen = replace(draw(rng, (patch.shape[0], patch.shape[1], patch.shape[2]), law, 1), gmap=0)
    signal = patch.conj().resolve_conj() if rng.random() < 0.5 else patch
    held = torch.zeros_like(gmap[:1]) if native is None else native
    if rng.random() < settings.through:
        signal, held = _filtered(signal, held, windows(chosen, tuple(patch.shape)))
    own = float(held.median())
    brightness = _brightness(rng, settings.snr, own) * max(chosen.sigma, _LEAST_SIGMA) * float(gmap.median())
    factor = brightness * np.exp(2j * np.pi * rng.random())
    pair = apply(chosen, signal * complex(factor), gmap[None], native_sd=brightness * held)
    told = float(np.exp(settings.jitter * rng.standard_normal())) if rng.random() < 0.5 else 1.0
    return pair._replace(told=pair.told * told)


def _filtered(signal: Tensor, held: Tensor, unit: dict[int, Window]) -> tuple[Tensor, Tensor]:
    """Filter a signal, and the SD of the white noise in it, so that a uniform signal keeps its value."""
    middle = {axis: window[len(window) // 2] for axis, window in unit.items()}
    shaped = shape_noise(signal, {axis: window / middle[axis] for axis, window in unit.items()})
    return shaped, local_sd(held, unit) / float(np.prod(list(middle.values())))


def _brightness(rng: np.random.Generator, snr: tuple[float, float], own: float) -> float:
    """Draw how bright the brightest tissue is over the added noise, so that the SNR is log-uniform between bounds.

    ``own`` is the SD of the noise that the signal holds, relative to the brightest tissue: it bounds the SNR.
    """
    most = 1 / (own * sqrt(1 + _LEAST_ADDED**2)) if own > 0 else float("inf")
    low, high = min(snr[0], most), min(snr[1], most)
    drawn = low * (high / low) ** rng.random()
    return float(1 / sqrt(drawn**-2 - own**2))
