"""Means and tests over the rows of ``papers.py``: the unit is the person.

Slices, contrasts, levels and draws of one person are not independent, so they are averaged before anything is tested;
trainings of one arm are averaged too. How far other trainings would end elsewhere, the spread between seeds tells.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from papers_methods import arm_and_seed
from papers_scores import PaperRow
from papers_volumes import TESTS

from quietmr.evaluate.statistics import PairedComparison, paired_comparison

Rows = Sequence[PaperRow]
UNTRAINED_SEED = -1
NOT_RANKED = 2.0  # standard errors of training: closer arms are not told apart


def select(
    rows: Rows, arm: str | None = None, levels: Iterable[float] | None = None, contrast: str | None = None
) -> list[PaperRow]:
    """Rows of an arm (all its seeds) or method, some levels, a contrast."""
    wanted = None if levels is None else set(levels)
    return [
        row
        for row in rows
        if (arm is None or arm_and_seed(row.method)[0] == arm)
        and (wanted is None or row.percent in wanted)
        and (contrast is None or row.group == contrast)
    ]


def mean_by(rows: Rows, key: str, group: Callable[[PaperRow], str | int]) -> dict[str | int, float]:
    """Mean of a score in each group, volumes weighing alike."""
    found: dict[str | int, dict[str, list[float]]] = {}
    for row in rows:
        found.setdefault(group(row), {}).setdefault(row.volume, []).append(getattr(row, key))
    return {name: statistics.fmean(map(statistics.fmean, part.values())) for name, part in found.items()}


def by_volume(rows: Rows, key: str) -> dict[str | int, float]:
    """Mean of a score of each volume."""
    return mean_by(rows, key, lambda row: row.volume)


def by_person(rows: Rows, key: str) -> dict[str | int, float]:
    """Mean of a score of each person."""
    return mean_by(rows, key, lambda row: TESTS[row.volume].person)


def by_seed(rows: Rows, key: str) -> dict[str | int, float]:
    """Mean of a score of each training; one entry, UNTRAINED_SEED, for what was not trained."""

    def seed(row: PaperRow) -> int:
        found = arm_and_seed(row.method)[1]
        return UNTRAINED_SEED if found is None else found

    return mean_by(rows, key, seed)


def mean(rows: Rows, key: str) -> float:
    """Mean over the volumes; NaN of nothing."""
    values = by_volume(rows, key).values()
    return statistics.fmean(values) if values else math.nan


def sd(rows: Rows, key: str) -> float:
    """SD over the volumes; NaN for fewer than two."""
    values = by_volume(rows, key).values()
    return statistics.stdev(values) if len(values) > 1 else math.nan


def seed_sd(rows: Rows, key: str) -> float:
    """SD between trainings of the mean over the volumes; NaN for fewer than two."""
    values = by_seed(rows, key).values()
    return statistics.stdev(values) if len(values) > 1 else math.nan


def pooled_seed_sd(rows: Rows, arms: Iterable[str], key: str) -> float:
    """SD between trainings, pooled over arms: one arm with two seeds hardly tells it."""
    known = [value for arm in arms if math.isfinite(value := seed_sd(select(rows, arm), key))]
    return math.sqrt(statistics.fmean(value**2 for value in known)) if known else math.nan


def paired(a: Rows, b: Rows, key: str) -> PairedComparison | None:
    """Compare two methods person by person on the cells that both have; None for fewer than two people."""
    both = {row.cell for row in a} & {row.cell for row in b}
    one, other = (by_person([row for row in part if row.cell in both], key) for part in (a, b))
    if len(one) < 2 or one == other:
        return None
    people = sorted(one, key=str)
    rng = np.random.default_rng(0)
    return paired_comparison([one[name] for name in people], [other[name] for name in people], rng)


@dataclass(frozen=True)
class Verdict:
    """Whether one arm is better than another: person by person, and training by training."""

    difference: PairedComparison
    by_seed: Mapping[str | int, float]

    @property
    def word(self) -> str:
        """Better or worse if the interval over people leaves out 0 and all trainings agree, else not told apart."""
        low, high = self.difference.t_interval.low, self.difference.t_interval.high
        gains = list(self.by_seed.values())
        if low > 0 and min(gains) > 0:
            return "better"
        return "worse" if high < 0 and max(gains) < 0 else "not told apart"


def verdict(rows: Rows, arm: str, other: str, levels: Iterable[float], key: str = "psnr") -> Verdict | None:
    """Compare an arm with another, by the seeds that both have, or with what was not trained; None if one is missing.

    Differences by seed are means over the volumes, the interval is one over people.
    """
    chosen = tuple(levels)
    a, b = (select(rows, name, chosen) for name in (arm, other))
    one, two = by_seed(a, key), by_seed(b, key)
    if UNTRAINED_SEED in two:
        two = dict.fromkeys(one, two[UNTRAINED_SEED])
    else:
        a, b = ([row for row in part if arm_and_seed(row.method)[1] in {*one} & {*two}] for part in (a, b))
    difference = paired(a, b, key)
    return None if difference is None else Verdict(difference, {s: one[s] - two[s] for s in one if s in two})


def undecided(rows: Rows, arms: Sequence[str], key: str) -> tuple[int, int, float]:
    """Pairs of arms closer than the spread between trainings allows to tell, all pairs, and the closest that is told.

    Two means of n trainings differ by chance with the standard error SD * sqrt(2 / n).
    """
    spread = pooled_seed_sd(rows, arms, key)
    means = {arm: mean(select(rows, arm), key) for arm in arms}
    count = min((len(by_seed(select(rows, arm), key)) for arm in arms), default=1)
    limit = NOT_RANKED * spread * math.sqrt(2 / max(1, count))
    pairs = [(a, b) for i, a in enumerate(arms) for b in arms[i + 1 :]]
    return sum(not abs(means[a] - means[b]) >= limit for a, b in pairs), len(pairs), limit
