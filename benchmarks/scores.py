"""Scores of one denoised image against its truth.

PSNR and SSIM use the brightness of the brightest tissue as data range (``volumes.load``), inside the foreground and on
the whole image. SSIM: Gaussian window 1.5 (11 taps), K1 .01, K2 .03, slice by slice (thin slabs have no eleven slices),
mean over voxels. Bias: mean error in the foreground as a percentage of the data range. Change: what the method did to
the noisy image, root mean square over the foreground in noise SDs; about 1 where it removes the noise and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from noise_cases import NoisyCase
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Scores:
    """PSNR in dB, SSIM, bias in percent, change in noise SDs; ``_all``: whole image, else foreground."""

    psnr: float
    ssim: float
    psnr_all: float
    ssim_all: float
    bias: float
    change: float


def score(image: Array, case: NoisyCase, foreground: NDArray[np.bool_], reference: float) -> Scores:
    """Compare a denoised image, shape (T, Z, Y, X), with the truth of its case."""
    error = image.astype(np.float64) - case.truth
    change = (image.astype(np.float64) - case.noisy) / case.sigma
    similarity = _ssim(image, case.truth, reference)
    return Scores(
        psnr=_psnr(error[foreground], reference),
        ssim=float(similarity[foreground].mean()),
        psnr_all=_psnr(error, reference),
        ssim_all=float(similarity.mean()),
        bias=100 * float(error[foreground].mean()) / reference,
        change=float(np.sqrt(np.mean(change[foreground] ** 2))),
    )


def _psnr(error: NDArray[np.float64], reference: float) -> float:
    return float(20 * np.log10(reference / np.sqrt(np.mean(error**2))))


def _ssim(image: Array, truth: Array, reference: float) -> NDArray[np.float64]:
    planes = zip(image.reshape(-1, *image.shape[2:]), truth.reshape(-1, *truth.shape[2:]), strict=True)
    maps = [
        structural_similarity(
            plane, true, data_range=reference, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
        )[1]
        for plane, true in planes
    ]
    return np.stack(maps).reshape(image.shape)
