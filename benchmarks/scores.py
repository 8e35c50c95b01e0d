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

from quietmr.evaluate import metrics

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
    change = (image.astype(np.float64) - case.noisy) / case.sigma
    similarity = metrics.ssim_map(image, case.truth, reference)
    return Scores(
        psnr=metrics.psnr(image, case.truth, reference, foreground),
        ssim=float(similarity[foreground].mean()),
        psnr_all=metrics.psnr(image, case.truth, reference),
        ssim_all=float(similarity.mean()),
        bias=metrics.bias(image, case.truth, reference, foreground),
        change=float(np.sqrt(np.mean(change[foreground] ** 2))),
    )
