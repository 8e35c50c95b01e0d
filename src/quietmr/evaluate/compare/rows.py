"""One row of the results, and the CSV file that keeps them."""

import csv
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from quietmr.evaluate.compare.conditions import Condition
from quietmr.evaluate.compare.noise_cases import Kind

_TEXT = ("image", "kind", "percent", "seed", "method", "status", "reason")
_NUMBERS = ("reference", "sigma", "sigma_told", "sigma_used", "cpu_s", "wall_s", "peak_mb", "voxels")
WHOLE = "_whole"
"""Ends the name of a score that is taken over the whole image instead of inside the mask or foreground."""


@dataclass(frozen=True)
class Row:
    """One method on one noisy image.

    Parameters
    ----------
    condition : Condition
    method : str
    reference : float
        Brightness that percent and data range refer to, in the units of the image.
    sigma : float
        True noise SD per real channel (median over the foreground), in the units of the image.
    sigma_told, sigma_used : float
        What the method was told (NaN if nothing) and what it worked with (NaN if it used none).
    cpu_s, wall_s : float
        Seconds: of all threads, and by the clock.
    peak_mb : float
        Rise of the resident memory during the call at its peak; of programs: their peak.
    voxels : int
        Voxels of the image.
    scores : dict
        Metrics by name, inside the mask or foreground; with "_whole" over the whole image.
    reason : str
        Why it failed; empty if it did not.
    """

    condition: Condition
    method: str
    reference: float
    sigma: float
    sigma_told: float = float("nan")
    sigma_used: float = float("nan")
    cpu_s: float = float("nan")
    wall_s: float = float("nan")
    peak_mb: float = float("nan")
    voxels: int = 0
    scores: dict[str, float] = field(default_factory=dict)
    reason: str = ""

    @property
    def failed(self) -> bool:
        """Whether there is no result."""
        return bool(self.reason)

    @property
    def key(self) -> tuple[Condition, str]:
        """What there is one row of."""
        return self.condition, self.method


def columns(scores: Sequence[str]) -> list[str]:
    """Heading of the file, for the names of its scores."""
    return [*_TEXT[:5], "status", *_NUMBERS[:4], *scores, *_NUMBERS[4:], "reason"]


def append_row(path: Path, row: Row, scores: Sequence[str]) -> None:
    """Add a row at the end of the file, with a heading if it is the first; on the disk when this returns.

    One writer at a time. A line that a crash tore off is cut away first.
    """
    with path.open("a+", newline="", encoding="utf-8") as file:
        if not _end_cleanly(file.fileno()):
            csv.writer(file, lineterminator="\n").writerow(columns(scores))
        csv.DictWriter(file, columns(scores), lineterminator="\n").writerow(_line(row, scores))
        file.flush()
        os.fsync(file.fileno())


def read_rows(path: Path, scores: Sequence[str]) -> list[Row]:
    """Rows of a file, of each method on each noisy image the latest; none if there is no file."""
    if not path.exists():
        return []
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    lines = csv.DictReader(whole.decode("utf-8").split("\n"))
    rows = (_row(line, scores) for line in lines if None not in line.values())
    return list({row.key: row for row in rows}.values())


def _end_cleanly(file: int) -> bool:
    """Cut off what comes after the last line end; whether anything is left."""
    size = os.lseek(file, 0, os.SEEK_END)
    end = os.pread(file, size, 0).rfind(b"\n") + 1
    if end < size:
        os.ftruncate(file, end)
    return end > 0


def _line(row: Row, scores: Sequence[str]) -> dict[str, str]:
    where = row.condition
    line = {
        "image": where.image,
        "kind": where.kind,
        "percent": f"{where.percent:g}",
        "seed": str(where.seed),
        "method": row.method,
        "status": "failed" if row.failed else "ok",
        "reason": " ".join(row.reason.split()),
    }
    line |= {name: _number(float(getattr(row, name))) for name in _NUMBERS}
    return line | {name: _number(row.scores.get(name, float("nan"))) for name in scores}


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.8g}"


def _row(line: dict[str, str], scores: Iterable[str]) -> Row:
    kind = cast(Kind, line["kind"])  # the file holds what was written to it
    numbers = {name: float(line[name] or "nan") for name in _NUMBERS if name != "voxels"}
    return Row(
        Condition(line["image"], kind, float(line["percent"]), int(line["seed"])),
        line["method"],
        **numbers,
        voxels=int(line["voxels"]),
        scores={name: float(line[name] or "nan") for name in scores},
        reason=line["reason"] if line["status"] == "failed" else "",
    )
