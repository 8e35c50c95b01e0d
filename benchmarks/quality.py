"""How well does each method take noise out of real anatomy? Every method, the same noise, the true noise level told.

    python benchmarks/quality.py [--volumes ...] [--methods ...] [--levels 3 5 7 9 15] [--out results.csv]

One row per cell (volume, kind of noise, percent) and method goes into a CSV file as soon as it is measured; a second
run skips what is there, so the run can be stopped and continued. At the end the tables are printed as markdown.
Correlated and varying noise are run at the level nearest to 7 %. Nothing is tuned per cell.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from noise_cases import KINDS, Kind, NoisyCase, draw
from scores import score
from tables import UNTOUCHED, Row, read_rows, report
from volumes import VOLUMES, available, load

from quietmr.data import Image, InputError, MissingExtraError, NoiseMap, QuietmrWarning
from quietmr.denoise import Denoiser, create_denoiser, list_denoisers
from quietmr.denoise.classical import CLASSICAL

SPECIAL_LEVEL = 7.0
SLOW = ("bm3d", "bm4d")


@dataclass(frozen=True)
class Cell:
    """One noisy image that every method denoises."""

    volume: str
    kind: Kind
    percent: float

    def make(self) -> tuple[NoisyCase, Image]:
        """Draw the noise; the same in every run."""
        clean, foreground, reference = load(self.volume)
        level = self.percent / 100 * reference
        case = draw(clean, foreground, level, self.kind, f"{self.volume} {self.percent:g}")
        frames = "echo" if VOLUMES[self.volume].group == "series" else "unknown"
        return case, Image(case.noisy, noise=NoiseMap(case.sigma, "rician", "given"), frames=frames)


def cells(volumes: Sequence[str], levels: Sequence[float]) -> Iterator[Cell]:
    """White noise at every level, the other kinds at the level nearest to 7 %."""
    special = min(levels, key=lambda level: abs(level - SPECIAL_LEVEL))
    for volume in volumes:
        for kind in KINDS:
            for percent in levels if kind == "white" else (special,):
                yield Cell(volume, kind, percent)


def untouched(image: Image) -> Image:
    """Do nothing: the line that every method must beat."""
    return image


def make(method: str) -> Denoiser:
    """A method by name, run once on a small image so that its libraries are loaded before the clock starts."""
    denoiser = untouched if method == UNTOUCHED else create_denoiser(method)
    frames = 12 if method in CLASSICAL and CLASSICAL[method].facts.series else 1
    small = np.random.default_rng(0).normal(20, 1, (frames, 6, 24, 24)).astype(np.float32)
    denoiser(Image(small, noise=NoiseMap(np.float32(1), "rician", "given")))
    return denoiser


def measure(cell: Cell, case: NoisyCase, image: Image, method: str, denoiser: Denoiser) -> Row:
    """Denoise one cell with one method and score it."""
    _, foreground, reference = load(cell.volume)
    cpu, wall = time.process_time(), time.perf_counter()
    denoised = denoiser(image).data
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Row(
        group=VOLUMES[cell.volume].group,
        **asdict(cell),
        sigma=cell.percent / 100 * reference,
        reference=reference,
        method=method,
        **asdict(score(denoised, case.truth, foreground, reference)),
        cpu_s_per_mvoxel=cpu / denoised.size * 1e6,
        wall_s=wall,
    )


def fits(method: str, cell: Cell) -> bool:
    """Series methods run on series only."""
    is_series = VOLUMES[cell.volume].group == "series"
    return is_series or method not in CLASSICAL or not CLASSICAL[method].facts.series


def prepare(methods: Iterable[str]) -> dict[str, Denoiser]:
    """All methods that can run here; the others are named on stderr."""
    ready = {}
    for method in methods:
        try:
            ready[method] = make(method)
        except (MissingExtraError, InputError) as reason:
            print(f"{method} is left out: {reason}", file=sys.stderr)
    return ready


def run(todo: Sequence[Cell], methods: Sequence[str], out: Path) -> None:
    """Measure what the CSV file does not hold yet, cell by cell, row by row."""
    done = {(*row.cell, row.method) for row in read_rows(out)}
    left = [
        (cell, pending)
        for cell in todo
        if (pending := [name for name in methods if fits(name, cell) and (*asdict(cell).values(), name) not in done])
    ]
    denoisers = prepare(dict.fromkeys(name for _, pending in left for name in pending))
    start = time.perf_counter()
    for number, (cell, pending) in enumerate(left, 1):
        case, image = cell.make()
        for method in filter(denoisers.__contains__, pending):
            minutes = (time.perf_counter() - start) / 60
            text = f"cell {number} of {len(left)}, {minutes:.1f} min: {cell.volume}, {cell.kind} {cell.percent:g} %"
            print(f"\r\033[K{text}, {method}", end="", file=sys.stderr, flush=True)
            append(out, measure(cell, case, image, method, denoisers[method]))
    print(f"\n{len(left)} cells in {(time.perf_counter() - start) / 60:.1f} min", file=sys.stderr)


def append(out: Path, row: Row) -> None:
    """Add a line to the file, with a heading if it is the first."""
    values = {key: f"{value:.6g}" if isinstance(value, float) else value for key, value in asdict(row).items()}
    is_new = not out.exists()
    with out.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(values))
        if is_new:
            writer.writeheader()
        writer.writerow(values)


def is_free_rival(method: str) -> bool:
    """Classical methods whose library anybody may use."""
    return method in CLASSICAL and CLASSICAL[method].facts.is_free


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    usual = [UNTOUCHED, *(name for name in list_denoisers() if name not in SLOW)]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volumes", nargs="+", default=available(), choices=list(VOLUMES), metavar="NAME")
    parser.add_argument(
        "--methods", nargs="+", default=usual, choices=[UNTOUCHED, *list_denoisers()], metavar="NAME",
        help=f"default: all but {' and '.join(SLOW)}",
    )  # fmt: skip
    parser.add_argument("--levels", nargs="+", type=float, default=[3.0, 5.0, 7.0, 9.0, 15.0], metavar="PERCENT")
    parser.add_argument("--out", type=Path, default=Path("quality.csv"))
    parser.add_argument("--again", nargs="+", default=[], metavar="NAME", help="methods to measure anew")
    parser.add_argument("--table-only", action="store_true", help="print the tables of an existing file")
    return parser.parse_args(argv)


def forget(out: Path, methods: Sequence[str]) -> None:
    """Drop the rows of some methods from the file."""
    part = out.with_suffix(".part")
    part.unlink(missing_ok=True)
    for row in read_rows(out):
        if row.method not in methods:
            append(part, row)
    part.replace(out)


def main() -> None:
    """Measure, then print the tables."""
    given = arguments()
    warnings.simplefilter("once", QuietmrWarning)
    if given.again and given.out.exists():
        forget(given.out, given.again)
    if not given.table_only:
        run(list(cells(given.volumes, given.levels)), given.methods, given.out)
    for kind, about in KINDS.items():
        print(f"- {kind}: {about}.")
    print(
        "- percent: sigma per real channel, of the 99th percentile of the foreground (foreground: over 5 % of p99.9).\n"
    )
    print(report(read_rows(given.out), is_free_rival))


if __name__ == "__main__":
    main()
