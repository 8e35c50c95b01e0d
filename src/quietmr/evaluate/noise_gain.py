"""By how much a denoiser lowers the noise, measured: the same image with fresh noise, many times through it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class NoiseGain:
    """Noise of a denoised image and gain in SNR, voxel by voxel.

    Parameters
    ----------
    sd : array, shape (T, Z, Y, X), float32
        SD of the denoised values over the replicas, in the units of the image (complex images: per real channel).
    gain : array, shape (T, Z, Y, X), float32
        SD of the replicas before denoising over that after it; 0 where there was no noise, 1000 at most.
    replicas : int
        How many replicas were run.
    median : float
        Median gain over the voxels that were asked for.
    relative_error : float
        Standard error of one voxel's SD as a part of it: 1 / sqrt(2 (replicas - 1)) for Gaussian values, 1 / sqrt 2 of
        that for complex ones, whose two channels are taken together.
    bias : array, shape (T, Z, Y, X), float32, optional
        Mean of the denoised replicas less the signal that noise was added to, in the units of the image (complex
        images: the part in phase with the signal).
    """

    sd: NDArray[np.float32]
    gain: NDArray[np.float32]
    replicas: int
    median: float
    relative_error: float
    bias: NDArray[np.float32] | None = None
