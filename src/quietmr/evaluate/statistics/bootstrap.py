"""Bootstrap interval of a mean: no assumption on the law of the values."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from quietmr.evaluate.statistics.summary import Interval

_AT_ONCE = 4_000_000  # values drawn at a time


def bootstrap_interval(
    values: NDArray[np.float64], rng: np.random.Generator, level: float = 0.95, draws: int = 9999
) -> Interval:
    """Bias-corrected and accelerated (BCa) interval of the mean of independent values.

    Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 14. Too narrow for few values: 95 % intervals
    of normal values were measured to cover 84 % at n = 5, 91 % at 10, 93 % at 20. Look at the t interval too.

    Parameters
    ----------
    values : array, shape (N,), N >= 2
        Finite.
    rng : numpy Generator
    level : float
    draws : int
        Number of resampled means.

    Returns
    -------
    Interval
        A point where all values are equal.
    """
    mean = float(values.mean())
    if np.ptp(values) == 0:
        return Interval(mean, mean, level)
    means = _resampled_means(values, rng, draws)
    # where the estimate stands among the resampled ones (ties count half), and how its spread changes with the truth
    below = (np.count_nonzero(means < mean) + 0.5 * np.count_nonzero(means == mean)) / draws
    shift = stats.norm.ppf(np.clip(below, 0.5 / draws, 1 - 0.5 / draws))
    pull = mean - (values.sum() - values) / (values.size - 1)  # jackknife
    acceleration = float(np.sum(pull**3) / (6 * np.sum(pull**2) ** 1.5))
    tails = stats.norm.ppf([0.5 - level / 2, 0.5 + level / 2])
    places = stats.norm.cdf(shift + (shift + tails) / (1 - acceleration * (shift + tails)))
    low, high = np.quantile(means, places)
    return Interval(float(low), float(high), level)


def _resampled_means(values: NDArray[np.float64], rng: np.random.Generator, draws: int) -> NDArray[np.float64]:
    rows = max(1, _AT_ONCE // values.size)
    parts = [
        values[rng.integers(values.size, size=(min(rows, draws - start), values.size))].mean(axis=1)
        for start in range(0, draws, rows)
    ]
    return np.concatenate(parts)
