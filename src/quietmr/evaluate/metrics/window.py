"""Windows of the metrics, applied axis by axis."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

Values = NDArray[np.float64]


def gaussian_taps(sigma: float, taps: int) -> Values:
    """Gaussian of SD ``sigma`` sampled at an odd number of taps, sum 1."""
    place = np.arange(taps) - taps // 2
    window = np.exp(-0.5 * np.square(place / sigma))
    return np.asarray(window / window.sum())


def odd_taps(wanted: int, size: int) -> int:
    """Longest odd window that fits an axis, at most ``wanted``."""
    return min(wanted, size - 1 + size % 2)


def smooth(values: Values, windows: Sequence[tuple[int, Values]]) -> Values:
    """Correlate with one window per axis, mirrored at the borders (c b a | a b c), as scikit-image does."""
    for axis, window in windows:
        if window.size > 1:
            values = correlate1d(values, window, axis=axis, mode="reflect")
    return values


def halve(values: Values) -> Values:
    """Mean of 2 x 2 voxels of a slice; an odd row or column at the end is left out."""
    y, x = values.shape[0] // 2, values.shape[1] // 2
    return np.asarray(values[: 2 * y, : 2 * x].reshape(y, 2, x, 2).mean(axis=(1, 3)))
