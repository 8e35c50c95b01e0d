"""Give back what was removed by mistake: small spots that stand out from the removed noise."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from quietmr.noise import rician_mean, rician_variance

Volume = NDArray[np.float32]

_WIDTH = 0.9


def _smoothed_sd(shape: tuple[int, ...], axes: list[NDArray[np.float64]] | None) -> float:
    """SD of noise of SD 1 after the smoothing that looks for spots; ``axes`` is its correlation, None if white."""
    variance = 1.0
    for axis, size in enumerate(shape):
        if size == 1:
            continue
        impulse = np.zeros(33)
        impulse[16] = 1.0
        kernel = gaussian_filter(impulse, _WIDTH)
        overlap = np.correlate(kernel, kernel, "full")[kernel.size - 1 :]
        rho = np.zeros(kernel.size)
        rho[0] = 1.0
        if axes is not None:
            rho[: axes[axis].size] = axes[axis]
        variance *= overlap[0] + 2.0 * float((overlap[1:] * rho[1:]).sum())
    return float(np.sqrt(max(variance, 1e-6)))


def give_back(
    noisy: Volume, denoised: Volume, threshold: float = 3.0, correlation: list[NDArray[np.float64]] | None = None
) -> Volume:
    """Add removed spots back where they are too large to be noise.

    A nonlocal filter finds nothing similar to a small unique structure and lowers its contrast. Where the smoothed
    residual exceeds ``threshold`` of its own SD, the (slightly smoothed) residual is added back.

    Parameters
    ----------
    noisy, denoised : array, shape (F, Y, X)
        Magnitude and result, in units of the noise SD.
    threshold : float
        In SDs of the smoothed noise.
    correlation : list of array, optional
        Correlation of the noise along each axis; None for white noise.

    Returns
    -------
    array, shape (F, Y, X)
    """
    flat = [0.0 if size == 1 else 1.0 for size in noisy.shape]
    residual = (noisy - rician_mean(denoised, 1.0)) / np.sqrt(rician_variance(denoised, 1.0))
    spots = gaussian_filter(residual, [_WIDTH * f for f in flat]) / _smoothed_sd(noisy.shape, correlation)
    there = np.minimum(4.0 * gaussian_filter((np.abs(spots) > threshold).astype(np.float32), flat), 1.0)
    returned = denoised + there * gaussian_filter(residual, [0.5 * f for f in flat])
    return np.asarray(np.maximum(returned, 0.0), dtype=np.float32)
