"""Is the noise of an image white? Read from the image and a first estimate of its truth."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from quietmr.noise import rician_mean, rician_variance

Volume = NDArray[np.float32]

# Correlations of neighbors below these are taken for white. The residual of an estimate always holds a little
# structure, so it has to show more than the air does.
_AIR_THRESHOLD, _RESIDUAL_THRESHOLD = 0.15, 0.25
_ENOUGH_VOXELS = 20_000


def _axis_correlation(values: Volume, mask: NDArray[np.bool_], lags: int, axis: int) -> NDArray[np.float64]:
    """Autocorrelation at lags 0 ... ``lags - 1`` along one axis, over pairs that both lie in the mask."""
    found = np.zeros(lags)
    centered = np.where(mask, values - values[mask].mean(), 0.0).astype(np.float32)
    for lag in range(min(lags, values.shape[axis])):
        n = values.shape[axis] - lag
        first, second = (np.take(centered, range(start, start + n), axis=axis) for start in (0, lag))
        both = np.take(mask, range(n), axis=axis) & np.take(mask, range(lag, lag + n), axis=axis)
        found[lag] = float((first * second).sum()) / max(int(both.sum()), 1)
    return np.asarray(found / max(found[0], 1e-12))


def noise_correlation(noisy: Volume, pilot: Volume, lags: tuple[int, int, int]) -> list[NDArray[np.float64]] | None:
    """Estimate the correlation of the complex noise along each axis.

    In air the squared magnitude of complex Gaussian noise with correlation rho has correlation rho^2. Without enough
    air, the residual where the signal is strong is used.

    Parameters
    ----------
    noisy, pilot : array, shape (F, Y, X)
        Magnitude and an estimate of its truth, in units of the noise SD.
    lags : (int, int, int)
        How many lags, 0 included, along each axis.

    Returns
    -------
    list of array, or None
        Correlation at lags 0, 1, ... along F, Y, X; None if the noise looks white or there is too little to tell.
    """
    air = (pilot < 0.5) & (uniform_filter(pilot, 3, mode="nearest") < 0.5) & (noisy > 0)
    if air.sum() >= _ENOUGH_VOXELS:
        squared = [_axis_correlation(np.square(noisy), air, n, axis) for axis, n in enumerate(lags)]
        found, threshold = [np.sqrt(np.maximum(rho, 0.0)) for rho in squared], _AIR_THRESHOLD
    else:
        bright = pilot > 2.0
        if bright.sum() < _ENOUGH_VOXELS:
            return None
        residual = (noisy - rician_mean(pilot, 1.0)) / np.sqrt(rician_variance(pilot, 1.0))
        plain = [_axis_correlation(residual.astype(np.float32), bright, n, axis) for axis, n in enumerate(lags)]
        found, threshold = [np.maximum(rho, 0.0) for rho in plain], _RESIDUAL_THRESHOLD
    neighbors = [rho[1] for rho in found if rho.size > 1]
    return found if neighbors and max(neighbors) > threshold else None


def block_correlation(axes: list[NDArray[np.float64]]) -> NDArray[np.float32]:
    """Correlation matrix of the voxels of a block for noise with a separable correlation.

    Parameters
    ----------
    axes : list of array
        Correlation at lags 0 ... n - 1 along each axis of the block.

    Returns
    -------
    array, shape (d, d)
        Positive definite (eigenvalues at least 0.02), ones on the diagonal; voxels in C order.
    """
    matrix: NDArray[np.float64] = np.ones((1, 1))
    for rho in axes:
        lag = np.abs(np.subtract.outer(np.arange(rho.size), np.arange(rho.size)))
        matrix = np.asarray(np.kron(matrix, rho[lag]), dtype=np.float64)
    values, vectors = np.linalg.eigh(matrix)
    matrix = (vectors * np.maximum(values, 0.02)) @ vectors.T
    scale = np.sqrt(np.diag(matrix))
    return np.asarray(matrix / np.outer(scale, scale), dtype=np.float32)
