"""How well does each method take noise out of real anatomy? Every method, the same noise; rivals are told its level.

    python benchmarks/quality.py [--seeds 3] [--methods ...] [--volumes ...] [--again quiet-fast quiet quiet-best]

One row per cell (volume, kind of noise, percent, seed) and method goes into a CSV file as soon as it is measured; a
second run skips what is there, so the run can be stopped and continued, and several may share the file. At the end the
tables and the list of goals are printed as markdown. Rows named "(blind)": told nothing. Nothing is tuned per cell.
For comparable CPU seconds set OMP_NUM_THREADS to the number of threads.
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

import torch
from cells import Cell, plan
from goals import check_list
from meter import measured
from methods import METHODS, NOT_FREE, OURS, Method, is_free_rival, prepare, suits
from noise_cases import KINDS, NoisyCase
from results import BLIND, Row, append, forget, read_rows
from scores import score
from spot_results import read_spots, table
from tables import report
from volumes import VOLUMES, available, load

from quietmr.data import Image, QuietmrWarning

MARKS = ("<!-- measured -->", "<!-- end of measured -->")


def measure(cell: Cell, case: NoisyCase, image: Image, name: str, method: Method) -> Row:
    """Denoise one cell with one method and score it."""
    _, foreground, reference = load(cell.volume)
    sigma = cell.percent / 100 * reference
    result, cost = measured(partial(method, image))
    step = result.history[-1].parameters if result.history else {}
    return Row(
        group=cell.group,
        **asdict(cell),
        sigma=sigma,
        reference=reference,
        method=name,
        **asdict(score(result.data, case, foreground, reference)),
        sigma_used=float(step.get("sigma", sigma)),
        cpu_s=cost.cpu_s,
        cpu_s_per_mvoxel=cost.cpu_s / result.data.size * 1e6,
        wall_s=cost.wall_s,
        peak_mb=cost.peak_mb,
    )


def run(todo: Sequence[Cell], names: Sequence[str], out: Path) -> None:
    """Measure what the CSV file does not hold yet, cell by cell, row by row."""
    done = {(*row.cell, row.method) for row in read_rows(out)}
    left = [(cell, pending) for cell in todo if (pending := _pending(cell, names, done))]
    methods = prepare(dict.fromkeys(name for _, pending in left for name in pending))
    start = time.perf_counter()
    for number, (cell, pending) in enumerate(left, 1):
        case, image = cell.make()
        for name in filter(methods.__contains__, pending):
            about = f"{cell.volume}, {cell.kind} {cell.percent:g} %, seed {cell.seed}"
            _tell(f"cell {number} of {len(left)}, {_minutes(start)}: {about}, {name}")
            append(out, measure(cell, case, image, name, methods[name]))
    _tell(f"{len(left)} cells in {_minutes(start)}\n")


def _pending(cell: Cell, names: Sequence[str], done: set[tuple[object, ...]]) -> list[str]:
    fit = [name for name in names if suits(name, cell.group, vanishing=cell.vanishing)]
    return [name for name in fit if (*asdict(cell).values(), name) not in done]


def _minutes(start: float) -> str:
    return f"{(time.perf_counter() - start) / 60:.1f} min"


def _tell(text: str) -> None:
    print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volumes", nargs="+", default=available(), choices=list(VOLUMES), metavar="NAME")
    parser.add_argument(
        "--methods", nargs="+", default=[name for name in METHODS if name not in NOT_FREE], choices=METHODS,
        metavar="NAME", help=f"default: all but {' and '.join(NOT_FREE)}",
    )  # fmt: skip
    levels = [3.0, 5.0, 7.0, 9.0, 15.0, 1.0, 0.3, 0.1]
    parser.add_argument("--levels", nargs="+", type=float, default=levels, metavar="PERCENT")
    parser.add_argument("--seeds", type=int, default=1, help="independent noise draws per cell")
    parser.add_argument("--out", type=Path, default=Path("quality.csv"))
    parser.add_argument(
        "--again", nargs="+", default=[], metavar="NAME",
        help="methods to measure anew (with their blind rows) in this run, and no others",
    )  # fmt: skip
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    parser.add_argument("--cells", action="store_true", help="print every cell too")
    parser.add_argument("--docs", type=Path, help=f"page that gets the tables, between '{MARKS[0]}' and '{MARKS[1]}'")
    parser.add_argument("--table-only", action="store_true", help="print the tables of an existing file")
    return parser.parse_args(argv)


def setting(rows: Sequence[Row]) -> str:
    """What was measured on what."""
    volumes = dict.fromkeys(row.volume for row in rows)
    lines = [f"- {name}: {VOLUMES[name].about}" for name in volumes]
    lines += [f"- {kind} noise: {about}." for kind, about in KINDS.items()]
    lines += ["- percent: sigma per real channel, of the 99th percentile of the foreground (over 5 % of p99.9)."]
    return "\n".join(lines)


def insert(page: Path, text: str, name: str = "measured") -> None:
    """Put tables between the two marks of this name in a page of the documentation."""
    marks = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, _, rest = page.read_text(encoding="utf-8").partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not end:
        raise SystemExit(f"{page} must hold the lines '{marks[0]}' and '{marks[1]}', between which the tables go.")
    part = page.with_suffix(".part")
    part.write_text(f"{before}{marks[0]}\n\n{text.strip()}\n\n{marks[1]}{after}", encoding="utf-8")
    part.replace(page)


def main() -> None:
    """Measure, then print the tables."""
    given = arguments()
    warnings.simplefilter("ignore", QuietmrWarning)
    torch.set_num_threads(given.threads)
    names = given.methods
    if given.again:
        names = [name for name in METHODS if name.removesuffix(BLIND) in given.again]
        forget(given.out, lambda row: row.method in names)
    if not given.table_only:
        run(list(plan(given.volumes, given.levels, given.seeds)), names, given.out)
    rows, spots = read_rows(given.out), read_spots(given.out.with_name("spots.csv"))
    text = "\n\n".join([setting(rows), report(rows, is_free_rival, with_cells=given.cells), check_list(rows, spots)])
    print(text)
    if given.docs:
        insert(given.docs, text if not spots else f"{text}\n#### Planted spots\n\n{table(spots, OURS)}")


if __name__ == "__main__":
    main()
