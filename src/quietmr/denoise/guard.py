"""Give back what was removed by mistake: small spots that stand out from the removed noise."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.special import erfc

from quietmr.denoise.channels import Picture
from quietmr.denoise.noise_law import allowed, residual

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
    noisy: Picture, denoised: Picture, threshold: float = 3.0, correlation: list[NDArray[np.float64]] | None = None
) -> Picture:
    """Add removed spots back where they are too large to be noise.

    A nonlocal filter finds nothing similar to a small unique structure and lowers its contrast. Where the smoothed
    residual exceeds ``threshold`` of its own SD, the (slightly smoothed) residual is added back.

    Parameters
    ----------
    noisy, denoised : array, shape (F, Y, X), float32 or complex64
        Magnitude or complex image and result, in units of the noise SD per real channel.
    threshold : float
        In SDs of the smoothed noise, for real values; for complex ones, which are far from 0 more often, the distance
        from 0 that noise exceeds equally seldom.
    correlation : list of array, optional
        Correlation of the noise along each axis; None for white noise.

    Returns
    -------
    array, shape (F, Y, X)
    """
    flat = [0.0 if size == 1 else 1.0 for size in noisy.shape]
    left = residual(noisy, denoised)
    limit = _equally_rare(threshold) if np.iscomplexobj(noisy) else threshold
    spots = gaussian_filter(left, [_WIDTH * f for f in flat]) / _smoothed_sd(noisy.shape, correlation)
    there = np.minimum(4.0 * gaussian_filter((np.abs(spots) > limit).astype(np.float32), flat), 1.0)
    returned = denoised + there * gaussian_filter(left, [0.5 * f for f in flat])
    return np.asarray(allowed(returned), dtype=noisy.dtype)


def _equally_rare(threshold: float) -> float:
    """Distance from 0 of a complex normal value that is as rare as ``threshold`` is for a real one, both signs."""
    return float(np.sqrt(-2.0 * np.log(erfc(threshold / np.sqrt(2.0)))))
