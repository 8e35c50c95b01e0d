"""Two methods on the same cases."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from quietmr.data import InputError
from quietmr.evaluate.statistics.bootstrap import bootstrap_interval
from quietmr.evaluate.statistics.summary import Interval, check_count, interval_from_sd


@dataclass(frozen=True)
class PairedComparison:
    """What n paired differences ``a - b`` say.

    Parameters
    ----------
    n : int
        Number of pairs.
    mean, sd : float
        Of the differences; SD with n - 1.
    t : float
        Paired t statistic, n - 1 degrees of freedom; infinite if all differences are equal.
    t_p : float
        Two-sided p of it. Assumes differences that are roughly normal (or many).
    t_interval : Interval
        Of the mean difference, by Student's t.
    wilcoxon : float
        Sum of the signed ranks, the smaller of both signs; zero differences are left out (Wilcoxon 1945).
    wilcoxon_p : float
        Two-sided p of it, exact for few cases (scipy's choice); assumes differences that are symmetric. Below six
        pairs it cannot fall under 0.05.
    bootstrap : Interval
        BCa interval of the mean difference.
    effect : float
        Cohen's d_z, mean / SD of the differences: 0.2 small, 0.5 medium, 0.8 large.
    wins : int
        Pairs with a > b.
    """

    n: int
    mean: float
    sd: float
    t: float
    t_p: float
    t_interval: Interval
    wilcoxon: float
    wilcoxon_p: float
    bootstrap: Interval
    effect: float
    wins: int


def paired_comparison(
    a: ArrayLike, b: ArrayLike, rng: np.random.Generator, level: float = 0.95, draws: int = 9999
) -> PairedComparison:
    """Compare two methods on the same cases.

    A case is what was drawn independently: a person, not a slice and not a noise seed of one person. Slices of one head
    counted as cases make every p-value far too small.

    Parameters
    ----------
    a, b : array, shape (N,)
        Values of both methods, case by case.
    rng : numpy Generator
        For the bootstrap.
    level : float
        Of the intervals.
    draws : int
        Of the bootstrap.

    Raises
    ------
    InputError
        If the numbers of values differ, there are fewer than two, a value is not finite, or all pairs are equal (there
        is nothing to test).
    """
    first, second = (np.asarray(values, dtype=np.float64).reshape(-1) for values in (a, b))
    if first.size != second.size:
        raise InputError(f"Pairs need equally many values of both methods, got {first.size} and {second.size}.")
    check_count(first.size)
    bad = int(np.count_nonzero(~(np.isfinite(first) & np.isfinite(second))))
    if bad:
        raise InputError(f"{bad} of {first.size} pairs hold a value that is NaN or infinite: leave these cases out.")
    differences = first - second
    if not differences.any():
        raise InputError("Both methods have the same value in every case: there is nothing to test.")
    n, mean, sd = differences.size, float(differences.mean()), float(differences.std(ddof=1))
    interval = interval_from_sd(mean, sd, n, level)
    t = mean / (sd / float(np.sqrt(n))) if sd > 0 else float(np.copysign(np.inf, mean))
    ranks = stats.wilcoxon(differences, zero_method="wilcox")
    return PairedComparison(
        n=n,
        mean=mean,
        sd=sd,
        t=t,
        t_p=float(2 * stats.t.sf(abs(t), n - 1)),
        t_interval=interval,
        wilcoxon=float(ranks.statistic),
        wilcoxon_p=float(ranks.pvalue),
        bootstrap=bootstrap_interval(differences, rng, level, draws),
        effect=mean / sd if sd > 0 else float(np.copysign(np.inf, mean)),
        wins=int(np.count_nonzero(differences > 0)),
    )
