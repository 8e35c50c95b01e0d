"""Scores of ``papers.py``: one row per method and noisy volume, added to a CSV file as soon as it is measured."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from meter import measured
from methods import Method
from papers_diffusion import TUNED, choices
from papers_methods import Facts, cells_of, facts_of, make
from papers_runs import taken
from papers_volumes import STRONG, TESTS, Cell, truth
from results import Row, append, forget, read_rows
from scores import score


@dataclass(frozen=True)
class PaperRow(Row):
    """A row of ``quality.py`` (group: contrast; seed: draw of the noise), with what stands beside scores in papers.

    ``maximum``: brightest voxel of the truth; ``parameters``, ``steps`` and ``train_min``: weights, steps and CPU
    minutes of the training, NaN for what was not trained here; ``weights``: check sum of the trained weights, else 0.
    """

    maximum: float
    parameters: float
    steps: float
    train_min: float
    weights: float


def score_all(methods: Sequence[str], out: Path, rows: Path, draws: int) -> None:
    """Measure what the file does not hold, method by method; another process may do the same.

    Rows of other weights than those that lie in ``out`` are dropped.
    """
    rows.parent.mkdir(parents=True, exist_ok=True)
    for method in methods:
        with taken(rows.with_name(f"papers-{method}")) as is_mine:
            if is_mine:
                _score(method, out, rows, draws)


def diffusion_file(rows: Path) -> Path:
    """Where the tuned parameters lie: beside the rows."""
    return rows.with_name("papers_diffusion.csv")


def _score(method: str, out: Path, rows: Path, draws: int) -> None:
    facts = facts_of(method, out)
    own = [row for row in read_rows(rows, PaperRow) if row.method == method]
    if any(row.weights != facts.weights for row in own):
        forget(rows, lambda row: row.method == method and row.weights != facts.weights, PaperRow)
    done = {(row.volume, row.percent, row.seed) for row in own if row.weights == facts.weights}
    todo = [cell for cell in cells_of(method) if cell.draw < draws]
    left = [cell for cell in todo if (cell.volume, cell.percent, cell.draw) not in done]
    if not left:
        return
    run = make(method, out, choices(STRONG, diffusion_file(rows)) if method == TUNED else {})
    if run is None:
        return
    for cell in left:
        append(rows, measure(cell, method, run(cell.percent), facts))
    print(f"{method}: {len(left)} noisy volumes", file=sys.stderr, flush=True)


def measure(cell: Cell, name: str, method: Method, facts: Facts) -> PaperRow:
    """Denoise one noisy volume and score it."""
    found, (case, image) = truth(cell.volume), cell.make()
    sigma = cell.percent / 100 * found.reference
    result, cost = measured(partial(method, image))
    marks = score(result.data, case, found.foreground, found.reference)
    return PaperRow(
        group=TESTS[cell.volume].contrast,
        volume=cell.volume,
        kind="white",
        percent=cell.percent,
        seed=cell.draw,
        sigma=sigma,
        reference=found.reference,
        method=name,
        **vars(marks),
        sigma_used=sigma,
        cpu_s=cost.cpu_s,
        cpu_s_per_mvoxel=cost.cpu_s / result.data.size * 1e6,
        wall_s=cost.wall_s,
        peak_mb=cost.peak_mb,
        maximum=found.maximum,
        **asdict(facts),
    )
