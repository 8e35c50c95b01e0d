"""Noise of MR reconstructions in SNR units, added to complex images (SNRAware, arXiv 2503.18162).

``S_n = (S + sigma n g) / sqrt(sigma^2 + 1)``, n of SD 1 per real channel, shaped in k-space by lower resolution,
partial Fourier and filters, and g the noise amplification of parallel imaging. Drawing is separate from use: `draw`
decides without looking at pixels, `apply` does it on the device of the image.
"""

from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from quietmr.data import InputError
from quietmr.noise.kspace_shaping import AxisFilters, Window, axis_window, gaussian, local_sd, shape_noise, unit_noise
from quietmr.noise.mr_law import Convention, MrNoiseLaw
from quietmr.noise.sample_seed import white_noise

_FRAMES_APART = 8  # the Gaussian of strength 2.25 spreads noise over 0.7 frames (SD)


@dataclass(frozen=True)
class MrNoiseDraw:
    """One decision about the noise of one sample: a few numbers, no pixels.

    Attributes
    ----------
    sigma : float
        SD of the added noise per real channel, in SNR units.
    y, x : AxisFilters
    temporal : float
        Strength of the filter along T; 0 = none.
    gmap : int or None
        Which of the g-maps offered; None = 1 everywhere.
    seed : int
        Of the white noise.
    convention : Convention
    """

    sigma: float
    y: AxisFilters
    x: AxisFilters
    temporal: float
    gmap: int | None
    seed: int
    convention: Convention


class MrNoisePair(NamedTuple):
    """A training pair: noisy and clean image (complex), and the map that the network is told (float), equal shapes."""

    noisy: Tensor
    clean: Tensor
    told: Tensor


def draw(rng: np.random.Generator, shape: tuple[int, int, int], law: MrNoiseLaw, n_gmaps: int = 0) -> MrNoiseDraw:
    """Decide on the noise of one sample.

    Parameters
    ----------
    rng : numpy Generator
        ``np.random.default_rng(sample_seed(base_seed, epoch, index, rank))``.
    shape : (T, Y, X)
        Series with fewer than three frames get no temporal filter.
    law : MrNoiseLaw
    n_gmaps : int
        How many g-maps there are to choose from; each of them, and 1 everywhere, is equally likely.
    """
    low, high = law.sigma
    position = rng.random()
    sigma = low + (high - low) * position if law.spacing == "uniform" else low * (high / low) ** position
    cut = int(rng.choice(4, p=law.cut))
    y, x = (_draw_axis(rng, law, is_cut=bool(cut & bit)) for bit in (1, 2))
    temporal = float(rng.choice(law.temporal)) if rng.random() < law.temporal_share else 0.0
    gmap = int(rng.integers(n_gmaps + 1))
    return MrNoiseDraw(
        sigma=float(sigma),
        y=y,
        x=x,
        temporal=temporal if shape[0] >= 3 else 0.0,
        gmap=gmap if gmap < n_gmaps else None,
        seed=int(rng.integers(2**63)),
        convention=law.convention,
    )


def _draw_axis(rng: np.random.Generator, law: MrNoiseLaw, *, is_cut: bool) -> AxisFilters:
    ratio = float(rng.choice(law.partial_fourier))
    return AxisFilters(
        resolution=float(rng.choice(law.resolution)),
        partial_fourier=ratio if is_cut else None,
        side="early" if rng.random() < 0.5 else "late",
        gaussian=float(rng.choice(law.gaussian)),
    )


def windows(draw: MrNoiseDraw, shape: tuple[int, ...]) -> dict[int, Window]:
    """k-space windows along Y (-2) and X (-1) of unit noise; axes without a filter have none."""
    named = {-2: draw.y, -1: draw.x}
    return {
        axis: axis_window(shape[axis], filters, draw.convention.windows)
        for axis, filters in named.items()
        if not filters.are_none
    }


def unit_frames(draw: MrNoiseDraw, signal: Tensor) -> Tensor:
    """Noise of SD 1 in the shape of the signal: white in the plane, with the temporal filter along T.

    Only g that changes from frame to frame could tell a temporal filter before it from one behind it.
    """
    shape = signal.shape
    if draw.temporal == 0:
        return white_noise(shape, draw.seed, signal)
    if draw.convention.temporal_wraps:
        window = gaussian(shape[-3], draw.temporal, draw.convention.windows)
        return shape_noise(white_noise(shape, draw.seed, signal), {-3: unit_noise(window)})
    # Frames that are cut off again, so that the last does not feel the first; an even number, on which the Gaussian
    # means the same for all lengths.
    longer = (*shape[:-3], shape[-3] + shape[-3] % 2 + _FRAMES_APART, *shape[-2:])
    window = gaussian(longer[-3], draw.temporal, "acquired")
    shaped = shape_noise(white_noise(longer, draw.seed, signal), {-3: unit_noise(window)})
    return shaped[..., : shape[-3], :, :]


def apply(
    draw: MrNoiseDraw, signal: Tensor, gmaps: Tensor | None = None, native_sd: float | Tensor = 1.0
) -> MrNoisePair:
    """Make a noisy image with its truth.

    Parameters
    ----------
    draw : MrNoiseDraw
    signal : Tensor, shape (..., T, Y, X), complex
        In SNR units: an image of a scan, divided by its own g-map or not, or a phantom. Leading axes share the filters
        and get noise of their own.
    gmaps : Tensor, shape (N, T or 1, Y, X), positive, optional
        As many as `draw` was told of.
    native_sd : float, or Tensor of shape (T or 1, Y, X)
        SD per real channel of the noise that the signal holds already: 1 for a scan divided by its g-map, the g-map for
        a scan in SNR units that was not, 0 for a phantom.
        Used by the map that is told (``local-sd``). It stays in the target too: of white noise a network then learns to
        remove only the part ``sigma^2 g^2 / (sigma^2 g^2 + native_sd^2)``.

    Returns
    -------
    MrNoisePair
        All of the shape of the signal. With native SD 1 and no filter the noise of ``noisy`` has the SD
        ``sqrt((1 + sigma^2 g^2) / (1 + sigma^2))`` per real channel.

    Raises
    ------
    InputError
        If the signal is not complex, has fewer than three axes, or the maps do not fit or are not positive.
    """
    _check_signal(signal)
    g = _chosen_map(draw, signal, gmaps)
    convention = draw.convention
    shaping = windows(draw, tuple(signal.shape))
    noise = unit_frames(draw, signal)
    if convention.order == "g-then-filter":
        noise, sd = shape_noise(noise * g, shaping), local_sd(g, shaping)
    else:
        noise, sd = shape_noise(noise, shaping) * g, g
    scale = 1 / sqrt(draw.sigma**2 + 1)
    told = g if convention.tells == "g" else scale * torch.sqrt(native_sd**2 + (draw.sigma * sd) ** 2)
    return MrNoisePair(
        noisy=(signal + draw.sigma * noise) * scale,
        clean=signal * scale if convention.scales_clean else signal,
        told=told.expand(signal.shape),
    )


def _check_signal(signal: Tensor) -> None:
    if not signal.is_complex() or signal.ndim < 3 or signal.numel() == 0:
        raise InputError(
            f"MR noise was asked for an image of {signal.dtype} and shape {tuple(signal.shape)}: use a complex one of "
            "(..., T, Y, X), and give a magnitude a phase first (quietmr.noise.phase)."
        )


def _chosen_map(draw: MrNoiseDraw, signal: Tensor, gmaps: Tensor | None) -> Tensor:
    """Give the g-map of the draw, shape (T or 1, Y, X), on the device of the signal."""
    real = signal.real.dtype
    if draw.gmap is None:
        return torch.ones((1, *signal.shape[-2:]), device=signal.device, dtype=real)
    if gmaps is None or draw.gmap >= len(gmaps):
        raise InputError(
            f"The noise was drawn for g-map {draw.gmap} of a sample that has {0 if gmaps is None else len(gmaps)}: "
            "offer as many maps as the draw was told of."
        )
    g = gmaps[draw.gmap].to(device=signal.device, dtype=real)
    frames, *plane = signal.shape[-3:]
    if g.ndim != 3 or list(g.shape[1:]) != plane or g.shape[0] not in (1, frames):
        raise InputError(
            f"A g-map of shape {tuple(g.shape)} does not fit an image of {tuple(signal.shape[-3:])}: use 1 or T, Y, X."
        )
    if not bool((torch.isfinite(g) & (g > 0)).all()):
        raise InputError("A g-map holds values that are not positive numbers: set them to 1 where there is no signal.")
    return g
