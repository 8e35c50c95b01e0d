"""Numbers on one result: how far tissue stands above the noise, and how much was removed."""

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image, NoiseMap

# Air of a magnitude image stays below this many sigma in 99 of 100 voxels (Rayleigh: exp(-3^2 / 2) = 0.011).
_TISSUE = 3.0
# Ghosts and ringing lie below this part of the brightest tissue (99th percentile), however weak the noise is.
_BRIGHT = 0.1


def tissue(image: Image, noise: NoiseMap, mask: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """Voxels on which the numbers are measured.

    Parameters
    ----------
    image : Image
        Before denoising.
    noise : NoiseMap
        Its noise.
    mask : array of bool, broadcastable to (T, Z, Y, X), optional
        Tissue of interest; without it, tissue is what is brighter than 3 sigma and than a tenth of the 99th percentile.

    Returns
    -------
    array of bool, shape (T, Z, Y, X)
        Only finite voxels that have noise.
    """
    sigma = noise.over(image.shape)
    if mask is None:
        brightness = np.abs(np.nan_to_num(image.data, posinf=0.0, neginf=0.0))
        wanted = brightness > np.maximum(_TISSUE * sigma, _BRIGHT * np.percentile(brightness, 99))
    else:
        wanted = np.broadcast_to(mask, image.shape)
    where: NDArray[np.bool_] = np.isfinite(image.data) & (sigma > 0) & wanted
    return where


def median_snr(image: Image, noise: NoiseMap, where: NDArray[np.bool_]) -> float | None:
    """Median of magnitude / sigma over the voxels of ``where``; None if there are none."""
    if not where.any():
        return None
    return float(np.median(np.abs(image.data[where]) / noise.over(image.shape)[where]))


def removed_rms(before: Image, after: Image, noise: NoiseMap, where: NDArray[np.bool_]) -> float | None:
    """Root mean square of (before - after) / sigma over the voxels of ``where``; None if there are none.

    All of the noise and nothing else gives 1; complex images count per real channel.
    """
    if not where.any():
        return None
    relative = np.abs(before.data[where] - after.data[where]) / noise.over(before.shape)[where]
    channels = 2 if before.is_complex else 1
    return float(np.sqrt(np.mean(np.square(relative, dtype=np.float64)) / channels))
