"""How much of a small lesion survives each method, by its size and contrast: curves, a table and a figure.

    OMP_NUM_THREADS=1 python benchmarks/lesion_survival.py [--methods ...] [--volumes ...] [--levels 5 7 9] \
        [--out runs/bench/lesions.csv] [--docs docs/without_truth.md] [--figure docs/images/lesion_survival.png]

Gaussian bumps are planted into real brains (the truth is known: ``around`` is the clean volume), every method is told
the true noise level and sees the same noise with and without them (``quietmr.evaluate.lesions``). A row goes into the
CSV file as soon as a method has finished a brain; a second run skips what is there.

Sizes are in voxels in plane, which are millimetres in a 1 mm scan: what a method can tell from noise depends on how
many voxels a structure has. Whoever smooths less keeps more, so the second row of the figure compares at equal PSNR: a
result is mixed with the noisy image, as ``strength`` does, until it has the PSNR of the worst nonlocal or network
method in the table (Gaussian smoothing, which is worse than that, is left out there).
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from lesion_figure import draw_figure
from lesion_rows import LesionRow, leads, table
from methods import METHODS, Method, prepare
from noise_cases import draw
from quality import insert
from row_files import append_rows, read_rows
from volumes import available, load

from quietmr.data import Geometry, Image, NoiseMap, QuietmrWarning
from quietmr.evaluate.lesions import lesion_survival

DIAMETERS = (1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
CONTRASTS = (2.0, 4.0, 8.0)
COUNT = 24
SHOWN = 7.0  # percent, of the table and the figure
SIMPLE = ("gaussian",)
_METHODS = ("quiet", "quiet-fast", "dipy-nlm-classic", "dipy-nlm-blockwise", "skimage-tv", "gaussian")
_SLICE_STEP = {"colin-t1": 1.0, "seg3d-t1": 1 / 0.9, "ms-t1": 3 / 1.82}  # of a voxel in plane
_SEED = 20261128


def measure(volume: str, percent: float, name: str, method: Method) -> list[LesionRow]:
    """One method on one brain: PSNR, and what it keeps of bumps of all sizes and contrasts."""
    clean, foreground, reference = load(volume)
    level = percent / 100 * reference
    case = draw(clean, foreground, level, "white", f"lesions {volume} {percent:g}")
    geometry = Geometry(np.diag([1.0, 1.0, _SLICE_STEP[volume], 1.0]))
    noise = NoiseMap(np.float32(level), "rician", "given")
    image = Image(case.noisy, geometry, noise=noise)
    result = method(image).data
    errors = [((data - clean)[foreground] / reference).astype(np.float64) for data in (case.noisy, result)]
    found = lesion_survival(
        method, image, noise, diameters_mm=DIAMETERS, contrasts=CONTRASTS, count=COUNT,
        rng=np.random.default_rng(_SEED), mask=foreground, around=Image(clean, geometry),
    )  # fmt: skip
    products = [float(np.mean(errors[i] * errors[j])) for i, j in ((0, 0), (0, 1), (1, 1))]
    return [
        LesionRow(volume, percent, name, d, c, float(found.kept[i, j]), float(found.error[i, j]), *products)
        for i, d in enumerate(DIAMETERS)
        for j, c in enumerate(CONTRASTS)
    ]


def run(given: argparse.Namespace) -> None:
    """Measure what the file does not hold yet."""
    done = {(*row.scene, row.method) for row in read_rows(given.out, LesionRow)}
    cells = [(v, p, m) for p in given.levels for v in given.volumes for m in given.methods if (v, p, m) not in done]
    methods = prepare(dict.fromkeys(name for *_, name in cells))
    for volume, percent, name in cells:
        if name in methods:
            start = time.process_time()
            append_rows(given.out, measure(volume, percent, name, methods[name]))
            print(f"{volume}, {percent:g} %, {name}: {time.process_time() - start:.0f} CPU s", file=sys.stderr)


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=list(_METHODS), choices=METHODS, metavar="NAME")
    volumes = [name for name in _SLICE_STEP if name in available()]
    parser.add_argument("--volumes", nargs="+", default=volumes, choices=list(_SLICE_STEP), metavar="NAME")
    parser.add_argument("--levels", nargs="+", type=float, default=[SHOWN], metavar="PERCENT")
    parser.add_argument("--out", type=Path, default=Path("lesions.csv"))
    parser.add_argument("--docs", type=Path, help="page that gets the table")
    parser.add_argument("--figure", type=Path, help="picture to draw")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    parser.add_argument("--table-only", action="store_true", help="print the table of an existing file")
    return parser.parse_args(argv)


def main() -> None:
    """Measure, then print the tables and draw the figure."""
    given = arguments()
    warnings.simplefilter("ignore", QuietmrWarning)
    torch.set_num_threads(given.threads)
    if not given.table_only:
        run(given)
    rows = read_rows(given.out, LesionRow)
    levels = sorted({row.percent for row in rows}, key=lambda percent: (percent != SHOWN, percent))
    print("\n\n".join([*(table(rows, percent, SIMPLE) for percent in levels), leads(rows, "quiet")]))
    if given.figure:
        draw_figure(rows, SHOWN, SIMPLE, given.figure)
    if given.docs:
        insert(given.docs, f"{table(rows, SHOWN, SIMPLE)}\n\n{leads(rows, 'quiet')}", "lesions")


if __name__ == "__main__":
    main()
