"""The CSV files of ``quality.py`` and ``complex_quality.py``: one row per cell and method.

Several processes may add to one file.
"""

from __future__ import annotations

import csv
import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from quietmr.evaluate.compare.line_file import append_line, read_lines
from quietmr.evaluate.compare.methods import BLIND, UNTOUCHED

__all__ = ["BLIND", "UNTOUCHED", "CellKey", "Row", "append", "forget", "read_rows"]

TEXT = ("group", "volume", "kind", "method")
CellKey = tuple[str, str, float, int]


@dataclass(frozen=True)
class Row:
    """One line of the CSV file: one method on one cell.

    Scores as in ``scores.Scores``; ``sigma`` is the truth and ``sigma_used`` the level the method worked with, both in
    the units of the image; ``peak_mb`` is the rise of the resident memory during the call at its peak (``meter``).
    """

    group: str
    volume: str
    kind: str
    percent: float
    seed: int
    sigma: float
    reference: float
    method: str
    psnr: float
    ssim: float
    psnr_all: float
    ssim_all: float
    bias: float
    change: float
    sigma_used: float
    cpu_s: float
    cpu_s_per_mvoxel: float
    wall_s: float
    peak_mb: float

    @property
    def cell(self) -> CellKey:
        """What the row shares with the other methods."""
        return self.volume, self.kind, self.percent, self.seed


AnyRow = TypeVar("AnyRow", bound=Row)


def read_rows(path: Path, form: type[AnyRow] = Row) -> list[AnyRow]:
    """All rows of a CSV file, of one method on one cell the latest; none if it does not exist."""
    rows = [form(**{key: _value(key, value) for key, value in line.items()}) for line in read_lines(path)]
    return list({(*row.cell, row.method): row for row in rows}.values())


def _value(key: str, text: str) -> str | float | int:
    if key in TEXT:
        return text
    return int(text) if key == "seed" else float(text)


def append(path: Path, row: Row) -> None:
    """Add a line to the file, with a heading if it is the first."""
    with _lock(path):
        append_line(path, list(type(row).__dataclass_fields__), _line(row))


def forget(path: Path, is_old: Callable[[AnyRow], bool], form: type[AnyRow] = Row) -> None:
    """Drop some rows from the file."""
    with _lock(path):
        part = path.with_suffix(".part")
        with part.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(form.__dataclass_fields__), lineterminator="\n")
            writer.writeheader()
            writer.writerows(_line(row) for row in read_rows(path, form) if not is_old(row))
        part.replace(path)


def _line(row: Row) -> dict[str, object]:
    return {key: f"{value:.6g}" if isinstance(value, float) else value for key, value in asdict(row).items()}


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
