"""Several methods against one, on the same cases."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from quietmr.data import InputError
from quietmr.evaluate.statistics.holm import holm
from quietmr.evaluate.statistics.paired import PairedComparison, paired_comparison


@dataclass(frozen=True)
class AgainstReference:
    """One method minus the reference method.

    Parameters
    ----------
    method : str
    comparison : PairedComparison
    t_p, wilcoxon_p : float
        p-values after Holm's correction for all methods that were compared.
    """

    method: str
    comparison: PairedComparison
    t_p: float
    wilcoxon_p: float


def compare_with(
    reference: str, values: Mapping[str, ArrayLike], rng: np.random.Generator, level: float = 0.95
) -> tuple[AgainstReference, ...]:
    """Compare every method with one of them, case by case; p-values corrected for their number.

    Parameters
    ----------
    reference : str
        Key of ``values``.
    values : mapping of str to array, shape (N,)
        One metric of each method, the same cases in the same order.
    rng : numpy Generator
        For the bootstrap.
    level : float
        Of the intervals (single ones: not corrected).

    Raises
    ------
    InputError
        As :func:`paired_comparison` (named after the method); if the reference is missing or stands alone.
    """
    others = [name for name in values if name != reference]
    if reference not in values or not others:
        raise InputError(f"Comparing with '{reference}' needs its values and those of at least one other method.")
    found = []
    for name in others:
        try:
            found.append(paired_comparison(values[name], values[reference], rng, level))
        except InputError as refusal:
            raise InputError(f"{name} against {reference}: {refusal}") from refusal
    by_t, by_ranks = holm([c.t_p for c in found]), holm([c.wilcoxon_p for c in found])
    return tuple(
        AgainstReference(name, comparison, float(t_p), float(ranks_p))
        for name, comparison, t_p, ranks_p in zip(others, found, by_t, by_ranks, strict=True)
    )
