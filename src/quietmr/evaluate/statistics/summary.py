"""Intervals from published summary figures, so that tables of papers can be recomputed."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from quietmr.data import InputError


@dataclass(frozen=True)
class Interval:
    """Interval of a mean that covers the true one in a part ``level`` of all repetitions."""

    low: float
    high: float
    level: float = 0.95


def interval_from_sd(mean: float, sd: float, n: int, level: float = 0.95) -> Interval:
    """Student's t interval of a mean, from the SD of single values.

    Parameters
    ----------
    mean, sd : float
        Mean and SD (n - 1 in its denominator) of the n values; for paired methods: of the differences.
    n : int
        Number of values, at least 2.
    level : float
        Part of the repetitions that the interval shall cover.

    Raises
    ------
    InputError
        If n < 2, the SD is negative, a number is not finite, or the level is not between 0 and 1.
    """
    check_count(n)
    if not (np.isfinite(mean) and np.isfinite(sd) and sd >= 0):
        raise InputError(f"Mean and SD must be finite and the SD not negative, got {mean:g} and {sd:g}.")
    if not 0 < level < 1:
        raise InputError(f"The level of an interval lies between 0 and 1 (0.95 is usual), got {level:g}.")
    half = float(stats.t.ppf(0.5 + level / 2, n - 1)) * sd / float(np.sqrt(n))
    return Interval(mean - half, mean + half, level)


def interval_from_t(mean: float, t: float, n: int, level: float = 0.95) -> Interval:
    """Student's t interval of a mean (difference), from the published t statistic: its standard error is mean / t.

    Parameters
    ----------
    mean : float
        Mean, or mean difference of pairs.
    t : float
        Paired or one-sample t statistic against zero, of the same sign as the mean.
    n : int
        Number of values or pairs, at least 2.

    Raises
    ------
    InputError
        As :func:`interval_from_sd`; if mean and t contradict each other or t is zero (which leaves the error unknown).
    """
    if not (np.isfinite(t) and t != 0 and mean / t >= 0) or mean == 0:
        raise InputError(
            f"A mean of {mean:g} with t = {t:g} does not tell the standard error: both must be finite, other than zero "
            "and of one sign."
        )
    check_count(n)
    return interval_from_sd(mean, mean / t * float(np.sqrt(n)), n, level)


def check_count(n: int) -> None:
    """Refuse fewer than two values.

    Raises
    ------
    InputError
        If n < 2.
    """
    if n < 2:
        raise InputError(f"At least two values are needed for a spread, got {n}: nothing can be tested on one case.")
