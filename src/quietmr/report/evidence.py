"""Numbers on one result: how far tissue stands above the noise, and how much was removed."""

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image, NoiseMap


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
