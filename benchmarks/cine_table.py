"""Results of ``cine.py``: a file with one JSON object a line, and the tables made of it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cine_rivals import BLUR, RIVALS
from cine_scans import CASES
from goals import Finding
from scipy.stats import chi2
from tables import markdown

UNTOUCHED = "untouched"
TRUTH = "truth"
PRESETS = ("quiet-complex", "quiet", "quiet-best")
ORDER = (TRUTH, UNTOUCHED, *RIVALS, *PRESETS)


@dataclass(frozen=True)
class Row:
    """One method on one case: `cine_measures` of one noisy series and, of N replicas, SNR and edges of the mean.

    Edges and wall are those of the mean over the replicas where there are some (``replicas`` above 0).
    """

    case: str
    method: str
    variant: str = ""
    seconds: float = math.nan
    psnr: float = math.nan
    psnr_heart: float = math.nan
    bias_blood: float = math.nan
    bias_myocardium: float = math.nan
    lateral: float = math.nan
    septal: float = math.nan
    papillary: float = math.nan
    papillary_contrast: float = math.nan
    amplitude: float = math.nan
    lag: float = math.nan
    error: float = math.nan
    profile: float = math.nan
    upslope_blood: float = math.nan
    upslope_myocardium: float = math.nan
    replicas: int = 0
    snr_blood: float = math.nan
    snr_myocardium: float = math.nan
    sd_blood: float = math.nan
    sd_myocardium: float = math.nan
    cnr: float = math.nan


def read(path: Path) -> dict[tuple[str, str], Row]:
    """Rows of a file by case and method, the latest of each."""
    if not path.exists():
        return {}
    rows = [Row(**json.loads(line)) for line in path.read_text().splitlines() if line]
    return {(row.case, row.method): row for row in rows}


def append(path: Path, row: Row) -> None:
    """Add a row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(asdict(row)) + "\n")


def unbiased(row: Row) -> Row:
    """Correct for the median of a sample SD, which lies below the true SD: by 5 % for 8 replicas, 0.5 % for 64."""
    if row.replicas < 2:
        return row
    low = math.sqrt(chi2.median(row.replicas - 1) / (row.replicas - 1))
    snr = {name: low * getattr(row, name) for name in ("snr_blood", "snr_myocardium", "cnr")}
    return replace(row, sd_blood=row.sd_blood / low, sd_myocardium=row.sd_myocardium / low, **snr)


def tables(rows: dict[tuple[str, str], Row]) -> str:
    """All tables as Markdown."""
    rows = {key: unbiased(row) for key, row in rows.items()}
    parts = [_goals(rows)]
    for case in CASES:
        found = [rows[case, method] for method in ORDER if (case, method) in rows]
        extra = [row for (where, method), row in rows.items() if where == case and method not in ORDER]
        if found:
            parts.append(
                f"## {case[0].upper()}{case[1:]}\n\n{_fidelity([*found, *extra])}\n\n{_replicas([*found, *extra])}"
            )
    return "\n\n".join(parts) + "\n"


def _fidelity(rows: Sequence[Row]) -> str:
    head = ["method", "PSNR", "in the heart", "bias blood / muscle %", "wall error px", "x-t error %"]
    lines = [
        [
            row.method + (f" ({row.variant})" if row.variant else ""),
            _number(row.psnr),
            _number(row.psnr_heart),
            f"{_number(row.bias_blood, 1)} / {_number(row.bias_myocardium, 1)}",
            _number(row.error),
            _number(100 * row.profile, 1),
        ]
        for row in rows
        if row.method != TRUTH
    ]
    return markdown(head, lines)


def _replicas(rows: Sequence[Row]) -> str:
    before = next((row for row in rows if row.method == UNTOUCHED), Row("", ""))
    passage = not math.isnan(before.upslope_blood)
    head = [
        "method",
        "N",
        "SNR blood",
        "gain",
        "SNR muscle",
        "gain",
        "CNR",
        "gain",
        "edge lateral px",
        "septal",
        "papillary",
        "papillary contrast %",
        *(("upslope blood %", "muscle %") if passage else ("wall amplitude %", "lag frames")),
    ]
    lines = [
        [
            row.method,
            str(row.replicas or "-"),
            _number(row.snr_blood, 1),
            _gain(row.snr_blood, before.snr_blood),
            _number(row.snr_myocardium, 1),
            _gain(row.snr_myocardium, before.snr_myocardium),
            _number(row.cnr, 1),
            _gain(row.cnr, before.cnr),
            *(_number(value) for value in (row.lateral, row.septal, row.papillary)),
            _number(100 * row.papillary_contrast, 0),
            *_motion(row, passage=passage),
        ]
        for row in rows
        if row.replicas or row.method == TRUTH
    ]
    return markdown(head, lines)


def _motion(row: Row, *, passage: bool) -> tuple[str, str]:
    if passage:
        return _number(100 * row.upslope_blood, 0), _number(100 * row.upslope_myocardium, 0)
    return _number(100 * row.amplitude, 0), _number(row.lag)


def _goals(rows: dict[tuple[str, str], Row]) -> str:
    findings = [finding for method in PRESETS for case in CASES for finding in _findings(rows, case, method)]
    return markdown(["goal", "limit", "measured", ""], [finding.line() for finding in findings])


def _findings(rows: dict[tuple[str, str], Row], case: str, method: str) -> Iterable[Finding]:
    row, before = rows.get((case, method)), rows.get((case, UNTOUCHED))
    if row is None or before is None:
        return
    passage = case.startswith("first pass")
    name = f"{method}, {case}"
    limits = (3.0, 3.7) if passage else (5.2, 3.5)
    yield Finding(f"{name}: SNR gain of blood", row.snr_blood / before.snr_blood, limits[0], unit="×")
    yield Finding(f"{name}: SNR gain of myocardium", row.snr_myocardium / before.snr_myocardium, limits[1], unit="×")
    if not passage:
        yield Finding(f"{name}: CNR gain", row.cnr / before.cnr, 6.5, unit="×")
    blur = rows.get((case, BLUR))
    if blur is not None:
        yield Finding(f"{name}: PSNR over the best blur", row.psnr - blur.psnr, 3.0)
    others = [rows[case, rival] for rival in RIVALS if rival != BLUR and (case, rival) in rows]
    if others:
        best = max(others, key=lambda rival: rival.psnr)
        yield Finding(f"{name}: PSNR over the best rival", row.psnr - best.psnr, 0.0, where=best.method)


def _gain(after: float, before: float) -> str:
    return "-" if math.isnan(after / before) else f"{after / before:.2f}×"


def _number(value: float, digits: int = 2) -> str:
    return "-" if math.isnan(value) else f"{round(value, digits) + 0.0:.{digits}f}"
