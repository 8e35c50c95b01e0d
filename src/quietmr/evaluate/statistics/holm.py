"""Several tests at once."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quietmr.data import InputError


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjust p-values so that the chance of any false alarm among all tests keeps its level.

    Holm's step-down form of Bonferroni's rule, valid however the tests depend on each other; Scand J Stat 6 (1979) 65.

    Parameters
    ----------
    p_values : array, shape (N,)

    Returns
    -------
    array, shape (N,)
        In the order given, at most 1.

    Raises
    ------
    InputError
        If a value is not between 0 and 1.
    """
    given = np.asarray(p_values, dtype=np.float64).reshape(-1)
    if not ((given >= 0) & (given <= 1)).all():
        raise InputError("p-values lie between 0 and 1: leave out tests that gave none.")
    order = np.argsort(given, kind="stable")
    steps = given[order] * np.arange(given.size, 0, -1)
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1) if given.size else steps
    return adjusted
