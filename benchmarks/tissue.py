"""Does denoising bring a tissue segmentation nearer to that of the noise-free head?

    python benchmarks/tissue.py [--heads colin seg3d ms04] [--levels 5 9] [--repeats 3] [--methods ...]
    python benchmarks/tissue.py --table-only --docs docs/tissue.md

White Rician noise, sigma in percent of the brightest tissue; methods are told it. All images of a head are segmented by
the same rule (`quietmr.evaluate.segmentation`) in the same mask, and compared with that of the noise-free head.
Repeats are noise draws of one head: their spread says how repeatable a segmentation is, not how heads differ. The rows
of one head, level and method go into a CSV file together; a second run skips what is there.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from methods import METHODS, prepare
from noise_cases import draw
from quality import MARKS, insert
from results import UNTOUCHED
from row_files import append_rows, read_rows
from tables import markdown
from tissue_heads import HEADS, Loaded, available, load

from quietmr.data import Image, NoiseMap, QuietmrWarning
from quietmr.evaluate import metrics
from quietmr.evaluate.segmentation import TissueMap, dice, repeat_maps, segment_tissue

CLEAN = "noise-free"
CHOSEN = (UNTOUCHED, "gaussian", "dipy-nlm-blockwise", "dipy-nlm-classic", "quiet-fast", "quiet")


@dataclass(frozen=True)
class Row:
    """One repeat of one method.

    PSNR in the brain in dB; Dice against the noise-free head; volumes in ml; ``overlap``: part of the brain where two
    tissues have a probability over 0.1; ``sd_gm``, ``cvar_gm``: of the probability of grey matter over the repeats (the
    same in all of them), mean over the grey matter of the noise-free head.
    """

    head: str
    percent: float
    method: str
    seed: int
    psnr: float
    dice_csf: float
    dice_gm: float
    dice_wm: float
    csf: float
    gm: float
    wm: float
    overlap: float
    sd_gm: float
    cvar_gm: float


def measure(
    head: Loaded, truth: TissueMap, key: tuple[str, float, str], method: Callable[[Image], Image], seeds: Sequence[int]
) -> list[Row]:
    """All repeats of one method at one level."""
    name, percent, label = key
    sigma = percent / 100 * head.reference
    images = []
    for seed in seeds if label != CLEAN else seeds[:1]:
        case = draw(head.clean.data, head.mask, sigma, "white", f"tissue {name} {percent:g} {seed}")
        noisy = head.clean.replace(data=case.noisy, noise=NoiseMap(np.float32(sigma), "rician", "given"))
        images.append(head.clean if label == CLEAN else method(noisy))
    found = [segment_tissue(image, head.mask, head.reference) for image in images]
    sd = cvar = 0.0
    if len(found) > 1:
        spread, grey = repeat_maps(found), truth.labels == 1 + truth.names.index("GM")
        sd, cvar = float(spread.sd[1][grey].mean()), float(spread.cvar[1][grey].mean())
    return [
        Row(
            *key,
            seed,
            metrics.psnr(image.data, head.clean.data, head.reference, head.mask),
            *dice(tissue, truth).values(),
            *tissue.volumes.values(),
            tissue.overlap,
            sd,
            cvar,
        )
        for seed, image, tissue in zip(seeds, images, found, strict=False)
    ]


def run(args: argparse.Namespace) -> None:
    """Measure what the file does not hold yet."""
    done = {(row.head, row.percent, row.method) for row in read_rows(args.out, Row)}
    seeds, methods = range(args.repeats), prepare(args.methods)
    for name in args.heads:
        keys = [(name, 0.0, CLEAN), *((name, level, method) for level in args.levels for method in methods)]
        left = [key for key in keys if key not in done]
        if not left:
            continue
        head = load(name, args.out.parent)
        truth = segment_tissue(head.clean, head.mask, head.reference)
        for key in left:
            start = time.process_time()
            append_rows(args.out, measure(head, truth, key, methods.get(key[2], lambda image: image), seeds))
            print(f"{key}: {time.process_time() - start:.0f} s of CPU", file=sys.stderr, flush=True)


def tables(rows: Sequence[Row]) -> str:
    """One table per head and level, the noise-free head first."""
    parts = []
    for head in dict.fromkeys(row.head for row in rows):
        clean = next(row for row in rows if row.head == head and row.method == CLEAN)
        parts.append(f"### {head}: {HEADS[head].about}")
        parts.append(
            f"Noise-free: CSF {clean.csf:.1f}, GM {clean.gm:.1f}, WM {clean.wm:.1f} ml; two tissues in "
            f"{100 * clean.overlap:.1f} % of the brain."
        )
        own = [row for row in rows if row.head == head and row.method != CLEAN]
        for percent in sorted({row.percent for row in own}):
            at = [row for row in own if row.percent == percent]
            parts.append(f"**{percent:g} % noise**\n\n{_table(at, clean)}")
    return "\n\n".join(parts)


def _table(rows: Sequence[Row], clean: Row) -> str:
    head = ["method", "PSNR dB", "Dice CSF", "Dice GM", "Dice WM", "CSF %", "GM %", "WM %", "overlap %", "CVAR GM"]
    lines = []
    for method in dict.fromkeys(row.method for row in rows):
        own = [row for row in rows if row.method == method]
        dices = [_spread([getattr(row, f"dice_{tissue}") for row in own], "{:.3f}") for tissue in ("csf", "gm", "wm")]
        volumes = [
            _spread([100 * getattr(row, tissue) / getattr(clean, tissue) - 100 for row in own], "{:+.1f}", "{:.1f}")
            for tissue in ("csf", "gm", "wm")
        ]
        psnr = statistics.fmean(row.psnr for row in own)
        overlap = 100 * statistics.fmean(row.overlap for row in own)
        lines.append([method, f"{psnr:.1f}", *dices, *volumes, f"{overlap:.1f}", f"{own[0].cvar_gm:.3f}"])
    return markdown(head, lines)


def _spread(values: Sequence[float], form: str, of_sd: str | None = None) -> str:
    sd = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{form.format(statistics.fmean(values))} ± {(of_sd or form).format(sd)}"


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--heads", nargs="+", default=available(), choices=list(HEADS), metavar="NAME")
    parser.add_argument("--levels", nargs="+", type=float, default=[5.0, 9.0], metavar="PERCENT")
    parser.add_argument("--repeats", type=int, default=3, help="noise draws per head and level, at least 2")
    parser.add_argument("--methods", nargs="+", default=list(CHOSEN), choices=METHODS, metavar="NAME")
    parser.add_argument("--out", type=Path, default=Path("tissue.csv"))
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    parser.add_argument("--docs", type=Path, help=f"page that gets the tables, between '{MARKS[0]}' and '{MARKS[1]}'")
    parser.add_argument("--table-only", action="store_true", help="print the tables of an existing file")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, then print or write the tables."""
    args = arguments(argv)
    torch.set_num_threads(args.threads)
    if not args.table_only:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", QuietmrWarning)
            run(args)
    text = tables(read_rows(args.out, Row))
    if args.docs:
        insert(args.docs, text)
    else:
        print(text)


if __name__ == "__main__":
    main()
