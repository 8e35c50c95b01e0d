"""Mean, variance and bias of magnitude images: the Rician law and its many-channel form.

A magnitude image is the root of a sum of squares of Gaussian channels, so its mean lies above the true signal and its
variance below the variance of the channels. Everything here rests on one function of the signal-to-noise ratio ``a`` =
signal / sigma: the excess ``D(a) = M(a)^2 - a^2`` of the squared mean over the squared signal, where

    M(a) = sqrt(pi / 2) L_(1/2)^(n-1)(-a^2 / 2),      V(a) = 2 n + a^2 - M(a)^2 = 2 n - D(a)

are the mean and variance for sigma 1 and n complex channels (n = 1: Rician). D falls smoothly from its Rayleigh value
to 2 n - 1 and is tabulated against ``a^2 / (a^2 + 2 n)``, which covers every ratio from zero to infinity, so that no
large numbers are ever subtracted from each other.

Sources: Rice, Bell Syst Tech J 24 (1945); Constantinides et al., Magn Reson Med 38 (1997) for many channels;
Koay and Basser, J Magn Reson 179 (2006) for the correction of mean and variance together.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quietmr.data import InputError

Reals = NDArray[np.floating[Any]]

_CELLS = 8192
_SERIES_FROM = 40.0  # of x / n, x = a^2 / 2: this many terms of the series in n / x are exact to double precision there
_SERIES_TERMS = 12


@dataclass(frozen=True)
class _Tables:
    """Tables for one number of channels, uniform in x / (x + 2 n) of the quantity x they are read at."""

    excess: NDArray[np.float64]  # D against a^2 / (a^2 + 2 n)
    square_ratio: NDArray[np.float64]  # a^2 / (M^2 - D(0)) against its denominator
    variance: NDArray[np.float64]  # V against the root of the growth of M^2 / V above its Rayleigh value


def _excess_series(x: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Excess M^2 - 2 x for large x = a^2 / 2, from the asymptotic series of the confluent hypergeometric function."""
    terms = [1.0]
    for k in range(_SERIES_TERMS):
        terms.append(terms[-1] * (k - 0.5) * (k + 0.5 - n) / ((k + 1) * n))
    squared = np.convolve(terms, terms)[1 : _SERIES_TERMS + 1]  # M^2 / (2 x) - 1 in powers of n / x
    result: NDArray[np.float64] = 2 * n * np.polynomial.polynomial.polyval(n / x, squared)
    return result


def _excess_integral(x: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Excess M^2 - 2 x for small and medium x.

    M is the mean of the root of a non-central chi-squared variable. The root of y is the integral of
    ``(1 - exp(-t y)) t^(-3/2) / (2 sqrt(pi))`` over t, and the mean of ``exp(-t y)`` is known in closed form; in log t
    the trapezoidal rule converges exponentially.
    """
    log_t, step = np.linspace(-76.0, 76.0, 609, retstep=True)
    t = np.exp(log_t)
    weight = np.exp(-0.5 * log_t) * step / (2 * np.sqrt(np.pi))
    noise, signal = n * np.log1p(2 * t), 2 * t / (1 + 2 * t)
    parts = np.array_split(x, 1 + x.size // 1000)  # a few MB at a time
    mean = np.concatenate([-np.expm1(-noise - part[:, None] * signal) @ weight for part in parts])
    result: NDArray[np.float64] = mean * mean - 2 * x
    return result


def _excess_exact(a: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Excess D(a) to about ten digits for every a."""
    x = 0.5 * a * a
    small = x < _SERIES_FROM * n
    excess = np.empty_like(x)
    excess[small] = _excess_integral(x[small], n)
    excess[~small] = _excess_series(x[~small], n)
    return excess


def _on_grid(square: NDArray[np.float64], values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Values known at rising squares (0 and infinity included), on the uniform grid of square / (square + 2 n)."""
    places = np.append(square[:-1] / (square[:-1] + 2 * n), 1.0)
    return np.interp(np.linspace(0, 1, _CELLS + 1), places, values)


@lru_cache(maxsize=32)
def _tables(n: int) -> _Tables:
    if n < 1:
        raise InputError(
            f"A magnitude image has at least one channel, got n_channels = {n}: give 1 for a Rician image."
        )
    a = np.concatenate(([0.0], np.sqrt(n) * np.geomspace(2e-2, 1e4, 20_000), [np.inf]))
    excess = np.append(_excess_exact(a[:-1], n), 2 * n - 1)
    rayleigh, variance = excess[0], 2 * n - excess
    above = a**2 - (rayleigh - excess)
    square_ratio = np.concatenate(([2 * n / rayleigh], a[1:-1] ** 2 / above[1:-1], [1.0]))
    # mean over SD starts flat, with a^4, so that the root of its growth is tabulated
    growth = np.sqrt(np.maximum((a**2 + excess) / variance - rayleigh / variance[0], 0))
    return _Tables(_on_grid(a**2, excess, n), _on_grid(above, square_ratio, n), _on_grid(growth, variance, n))


def _look_up(table: NDArray[np.float64], square: Reals, n: int) -> Reals:
    """Interpolate ``table`` at ``square / (square + 2 n)``; ``square`` may be infinite."""
    with np.errstate(invalid="ignore"):
        place = _CELLS - _CELLS * 2 * n / (square + 2 * n)
        cell = np.minimum(place, _CELLS - 1).astype(np.int32)
    cell = np.where(cell < 0, 0, cell)  # NaN casts to some negative number
    values = table.astype(square.dtype)
    low = values[cell]
    return low + (place - cell.astype(square.dtype)) * (values[cell + 1] - low)


def _pair(values: ArrayLike, sigma: ArrayLike) -> tuple[Reals, Reals]:
    """Bring both to one floating type and refuse a noise level that makes no sense."""
    level, array = np.asarray(sigma), np.asarray(values)
    if not np.all(level >= 0) or not np.all(np.isfinite(level)):
        raise InputError(
            "The noise level must be finite and not negative everywhere: check the given sigma or noise map."
        )
    is_single = array.dtype in (np.float32, np.float16) and (level.ndim == 0 or level.dtype in (np.float32, np.float16))
    dtype = np.float32 if is_single else np.float64
    return array.astype(dtype, copy=False), level.astype(dtype, copy=False)


def _ratio(values: Reals, sigma: Reals) -> Reals:
    """Values over sigma, infinite where sigma is zero."""
    shape = np.broadcast_shapes(values.shape, sigma.shape)
    out = np.full(shape, np.inf, dtype=values.dtype)
    with np.errstate(over="ignore"):
        return np.divide(values, sigma, out=out, where=np.broadcast_to(sigma > 0, shape))


def _excess(signal: Reals, sigma: Reals, n: int) -> Reals:
    with np.errstate(over="ignore"):
        return _look_up(_tables(n).excess, np.square(_ratio(signal, sigma)), n)


def rician_mean(signal: ArrayLike, sigma: ArrayLike, n_channels: int = 1) -> Reals:
    """Mean of a noisy magnitude whose noise-free value is known.

    Parameters
    ----------
    signal : array
        Noise-free magnitude, any unit (its sign does not matter). NaN stays NaN.
    sigma : float or array, broadcastable to ``signal``
        Noise SD per real channel in the same unit; 0 gives ``abs(signal)``.
    n_channels : int
        Complex channels under a root-sum-of-squares image (non-central chi); 1 is Rician.

    Returns
    -------
    array
        Mean in the same unit, float32 for float32 input, else float64; relative error below 1e-6.

    Raises
    ------
    InputError
        If sigma is negative or not finite, or there is no channel.

    Notes
    -----
    Scale-equivariant: ``rician_mean(c * s, c * sigma) = c * rician_mean(s, sigma)``.
    """
    s, level = _pair(signal, sigma)
    mean: Reals = np.hypot(s, level * np.sqrt(_excess(s, level, n_channels)))
    return mean


def rician_variance(signal: ArrayLike, sigma: ArrayLike, n_channels: int = 1) -> Reals:
    """Variance of a noisy magnitude whose noise-free value is known.

    For sigma 1 and one channel it rises from ``2 - pi / 2`` (air) to 1 (strong signal). Parameters and errors are those
    of `rician_mean`; the result is in the squared unit.
    """
    s, level = _pair(signal, sigma)
    variance: Reals = level**2 * (2 * n_channels - _excess(s, level, n_channels))
    return variance


def signal_from_mean(mean: ArrayLike, sigma: ArrayLike, n_channels: int = 1) -> Reals:
    """Noise-free signal whose noisy magnitude has this mean: the inverse of `rician_mean`.

    Parameters
    ----------
    mean : array
        Mean of the noisy magnitude (a denoised magnitude image, say), any unit. NaN stays NaN.
    sigma : float or array, broadcastable to ``mean``
        Noise SD per real channel in the same unit; 0 gives ``mean`` itself (0 for negative values).
    n_channels : int
        Complex channels under a root-sum-of-squares image; 1 is Rician.

    Returns
    -------
    array
        Signal in the same unit, never negative, rising with ``mean``; 0 where ``mean`` is at or below the mean of noise
        alone (for one channel ``sqrt(pi / 2) * sigma``).

    Raises
    ------
    InputError
        If sigma is negative or not finite, or there is no channel.
    """
    m, level = _pair(mean, sigma)
    tables = _tables(n_channels)
    ratio = _ratio(np.maximum(m, 0), level)
    floor = m.dtype.type(np.sqrt(tables.excess[0]))
    root = np.sqrt(np.maximum(ratio - floor, 0)) * np.sqrt(ratio + floor)
    with np.errstate(over="ignore"):
        square_ratio = _look_up(tables.square_ratio, np.square(root), n_channels)
    with np.errstate(invalid="ignore"):
        return np.where(level > 0, level * root * np.sqrt(square_ratio), np.maximum(m, 0))


def signal_from_second_moment(second_moment: ArrayLike, sigma: ArrayLike, n_channels: int = 1) -> Reals:
    """Noise-free signal from the mean of the *squared* noisy magnitude, ``sqrt(E[m^2] - 2 n sigma^2)``, 0 below zero.

    ``second_moment`` is in the squared unit of ``sigma``; errors are those of `signal_from_mean`.
    """
    moment, level = _pair(second_moment, sigma)
    _tables(n_channels)
    signal: Reals = np.sqrt(np.maximum(moment - 2 * n_channels * level**2, 0))
    return signal


def sigma_from_moments(mean: ArrayLike, variance: ArrayLike, n_channels: int = 1) -> Reals:
    """Noise SD per real channel from the mean and variance of a noisy magnitude at one signal level.

    The correction of Koay and Basser (2006) solved by a table instead of by iteration. Where the mean is smaller than
    noise alone would make it (mean / SD below 1.913 for one channel), the value for noise alone is given.

    Parameters
    ----------
    mean : array
        Mean of the noisy magnitude.
    variance : array, broadcastable to ``mean``
        Its variance, in the squared unit, not negative.
    n_channels : int
        Complex channels under a root-sum-of-squares image; 1 is Rician.

    Returns
    -------
    array
        Noise SD per real channel, in the unit of ``mean``.

    Raises
    ------
    InputError
        If the variance is negative or not finite, or there is no channel.
    """
    m, var = _pair(mean, variance)
    tables = _tables(n_channels)
    sd = np.sqrt(var)
    floor = m.dtype.type(tables.excess[0] / (2 * n_channels - tables.excess[0]))
    with np.errstate(over="ignore"):
        growth = np.sqrt(np.maximum(np.square(_ratio(np.maximum(m, 0), sd)) - floor, 0))
    sigma: Reals = sd / np.sqrt(_look_up(tables.variance, growth, n_channels))
    return sigma
