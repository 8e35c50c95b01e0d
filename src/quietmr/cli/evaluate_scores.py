"""Scores against a truth, for ``quietmr evaluate``."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from quietmr._version import __version__
from quietmr.cli.console import Outcome, collected_warnings
from quietmr.cli.evaluate import Evaluate
from quietmr.cli.evaluate_jobs import EvaluationJob
from quietmr.cli.grids import read_mask
from quietmr.cli.outputs import emit
from quietmr.data import Image, InputError
from quietmr.evaluate.metrics import METRICS
from quietmr.evaluate.score_table import ScoreTable, score_images
from quietmr.io import read
from quietmr.io.atomic import replacing_together
from quietmr.io.same_grid import check_same_grid


@dataclass(frozen=True)
class EvaluateScores:
    """Scores one image against its truth."""

    options: Evaluate

    def __call__(self, job: EvaluationJob) -> Outcome:
        """Read, score, write."""
        with collected_warnings() as warned:
            image = read(job.source)
            scores = scores_of(self.options, {job.source: image})
        assert scores is not None, "the mode has a truth"
        with replacing_together() as temporary_for:
            emit(temporary_for, job.scores, partial(write_scores, scores))
        facts = {
            "input": str(job.source),
            **score_facts(scores, self.options),
            "version": __version__,
            "warnings": warned,
        }
        return Outcome(facts, "\n".join([str(job.source), *score_lines(scores)]))


def scores_of(options: Evaluate, images: Mapping[Path, Image]) -> ScoreTable | None:
    """Score images by the name of their file; None without a truth.

    Raises
    ------
    InputError
        If the truth lies on another grid, or equals an image.
    """
    if options.truth is None:
        return None
    truth = read(options.truth)
    for path, image in images.items():
        check_same_grid(truth, image, path, "image")
    mask = read_mask(Path(options.mask), truth) if options.mask else None
    named = {str(path): image for path, image in images.items()}
    table = score_images(named, truth, options.data_range, mask)
    for row in table.rows:
        if row.values["nrmse"] == 0:
            raise InputError(
                f"{row.name} equals the truth {options.truth} in every voxel: give the image that is to be scored, "
                "not the truth again."
            )
    return table


def score_facts(table: ScoreTable | None, options: Evaluate) -> dict[str, Any]:
    """Scores for programs."""
    if table is None:
        return {}
    return {
        "truth": options.truth,
        "data_range": table.data_range,
        "data_range_origin": table.range_origin,
        "voxels": table.voxels,
        "scores": [row.as_record() for row in table.rows],
    }


def score_lines(table: ScoreTable | None) -> list[str]:
    """Scores for people: a line per metric, a column per image, the better value marked."""
    if table is None:
        return []
    origin = f"data range {table.data_range:.4g} ({table.range_origin}), {table.voxels} voxels"
    width = max(12, *(len(_short(row.name)) for row in table.rows))
    lines = [
        "",
        f"  against the truth: {origin}",
        "  " + " " * 26 + "".join(f"{_short(row.name):>{width + 2}}" for row in table.rows),
    ]
    for key, metric in METRICS.items():
        cells = "".join(
            f"{_cell(row.values[key], row.name == table.best.get(key), len(table.rows)):>{width + 2}}"
            for row in table.rows
        )
        unit = f" [{metric.unit}]" if metric.unit else ""
        lines.append(f"  {metric.title + unit:<26}{cells}")
    notes = dict.fromkeys(f"  {_short(row.name)}: {note}" for row in table.rows for note in row.notes)
    return [*lines, *notes]


def _short(name: str) -> str:
    return name if len(name) <= 24 else f"...{name[-21:]}"


def _cell(value: float | None, is_best: bool, count: int) -> str:  # noqa: FBT001 - one cell of a table
    if value is None:
        return "-"
    return f"{value:.4g}{' *' if is_best and count > 1 else '  ' if count > 1 else ''}"


def write_scores(table: ScoreTable, path: Path) -> None:
    """Write one line per image."""
    with path.open("w", newline="", encoding="utf-8") as file:
        records = [row.as_record() for row in table.rows]
        writer = csv.DictWriter(file, ["image", *METRICS, "data_range", "voxels", "notes"])
        writer.writeheader()
        writer.writerows({**record, "data_range": table.data_range, "voxels": table.voxels} for record in records)
