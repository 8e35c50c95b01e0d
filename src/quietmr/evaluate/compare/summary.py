"""The rows of a comparison in a few numbers: means and spread, costs, differences from the first method, failures."""

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from quietmr.evaluate.compare.conditions import Condition, Grid
from quietmr.evaluate.compare.methods import Method
from quietmr.evaluate.compare.rows import WHOLE, Row
from quietmr.evaluate.metrics import METRICS

NAN = math.nan


@dataclass(frozen=True)
class Spread:
    """Mean and SD (n - 1 degrees of freedom; NaN for one) of n values; infinite ones are left out and counted."""

    mean: float
    sd: float
    n: int

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """Sum up."""
        finite = [value for value in values if math.isfinite(value)]
        if not finite:
            return cls(NAN, NAN, 0)
        return cls(statistics.fmean(finite), statistics.stdev(finite) if len(finite) > 1 else NAN, len(finite))


@dataclass(frozen=True)
class Costs:
    """What a method took, mean over its rows: seconds per million voxels, and the highest rise of memory in MB."""

    cpu_s: float
    wall_s: float
    peak_mb: float


@dataclass(frozen=True)
class Results:
    """The rows of one comparison with the grid that they belong to.

    Parameters
    ----------
    grid : Grid
    rows : sequence of Row
        Those outside the grid are ignored.
    methods : sequence of Method
        The methods of the grid.
    """

    grid: Grid
    rows: Sequence[Row]
    methods: Sequence[Method]

    @cached_property
    def table(self) -> Mapping[str, Mapping[Condition, Row]]:
        """Rows that did not fail, by method and noisy image."""
        found: dict[str, dict[Condition, Row]] = {method: {} for method in self.grid.methods}
        wanted = set(self.grid.conditions())
        for row in self.rows:
            if not row.failed and row.method in found and row.condition in wanted:
                found[row.method][row.condition] = row
        return found

    @property
    def failures(self) -> list[Row]:
        """Rows that failed."""
        wanted = set(self.grid.cells())
        return [row for row in self.rows if row.failed and row.key in wanted]

    @property
    def notes(self) -> list[Row]:
        """Rows of which a score could not be taken."""
        return [row for rows in self.table.values() for row in rows.values() if row.note]

    @property
    def done(self) -> int:
        """Cells that have a result."""
        return sum(len(rows) for rows in self.table.values())

    def spread(self, method: str, score: str, kind: str | None = None, percent: float | None = None) -> Spread:
        """Mean and SD of a score over images and seeds, of one kind and level or over all of them."""
        rows = self.table[method].values()
        return Spread.of(
            row.scores[score]
            for row in rows
            if kind in (None, row.condition.kind) and percent in (None, row.condition.percent)
        )

    @property
    def expected(self) -> int:
        """Noisy images of one kind and level."""
        return len(self.grid.images) * self.grid.seeds

    @property
    def complete(self) -> list[str]:
        """Methods that have all their rows; only their means may be compared."""
        every = sum(1 for _ in self.grid.conditions())
        return [name for name, rows in self.table.items() if len(rows) == every]

    def costs(self, method: str) -> Costs:
        """Tell what a method took."""
        rows = [row for row in self.table[method].values() if row.voxels]
        per = [1e6 / row.voxels for row in rows]
        return Costs(
            Spread.of(row.cpu_s * factor for row, factor in zip(rows, per, strict=True)).mean,
            Spread.of(row.wall_s * factor for row, factor in zip(rows, per, strict=True)).mean,
            max((row.peak_mb for row in rows if math.isfinite(row.peak_mb)), default=NAN),
        )

    def used(self, method: str) -> Spread:
        """Noise level that a method worked with, as a part of the true one."""
        return Spread.of(row.sigma_used / row.sigma for row in self.table[method].values())

    def best(self, names: Iterable[str], value: Callable[[str], float], score: str) -> str | None:
        """Name with the best value of a score."""
        key = goodness(score)
        known = [name for name in names if math.isfinite(value(name))]
        return max(known, key=lambda name: key(value(name)), default=None)

    def differences(self, method: str, other: str, score: str) -> dict[str, list[float]]:
        """Score of a method less that of another on the same noisy images, by image."""
        one, two = self.table[method], self.table[other]
        found: dict[str, list[float]] = {}
        for condition in one.keys() & two.keys():
            difference = one[condition].scores[score] - two[condition].scores[score]
            if math.isfinite(difference):
                found.setdefault(condition.image, []).append(difference)
        return found


def goodness(score: str) -> Callable[[float], float]:
    """Give what makes the better of two values of a score the larger one."""
    better = METRICS[score.removesuffix(WHOLE)].better
    if better == "zero":
        return lambda value: -abs(value)
    return (lambda value: value) if better == "higher" else (lambda value: -value)
