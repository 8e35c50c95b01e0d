"""One row of the results, and its line in the CSV file."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from quietmr.evaluate.compare.conditions import Condition
from quietmr.evaluate.compare.line_file import append_line, read_lines
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
    note : str
        Why a score could not be taken (it is NaN then); empty if all could.
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
    note: str = ""

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
    """Add a row at the end of the file; on the disk when this returns."""
    append_line(path, columns(scores), _line(row, scores))


def read_rows(path: Path, scores: Sequence[str]) -> list[Row]:
    """Rows of a file, of each method on each noisy image the latest; none if there is no file."""
    rows = (_row(line, scores) for line in read_lines(path))
    return list({row.key: row for row in rows}.values())


def _line(row: Row, scores: Sequence[str]) -> dict[str, str]:
    where = row.condition
    line = {
        "image": where.image,
        "kind": where.kind,
        "percent": f"{where.percent:g}",
        "seed": str(where.seed),
        "method": row.method,
        "status": "failed" if row.failed else "ok",
        "reason": " ".join((row.reason or row.note).split()),
    }
    line |= {name: _number(float(getattr(row, name))) for name in _NUMBERS}
    return line | {name: _number(row.scores.get(name, float("nan"))) for name in scores}


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.8g}"


def _row(line: dict[str, str], scores: Iterable[str]) -> Row:
    kind = cast(Kind, line["kind"])  # the file holds what was written to it
    failed = line["status"] == "failed"
    numbers = {name: float(line[name] or "nan") for name in _NUMBERS if name != "voxels"}
    return Row(
        Condition(line["image"], kind, float(line["percent"]), int(line["seed"])),
        line["method"],
        **numbers,
        voxels=int(line["voxels"]),
        scores={name: float(line[name] or "nan") for name in scores},
        reason=line["reason"] if failed else "",
        note="" if failed else line["reason"],
    )
