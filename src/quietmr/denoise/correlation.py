"""Is the noise of an image white? Read from the image and a first estimate of its truth."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from quietmr.denoise.channels import Picture
from quietmr.denoise.noise_law import residual

# Correlations of neighbors below these are taken for white. The residual of an estimate always holds a little
# structure, so it has to show more than the air does.
_AIR_THRESHOLD, _RESIDUAL_THRESHOLD = 0.15, 0.25
_ENOUGH_VOXELS = 20_000


def _axis_correlation(values: Picture, mask: NDArray[np.bool_], lags: int, axis: int) -> NDArray[np.float64]:
    """Real part of the autocorrelation at lags 0 ... ``lags - 1`` along one axis, over pairs within the mask."""
    found = np.zeros(lags)
    centered = np.where(mask, values - values[mask].mean(), 0.0).astype(values.dtype)
    for lag in range(min(lags, values.shape[axis])):
        n = values.shape[axis] - lag
        first, second = (np.take(centered, range(start, start + n), axis=axis) for start in (0, lag))
        both = np.take(mask, range(n), axis=axis) & np.take(mask, range(lag, lag + n), axis=axis)
        found[lag] = float((first * second.conj()).sum().real) / max(int(both.sum()), 1)
    return np.asarray(found / max(found[0], 1e-12))


def noise_correlation(noisy: Picture, pilot: Picture, lags: tuple[int, int, int]) -> list[NDArray[np.float64]] | None:
    """Estimate the correlation of the complex noise along each axis.

    Air shows complex noise as it is; there the squared magnitude of Gaussian noise with correlation rho has correlation
    rho^2. Without enough air, the residual where the signal is strong is used.

    Parameters
    ----------
    noisy, pilot : array, shape (F, Y, X), float32 or complex64
        Magnitude or complex image and an estimate of its truth, in units of the noise SD per real channel.
    lags : (int, int, int)
        How many lags, 0 included, along each axis.

    Returns
    -------
    list of array, or None
        Correlation at lags 0, 1, ... along F, Y, X, its real part; None if the noise looks white or there is too
        little to tell.
    """
    level, is_complex = np.abs(pilot), np.iscomplexobj(noisy)
    air = (level < 0.5) & (uniform_filter(level, 3, mode="nearest") < 0.5) & (np.abs(noisy) > 0)
    if air.sum() >= _ENOUGH_VOXELS:
        seen = noisy if is_complex else np.square(noisy)
        measured = [_axis_correlation(seen, air, n, axis) for axis, n in enumerate(lags)]
        found = measured if is_complex else [np.sqrt(np.maximum(rho, 0.0)) for rho in measured]
        threshold = _AIR_THRESHOLD
    else:
        bright = level > 2.0
        if bright.sum() < _ENOUGH_VOXELS:
            return None
        left = residual(noisy, pilot).astype(noisy.dtype)
        plain = [_axis_correlation(left, bright, n, axis) for axis, n in enumerate(lags)]
        found, threshold = [np.maximum(rho, 0.0) for rho in plain], _RESIDUAL_THRESHOLD
    neighbors = [abs(rho[1]) for rho in found if rho.size > 1]
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
