"""How well does each method take noise out of complex images of anatomy on which the network was not trained?

    python benchmarks/complex_quality.py [--model NAME] [--subjects ...] [--methods ...] [--again quiet-complex quiet]
    python benchmarks/complex_quality.py --table-only [--docs docs/complex_quality.md]

One row per cell (subject, kind of noise, percent, seed) and method goes into a CSV file as soon as it is measured; a
second run skips what is there, so the run can be stopped and continued. Rivals are told the true noise map and may work
on real and imaginary part, on those without their smooth phase, or on the magnitude (``complex_methods``); nothing is
tuned per cell, but the best of them is chosen by the truth. No row of a rival depends on the network, so only
``--again`` measures ours anew.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import torch
from complex_cells import ALL_KINDS, LEVELS, ComplexCell, ComplexRow, plan
from complex_methods import METHODS, NETWORK, OURS, USUAL, prepare, suits
from complex_subjects import SUBJECTS, Mask, available
from complex_tables import report
from meter import measured
from methods import Method
from noise_cases import NoisyCase
from quality import MARKS, insert
from results import append, forget, read_rows
from scores import score

from quietmr.data import Image, QuietmrWarning
from quietmr.evaluate.metrics import psnr


def score_complex(result: np.ndarray, case: NoisyCase, mask: Mask, reference: float) -> dict[str, float]:
    """Columns of :class:`complex_cells.ComplexRow` that compare a result (T, Z, Y, X) with the truth."""
    of_magnitude = NoisyCase(np.abs(case.truth), np.abs(case.noisy), case.sigma)
    found = asdict(score(np.abs(result), of_magnitude, mask, reference))
    return found | {
        "psnr": psnr(result, case.truth, reference, mask),
        "psnr_all": psnr(result, case.truth, reference),
        "psnr_magnitude": found["psnr"],
        "psnr_magnitude_all": found["psnr_all"],
    }


def measure(cell: ComplexCell, drawn: tuple[NoisyCase, Image, Mask, float], name: str, method: Method) -> ComplexRow:
    """Denoise one cell with one method and score it."""
    case, image, mask, reference = drawn
    result, cost = measured(partial(method, image))
    return ComplexRow(
        group=cell.group,
        **asdict(cell),
        sigma=float(np.median(case.sigma[mask])),
        reference=reference,
        method=name,
        sigma_used=float(np.median(case.sigma[mask])),
        cpu_s=cost.cpu_s,
        cpu_s_per_mvoxel=cost.cpu_s / image.data.size * 1e6,
        wall_s=cost.wall_s,
        peak_mb=cost.peak_mb,
        **score_complex(result.data, case, mask, reference),
    )


def run(todo: Sequence[ComplexCell], names: Sequence[str], out: Path, model: str) -> None:
    """Measure what the CSV file does not hold yet, cell by cell, row by row."""
    out.parent.mkdir(parents=True, exist_ok=True)
    done = {(*row.cell, row.method) for row in read_rows(out, ComplexRow)}
    methods = prepare(names, model)
    left = [(cell, pending) for cell in todo if (pending := _pending(cell, list(methods), done))]
    start = time.perf_counter()
    for number, (cell, pending) in enumerate(left, 1):
        drawn = cell.make()
        for name in pending:
            append(out, measure(cell, drawn, name, methods[name]))
        about = f"{cell.volume}, {cell.kind} {cell.percent:g} %"
        print(f"cell {number} of {len(left)}, {(time.perf_counter() - start) / 60:.1f} min: {about}", file=sys.stderr)


def _pending(cell: ComplexCell, names: Sequence[str], done: set[tuple[object, ...]]) -> list[str]:
    subject = SUBJECTS[cell.volume]
    fit = [name for name in names if suits(name, is_series=subject.is_series, is_picture=subject.is_picture)]
    return [name for name in fit if (*asdict(cell).values(), name) not in done]


def setting(rows: Sequence[ComplexRow]) -> str:
    """What was measured on what."""
    lines = [
        f"- {name} ({SUBJECTS[name].group}): {SUBJECTS[name].about}" for name in dict.fromkeys(r.volume for r in rows)
    ]
    kinds = dict.fromkeys(row.kind for row in rows)
    lines += [f"- {kind}: {ALL_KINDS[kind]}." for kind in ALL_KINDS if kind in kinds]
    lines += [
        "- percent: sigma per real channel, of the 99th percentile of the foreground (raw brain: of twice its median), "
        "which is the data range of PSNR and SSIM too; 3, 7 and 15 % are an SNR of 33, 14 and 7."
    ]
    return "\n".join(lines)


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=NETWORK, help="complex network behind ours: a name, or a weights file")
    parser.add_argument("--subjects", nargs="+", default=available(), choices=list(SUBJECTS), metavar="NAME")
    parser.add_argument("--methods", nargs="+", default=list(USUAL), choices=METHODS, metavar="NAME")
    parser.add_argument("--levels", nargs="+", type=float, default=list(LEVELS), metavar="PERCENT")
    parser.add_argument(
        "--kinds", nargs="+", default=list(ALL_KINDS), choices=ALL_KINDS, metavar="KIND", help="of noise"
    )
    parser.add_argument("--seeds", type=int, default=1, help="independent noise draws per cell")
    parser.add_argument("--out", type=Path, default=Path("runs/bench/complex_quality.csv"))
    parser.add_argument("--again", nargs="+", default=[], choices=OURS, metavar="NAME", help="ours to measure anew")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    parser.add_argument("--docs", type=Path, help=f"page that gets the tables, between '{MARKS[0]}' and '{MARKS[1]}'")
    parser.add_argument("--table-only", action="store_true", help="print the tables of an existing file")
    return parser.parse_args(argv)


def main() -> None:
    """Measure, then print the tables."""
    given = arguments()
    warnings.simplefilter("ignore", QuietmrWarning)
    torch.set_num_threads(given.threads)
    names = given.again or given.methods
    if given.again:
        forget(given.out, lambda row: row.method in names, ComplexRow)
    if not given.table_only:
        todo = [cell for cell in plan(given.subjects, given.levels, given.seeds) if cell.kind in given.kinds]
        run(todo, names, given.out, given.model)
    rows = read_rows(given.out, ComplexRow)
    text = f"{setting(rows)}\n\n{report(rows)}"
    print(text)
    if given.docs:
        insert(given.docs, text)


if __name__ == "__main__":
    main()
