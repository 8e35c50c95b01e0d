"""Regular sampling of the phase-encoding plane."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from quietmr.data import InputError

_LARGEST = 8
# part of the lattice that may be lost before the sampling counts as irregular
_LOST = 0.05


@dataclass(frozen=True)
class Lattice:
    """Acquired points of the (kz, ky) plane: every r1-th line, every r2-th partition, sheared.

    A point is acquired if ``ky = o1 + r1 i`` and ``kz = o2 + r2 j + shift i`` for integers i, j. The offsets are not
    part of the lattice: they only turn the phase of aliases.

    Parameters
    ----------
    r1, r2 : int
        Distance between acquired lines (ky) and partitions (kz).
    shift : int
        CAIPIRINHA shift along kz from one acquired line to the next, 0 <= shift < r2 (Breuer et al., MRM 55:549, 2006).
    """

    r1: int = 1
    r2: int = 1
    shift: int = 0

    def __post_init__(self) -> None:
        if self.r1 < 1 or self.r2 < 1 or not 0 <= self.shift < self.r2:
            raise InputError(
                f"A sampling lattice needs r1 >= 1, r2 >= 1 and 0 <= shift < r2, got {self.r1} x {self.r2} with shift "
                f"{self.shift}."
            )

    def __str__(self) -> str:
        return f"{self.r1}x{self.r2}" + (f" shift {self.shift}" if self.shift else "")

    @property
    def acceleration(self) -> int:
        """Number of points of full sampling for each acquired one."""
        return self.r1 * self.r2

    def offsets_of(self, points: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Offsets (o1, o2) of the lattice on which each point (kz, ky) lies, shape (N,) each."""
        kz, ky = points[:, 0], points[:, 1]
        o1 = ky % self.r1
        return o1, (kz - self.shift * ((ky - o1) // self.r1)) % self.r2

    def missing(self) -> list[tuple[int, int]]:
        """Offsets (kz, ky) from an acquired point to the missing points of its cell: acceleration - 1 of them."""
        return [(b, a) for a, b in product(range(self.r1), range(self.r2)) if (a, b) != (0, 0)]

    def sources(self, n_lines: int, n_partitions: int) -> list[tuple[int, int]]:
        """Acquired neighbors (kz, ky) of a cell, relative to its acquired point, balanced around the cell.

        Parameters
        ----------
        n_lines, n_partitions : int
            How many acquired lines, and partitions of each, to take (one partition if the scan has no second
            phase-encoding direction).
        """
        rows = range(-((n_lines - 1) // 2), n_lines // 2 + 1)
        columns = range(-((n_partitions - 1) // 2), n_partitions // 2 + 1)
        return [(self.shift * i % self.r2 + self.r2 * j, self.r1 * i) for i in rows for j in columns]


def central_block(covered: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Largest block around the center of k-space in which every point is there.

    Parameters
    ----------
    covered : array of bool, shape (Z, Y)
        Acquired points, k = 0 at index n // 2.

    Returns
    -------
    tuple of slices (kz, ky)
        Empty slices if the center itself is missing.
    """
    z, y = (n // 2 for n in covered.shape)
    if not covered[z, y]:
        return slice(z, z), slice(y, y)
    low, high = [z, y], [z + 1, y + 1]
    growing = True
    while growing:
        growing = False
        # lines first: most scans have no second phase-encoding direction
        for axis, step in ((1, -1), (1, 1), (0, -1), (0, 1)):
            growing |= _grow(covered, low, high, axis, step)
    return slice(low[0], high[0]), slice(low[1], high[1])


def _grow(covered: NDArray[np.bool_], low: list[int], high: list[int], axis: int, step: int) -> bool:
    edge = low[axis] - 1 if step < 0 else high[axis]
    if not 0 <= edge < covered.shape[axis]:
        return False
    across = slice(low[1 - axis], high[1 - axis])
    if not (covered[across, edge] if axis else covered[edge, across]).all():
        return False
    if step < 0:
        low[axis] = edge
    else:
        high[axis] = edge + 1
    return True


def find_lattice(
    covered: NDArray[np.bool_], calibration: NDArray[np.bool_], said: tuple[int, int]
) -> tuple[Lattice, int] | None:
    """Find the coarsest lattice that explains the acquired points of one frame.

    Parameters
    ----------
    covered : array of bool, shape (Z, Y)
        All acquired points.
    calibration : array of bool, shape (Z, Y)
        Where points off the lattice are allowed: calibration lines.
    said : (r1, r2)
        What the header says, tried first.

    Returns
    -------
    (lattice, holes) or None
        Holes are points of the lattice that were not acquired (lost readouts), a few in a hundred at most. None if the
        points are irregular (random or variable-density sampling).
    """
    outside = np.argwhere(covered & ~calibration)
    if len(outside) == 0:
        return Lattice(), 0
    # the second direction is looked at only where there is one
    reach = _LARGEST if covered.shape[0] > 1 else 1
    tried_first = [Lattice(*said, shift) for shift in range(said[1])] if said[1] <= reach else []
    others = [
        Lattice(r1, r2, shift) for r1, r2 in product(range(1, _LARGEST + 1), range(1, reach + 1)) for shift in range(r2)
    ]
    coarse_to_fine = sorted(others, key=lambda lattice: -lattice.acceleration)
    holes = {lattice: _holes(lattice, outside, covered) for lattice in [*tried_first, *coarse_to_fine]}
    for allowed in (0, max(1, round(_LOST * len(outside)))):
        for lattice, n in holes.items():
            if n is not None and n <= allowed:
                return lattice, n
    return None


def _holes(lattice: Lattice, outside: NDArray[np.int64], covered: NDArray[np.bool_]) -> int | None:
    """Count the lattice points that are missing between acquired ones; None if points lie off the lattice."""
    o1, o2 = lattice.offsets_of(outside)
    if np.ptp(o1) or np.ptp(o2):
        return None
    lines = range(int(outside[:, 1].min()), int(outside[:, 1].max()) + 1, lattice.r1)
    return sum(_gaps(lattice, covered[:, ky], int(ky - o1[0]) // lattice.r1, int(o2[0])) for ky in lines)


def _gaps(lattice: Lattice, line: NDArray[np.bool_], row: int, offset: int) -> int:
    on_lattice = line[(offset + lattice.shift * row) % lattice.r2 :: lattice.r2]
    acquired = np.flatnonzero(on_lattice)
    if len(acquired) == 0:
        return len(on_lattice)
    return int((~on_lattice[acquired[0] : acquired[-1] + 1]).sum())
