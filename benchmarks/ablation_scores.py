"""Scores of one denoised image, on magnitudes: the only images that all arms make.

- ``psnr_2048``: 20 log10(2048 / RMSE), as in the paper: the RMSE in noise SDs by another name, whatever the image.
- ``psnr``: the same with the brightest voxel of the clean magnitude instead of 2048.
- ``ssim``: Gaussian window 1.5 (11 taps), K1 .01, K2 .03, slice by slice where it fits; same range as ``psnr``.
- ``gain``: PSNR over that of the noisy magnitude.
- ``complex_gain``: the same for distances in the complex plane; None for magnitudes.

Both PSNRs of a case differ by a constant, so a difference between two methods is the same in both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from ablation_cases import Case
from scipy.ndimage import gaussian_filter
from torch import Tensor

from quietmr.training.similarity import similarity

_MAX = 2048.0
_RANGE = 100.0  # images are scaled to it for SSIM, whose data range is at least 1
_BLURS = [(frames, plane) for frames in (0.0, 0.5, 0.8, 1.2, 2.0) for plane in (0.0, 0.4, 0.6, 0.8, 1.1, 1.5, 2.2)]


@dataclass(frozen=True)
class Scores:
    """Scores of one image, dB but for ``ssim``."""

    psnr_2048: float
    psnr: float
    ssim: float
    gain: float
    complex_gain: float | None = None


def score(output: Tensor, case: Case) -> Scores:
    """Judge an estimate, shape (F, Y, X), complex or a magnitude (its sign is dropped), against the truth."""
    image, truth = output.abs(), case.clean.abs()
    error, peak = _rms(image - truth), float(truth.max())
    before = _rms(case.noisy.abs() - truth)
    complex_gain = None
    if output.is_complex():
        complex_gain = _db(_rms((case.noisy - case.clean).abs()) / _rms((output - case.clean).abs()))
    return Scores(_db(_MAX / error), _db(peak / error), _ssim(image, truth, peak), _db(before / error), complex_gain)


def best_blur(case: Case) -> Scores:
    """The Gaussian blur with the highest PSNR by the truth: of the complex image or of its magnitude, any width.

    Its complex gain is that of the blur of the complex image that has most of it.
    """
    parts = torch.view_as_real(case.noisy).movedim(-1, 0)
    turning = [_blurred(parts, widths) for widths in _BLURS]
    still = [_blurred(case.noisy.abs()[None], widths) for widths in _BLURS]
    truth = case.clean.abs()
    best = score(min([*turning, *still], key=lambda image: _rms(image.abs() - truth)), case)
    nearest = min(turning, key=lambda image: _rms((image - case.clean).abs()))
    return replace(best, complex_gain=score(nearest, case).complex_gain)


def _blurred(channels: Tensor, widths: tuple[float, float]) -> Tensor:
    frames, plane = widths
    image = torch.from_numpy(gaussian_filter(channels.numpy(), (0, frames, plane, plane), mode="nearest"))
    return torch.complex(image[0], image[1]) if len(image) == 2 else image[0]


def _ssim(image: Tensor, truth: Tensor, peak: float) -> float:
    scaled = [(part * (_RANGE / peak))[None, None] for part in (image, truth)]
    return float(similarity(scaled[0], scaled[1], (1, 2)).mean())


def _rms(error: Tensor) -> float:
    return float(error.double().square().mean().sqrt())


def _db(ratio: float) -> float:
    return 20 * math.log10(ratio)
