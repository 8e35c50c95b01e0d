"""The brightest tissue of a noisy magnitude image: the unit of networks that want intensities from 0 to 1."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from quietmr.data import InputError

# As in training (quietmr.training.scans.tissue_level): this percentile of what is above this part of the 99.9th one ...
_TISSUE, _PART, _TOP = 99.0, 0.05, 99.9
# ... and above so many noise SDs: the mean square of 5 x 5 pixels of air is 2 +- 0.4 squared SDs. Some of it is above
# in any image, but none is far above.
_NOISE_SDS, _CLEAR, _WIDE = 1.2, 2.0, 5


def brightest_tissue(magnitude: NDArray[np.float32], sigma: float) -> float:
    """Brightness of the brightest tissue of a noisy magnitude image, without what noise adds.

    Noise would raise a percentile of bright voxels and means would lower it, so each plane goes through a local Wiener
    filter (Lee 1980, 5 x 5 pixels: means where the pixels differ no more than noise does, the pixel itself elsewhere).
    Then the bias of magnitudes is taken off.

    Parameters
    ----------
    magnitude : array, shape (T, Z, Y, X)
    sigma : float
        Noise SD per real channel, above 0.

    Raises
    ------
    InputError
        If nothing is brighter than noise.
    """
    planes = magnitude.reshape(-1, *magnitude.shape[-2:])
    tissue, inside = (np.empty(planes.shape, np.float32) for _ in range(2))
    for plane, filtered, local in zip(planes, tissue, inside, strict=True):
        filtered[:], local[:] = _local_wiener(plane / sigma)
    if inside.max() <= _CLEAR:
        raise InputError(
            "Nothing in the image is brighter than its noise: check the noise level, or leave it as it is."
        )
    foreground = tissue[inside > max(_PART * float(np.percentile(tissue, _TOP)), _NOISE_SDS)]
    return float(np.percentile(foreground, _TISSUE)) * sigma


def _local_wiener(plane: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Filter a plane in noise SDs: its signal, and the root of the mean square signal in 5 x 5 pixels."""
    exact = np.asarray(plane, np.float64)
    mean, power = uniform_filter(exact, _WIDE), uniform_filter(np.square(exact), _WIDE)
    variance = np.maximum(power - np.square(mean), 0)
    filtered = mean + np.clip(1 - 1 / np.maximum(variance, 1), 0, 1) * (exact - mean)
    return np.sqrt(np.maximum(np.square(filtered) - 1, 0)), np.sqrt(np.maximum(power - 2, 0))
