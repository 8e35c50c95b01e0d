"""Where there is something to measure: voxels that stand above the noise."""

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image, InputError, NoiseMap, mask_over

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

    Raises
    ------
    InputError
        If the mask does not fit the image.
    """
    sigma = noise.over(image.shape)
    if mask is None:
        brightness = np.abs(np.nan_to_num(image.data, posinf=0.0, neginf=0.0))
        wanted = brightness > np.maximum(_TISSUE * sigma, _BRIGHT * np.percentile(brightness, 99))
    else:
        wanted = mask_over(mask, image.shape)
    where: NDArray[np.bool_] = np.isfinite(image.data) & (sigma > 0) & wanted
    return where


def asked_for(image: Image, noise: NoiseMap, mask: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """Voxels that numbers are taken over: those of the mask, else tissue, that have noise.

    Raises
    ------
    InputError
        If the mask does not fit the image, or no voxel is left.
    """
    inside = tissue(image, noise, mask)
    if not inside.any():
        found = "No voxel stands clearly above the noise" if mask is None else "The mask holds no voxel with noise"
        raise InputError(f"{found}, so there is nothing to measure: give a mask of the tissue of interest.")
    return inside
