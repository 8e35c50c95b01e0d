"""From clean complex patches to network input and target: noise as MR reconstructions have it, in SNR units."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from quietmr.noise.kspace_shaping import shape_noise
from quietmr.noise.mr_noise import MrNoisePair, apply, draw, windows
from quietmr.noise.sample_seed import sample_seed
from quietmr.training.mr_recipe import MrRecipe


def complex_batch(batch: list[Tensor], settings: MrRecipe, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Add noise to a batch of :class:`quietmr.training.complex_batches.ComplexBatches`.

    C is 2 (real part, imaginary part), or 1 for magnitudes.

    Parameters
    ----------
    batch : list of Tensor
        Clean patches (B, F, Y, X), complex; g-maps (B, 1, Y, X); seeds (B,).
    settings : MrRecipe
    rng : torch.Generator
        Of this step: the same batch gets new noise with another one.

    Returns
    -------
    x : Tensor, shape (B, C + 1, F, Y, X)
        Noisy image, noise map.
    target : Tensor, shape (B, C, F, Y, X)
    """
    clean, gmaps, seeds = batch
    word = int(torch.randint(2**63 - 1, (), generator=rng, device=rng.device))
    pairs = [
        complex_pair(patch, gmap, np.random.default_rng(sample_seed(int(seed), 0, word)), settings)
        for patch, gmap, seed in zip(clean, gmaps, seeds, strict=True)
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


def complex_pair(patch: Tensor, gmap: Tensor, rng: np.random.Generator, settings: MrRecipe) -> MrNoisePair:
    """Make one noisy patch with its truth.

    The phase is turned and, in half of the cases, mirrored at random; brightness and noise level are drawn apart, so
    that the SNR does not tell the brightness.

    Parameters
    ----------
    patch : Tensor, shape (F, Y, X), complex
        Noise-free, brightest tissue about 1.
    gmap : Tensor, shape (1, Y, X)
    rng : numpy Generator
    settings : MrRecipe
    """
    law = settings.noise_law
    if rng.random() < settings.white:
        law = law.only_white()
    chosen = replace(draw(rng, (patch.shape[0], patch.shape[1], patch.shape[2]), law, 1), gmap=0)
    signal = patch.conj().resolve_conj() if rng.random() < 0.5 else patch
    shaping = {axis: window / window[len(window) // 2] for axis, window in windows(chosen, tuple(patch.shape)).items()}
    if rng.random() < settings.through:
        signal = shape_noise(signal, shaping)
    low, high = settings.snr
    snr = low * (high / low) ** rng.random()
    # sigma may be 0 in the law of the paper: an image without noise keeps the brightness of one with little.
    brightness = snr * max(chosen.sigma, 0.1) * float(gmap.median())
    factor = brightness * np.exp(2j * np.pi * rng.random())
    pair = apply(chosen, signal * complex(factor), gmap[None], native_sd=0.0)
    told = float(np.exp(settings.jitter * rng.standard_normal())) if rng.random() < 0.5 else 1.0
    return pair._replace(told=pair.told * told)
