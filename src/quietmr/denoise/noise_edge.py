"""How far correlation in the plane pushes out the largest singular value of the noise of a patch."""

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from quietmr.denoise.channels import Picture

_LAGS = 3
_STILL = 1.5  # mean square of the difference of two frames, relative to noise: still, or dark
_LEAST = 500  # pixels
_DRAWS = 24
_SEED = 1


def edge_inflation(series: Picture, sides: tuple[int, int]) -> float:
    """Largest singular value of patches of noise with the correlation of this sequence, relative to white noise.

    Parameters
    ----------
    series : array, shape (F, Y, X), complex64
        In units of the noise SD per real channel; the noise is told by differences of neighboring frames where nothing
        moves.
    sides : (Y, X)
        Size of a patch.

    Returns
    -------
    float
        At least 1.
    """
    lags = [_correlation(series, axis) for axis in (1, 2)]
    if max(float(np.abs(lag[1:]).max(initial=0.0)) for lag in lags) < 0.05:
        return 1.0
    frames = len(series)
    # A fixed seed: the same image gives the same result.
    rng = np.random.default_rng(_SEED)
    white, shaped = [], []
    for _ in range(_DRAWS):
        noise = rng.standard_normal((frames, *sides)) + 1j * rng.standard_normal((frames, *sides))
        white.append(_largest(noise))
        shaped.append(_largest(_shaped(_shaped(noise, lags[0], 1), lags[1], 2)))
    return max(1.0, float(np.mean(shaped) / np.mean(white)))


def _largest(patch: NDArray[np.complexfloating]) -> float:
    return float(np.linalg.svd(patch.reshape(len(patch), -1), compute_uv=False)[0])


def _correlation(series: Picture, axis: int) -> NDArray[np.floating]:
    """Correlation of the noise of neighbors, 1, 2 ... pixels apart along an axis; 1 at distance 0."""
    change = np.diff(series, axis=0)
    still = (np.abs(change) ** 2).mean(axis=0) < _STILL * 4.0
    found = [1.0]
    for lag in range(1, min(_LAGS, series.shape[axis] - 1) + 1):
        near, far = (np.take(change, range(a, b), axis) for a, b in _parts(series.shape[axis], lag))
        both = np.logical_and(*(np.take(still, range(a, b), axis - 1) for a, b in _parts(series.shape[axis], lag)))
        if both.sum() < _LEAST:
            break
        product = (near * far.conj()).real[:, both].sum()
        power = np.sqrt((np.abs(near[:, both]) ** 2).sum() * (np.abs(far[:, both]) ** 2).sum())
        found.append(float(product / max(power, 1e-30)))
    return np.array(found)


def _parts(n: int, lag: int) -> tuple[tuple[int, int], tuple[int, int]]:
    return (0, n - lag), (lag, n)


def _shaped(noise: NDArray[np.complexfloating], lags: NDArray[np.floating], axis: int) -> NDArray[np.complexfloating]:
    """Give white noise a correlation along an axis; its variance stays."""
    n = noise.shape[axis]
    course = np.zeros(n)
    for distance, value in enumerate(lags):
        course[[distance % n, -distance % n]] = value
    power = np.maximum(scipy.fft.fft(course).real, 0.0)
    gain = np.sqrt(power / power.mean()).reshape([-1 if k == axis else 1 for k in range(noise.ndim)])
    return np.asarray(scipy.fft.ifft(scipy.fft.fft(noise, axis=axis) * gain, axis=axis))
