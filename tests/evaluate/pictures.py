"""Pictures on which the metrics are tried."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

RANGE = 120.0
Array = NDArray[np.float64]


def blobs(rng: np.random.Generator, shape: tuple[int, ...] = (1, 2, 180, 188)) -> Array:
    """Two tissues of 40 and 100 with curved, slightly soft borders, shape (T, Z, Y, X)."""
    field = gaussian_filter(rng.standard_normal(shape), [0, 0, 5, 5])
    return gaussian_filter(np.where(field > 0, 100.0, 40.0), [0, 0, 0.8, 0.8])


def noisy(truth: Array, rng: np.random.Generator, sigma: float = 8.0) -> Array:
    """The truth with Gaussian noise."""
    return truth + sigma * rng.standard_normal(truth.shape)
