"""SNR and contrast of regions, and the spread over repeats: figures without a truth."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quietmr.data import InputError
from quietmr.evaluate.metrics.pair import full_mask


def snr(image: ArrayLike, region: ArrayLike | None = None) -> float:
    """Mean over SD in a region that should be uniform (no unit); higher is better. NEMA MS 1.

    Anatomy in the region counts as noise, and smoothing raises the value without adding knowledge: never use it alone.

    Parameters
    ----------
    image : array
        Real values, or complex ones, whose magnitudes are taken.
    region : array, broadcastable to the image, optional
        Voxels that count (other than zero); at least two.

    Raises
    ------
    InputError
        If fewer than two voxels count, one is NaN or infinite, or their SD is zero.
    """
    values = _values(image, region)
    return float(values.mean()) / _positive(float(values.std(ddof=1)))


def cnr_paper(a: ArrayLike, b: ArrayLike) -> float:
    """Contrast-to-noise ratio ``2 |S1 - S2| / (s1 + s2)`` of two regions (no unit); higher is better.

    S: mean, s: SD of the values of each region: noise is measured where the signal is, anatomy included. The
    definition of the DAS-FFDNet paper.

    Parameters
    ----------
    a, b : array
        Values of the two regions, at least two each.

    Raises
    ------
    InputError
        As :func:`snr`, if both SDs are zero.
    """
    first, second = _values(a), _values(b)
    spread = float(first.std(ddof=1) + second.std(ddof=1))
    return 2 * abs(float(first.mean() - second.mean())) / _positive(spread)


def cnr(a: ArrayLike, b: ArrayLike, noise_sd: float) -> float:
    """Contrast-to-noise ratio ``|S1 - S2| / noise SD`` of two regions (no unit); higher is better.

    The usual definition: the noise is measured elsewhere (repeats, a noise map, Monte-Carlo), not in the anatomy.

    Raises
    ------
    InputError
        As :func:`snr`; if the noise SD is not positive.
    """
    return abs(float(_values(a).mean() - _values(b).mean())) / _positive(float(noise_sd))


def cvar_map(repeats: ArrayLike) -> NDArray[np.float64]:
    """Coefficient of variation over repeats, SD / |mean| voxel by voxel (no unit); lower is better.

    Parameters
    ----------
    repeats : array, shape (N, ...)
        At least two repeats.

    Returns
    -------
    array, shape (...)
        0 where all repeats are zero, infinite where only their mean is.

    Raises
    ------
    InputError
        If there are fewer than two repeats, or a value is NaN or infinite.
    """
    values = np.asarray(repeats)
    if values.ndim < 2 or values.shape[0] < 2:
        raise InputError(f"The spread over repeats needs at least two of them, got an array of shape {values.shape}.")
    values = _magnitude(values)
    mean, sd = np.abs(values.mean(axis=0)), values.std(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(sd == 0, 0.0, sd / mean))


def cvar(repeats: ArrayLike, mask: ArrayLike | None = None) -> float:
    """Mean coefficient of variation over the voxels of a mask (no unit); lower is better. See :func:`cvar_map`.

    Raises
    ------
    InputError
        As :func:`cvar_map`; if the mask is empty, does not fit, or holds voxels whose mean over the repeats is zero.
    """
    spread = cvar_map(repeats)
    values = spread[full_mask(mask, spread.shape)]
    if not np.isfinite(values).all():
        raise InputError("Some voxels have the mean zero over the repeats: leave air out of the mask.")
    return float(values.mean())


def _values(image: ArrayLike, region: ArrayLike | None = None) -> NDArray[np.float64]:
    whole = np.asarray(image)
    values = _magnitude(whole[full_mask(region, whole.shape)] if whole.size else whole)
    if values.size < 2:
        raise InputError(f"A region needs at least two voxels, got {values.size}: choose a larger one.")
    return values


def _magnitude(values: NDArray[np.generic]) -> NDArray[np.float64]:
    real = np.asarray(np.abs(values) if np.iscomplexobj(values) else values, dtype=np.float64)
    if not np.isfinite(real).all():
        raise InputError("The image holds values that are NaN or infinite: fill them or leave them out of the region.")
    return real


def _positive(spread: float) -> float:
    if not spread > 0:
        raise InputError("The noise is zero there (all values equal): choose a region of the noisy image.")
    return spread
