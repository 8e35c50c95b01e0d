"""The scans of a recipe in memory: read or reconstructed once, and of more than fit ever others."""

import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from quietmr.data import QuietmrError, QuietmrWarning
from quietmr.training.complex_scans import ComplexScan, Unit, load_unit, units_of
from quietmr.training.scan_files import find_scans
from quietmr.training.scan_recipe import ScanRecipe

_GIB = 2.0**30


@dataclass(frozen=True)
class Shelf:
    """Scans of a recipe.

    Attributes
    ----------
    scans : tuple of (unit, scans)
        Those in memory.
    waiting : tuple of unit
        Those that did not fit.
    """

    scans: tuple[tuple[Unit, tuple[ComplexScan, ...]], ...]
    waiting: tuple[Unit, ...]

    @property
    def holds_noise(self) -> bool:
        """Whether some scans hold noise of their own; nobody knows of those that wait."""
        return bool(self.waiting) or any(scan.native is not None for _, scans in self.scans for scan in scans)


def load_shelf(settings: ScanRecipe) -> Shelf:
    """Read the scans of a recipe until ``settings.memory`` is full; at least one.

    The same scans are not read again by the same process, as long as their files stay as they are.

    Raises
    ------
    InputError
        If there is no scan, or one of those that are read cannot be used.
    """
    paths = find_scans(settings)
    return _load(settings, tuple((path, *_state(path)) for path in paths))


def _state(path: Path) -> tuple[Any, ...]:
    files = [path] if path.is_file() else sorted(path.iterdir())
    return tuple((file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files)


@lru_cache(maxsize=1)
def _load(settings: ScanRecipe, found: tuple[tuple[Any, ...], ...]) -> Shelf:
    units = [unit for path, *_ in found for unit in units_of(path)]
    # In mixed order, so that what fits is no one patient.
    mixed = [units[i] for i in np.random.default_rng(0).permutation(len(units))]
    scans: list[tuple[Unit, tuple[ComplexScan, ...]]] = []
    room = settings.memory * _GIB
    for unit in mixed:
        if room <= 0:
            break
        loaded = tuple(load_unit(unit, settings))
        scans.append((unit, loaded))
        room -= sum(scan.n_bytes for scan in loaded)
    waiting = mixed[len(scans) :]
    if waiting:
        warnings.warn(
            f"{len(scans)} of {len(mixed)} scans fill scans.memory ({settings.memory:g} GiB): training takes turns "
            "with the others, and these alone judge.",
            QuietmrWarning,
            stacklevel=3,
        )
    return Shelf(tuple(sorted(scans, key=lambda entry: entry[0])), tuple(waiting))


class Rotation:
    """The pieces for training of the scans in memory, renewed while they are used if others wait.

    Parameters
    ----------
    shelf : Shelf
    settings : ScanRecipe
    every : int
        Patches between two exchanges.
    """

    def __init__(self, shelf: Shelf, settings: ScanRecipe, every: int = 1000) -> None:
        self.settings, self.every, self.drawn = settings, every, 0
        self.held = {unit: self._pieces(scans) for unit, scans in shelf.scans}
        self.waiting = list(shelf.waiting)

    @property
    def pieces(self) -> list[ComplexScan]:
        """All pieces in memory."""
        return [piece for pieces in self.held.values() for piece in pieces]

    def count(self, rng: np.random.Generator) -> bool:
        """Count a patch; True if a scan was exchanged for one that waited."""
        self.drawn += 1
        if not self.waiting or self.drawn % self.every:
            return False
        unit = self.waiting.pop(int(rng.integers(len(self.waiting))))
        try:
            loaded = tuple(load_unit(unit, self.settings))
        except QuietmrError as problem:
            warnings.warn(f"{problem} Training goes on without it.", QuietmrWarning, stacklevel=2)
            return False
        old = list(self.held)[int(rng.integers(len(self.held)))]
        del self.held[old]
        self.waiting.append(old)
        self.held[unit] = self._pieces(loaded)
        return True

    def _pieces(self, scans: tuple[ComplexScan, ...]) -> list[ComplexScan]:
        return [piece for scan in scans for piece in scan.split(self.settings.held_out)[0]]
