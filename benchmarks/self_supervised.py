"""Networks that saw one noisy volume and nothing else, beside the classical filters and a shipped network.

    OMP_NUM_THREADS=1 python benchmarks/self_supervised.py [--steps 500] [--lessons ...] \
        [--out runs/bench/self_supervised.csv] [--docs docs/training.md]

The middle of one brain (``ms-t1``, 16 slices of 96 x 96) gets Rician noise of 9 %. Each lesson trains the network of
``recipes/one_noisy_scan.yaml`` on it for the same number of steps, from random weights, told the true level; a tenth of
the slices is held out to choose the best weights, and the whole volume is then denoised and scored. Noise2Fast learns
on the whole volume until it stops by itself. A row goes into the CSV file as soon as it is known; a second run skips
what is there, ``--table-only`` prints it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import nibabel as nib
import numpy as np
import torch
from methods import METHODS, is_free_rival, prepare
from noise_cases import NoisyCase, draw
from quality import insert
from results import UNTOUCHED
from row_files import append_rows, read_rows
from safetensors.torch import load_file
from scores import Array, score
from volumes import load

from quietmr.data import Geometry, Image, NoiseMap, QuietmrWarning
from quietmr.denoise.classical import CLASSICAL
from quietmr.models import build_architecture
from quietmr.training.launch import Launch
from quietmr.training.loop import train
from quietmr.training.noise2fast import NAME, Noise2Fast
from quietmr.training.recipe import Recipe
from quietmr.training.validation import denoised

VOLUME, LEVEL, SIDE = "ms-t1", 9.0, 96
LESSONS = ("neighbor2neighbor", "noise2void", "corruption2self")
RECIPE = Path(__file__).resolve().parents[1] / "recipes" / "one_noisy_scan.yaml"
RIVALS = tuple(name for name in CLASSICAL if is_free_rival(name) and not CLASSICAL[name].facts.series)


@dataclass(frozen=True)
class Row:
    """One method on the volume; steps 0 for those that are not trained here."""

    method: str
    kind: str
    steps: int
    psnr: float
    ssim: float
    psnr_all: float
    bias: float
    cpu_s: float


def the_case(kind: str) -> tuple[NoisyCase, np.ndarray, float]:
    """Noisy middle of the volume, its foreground, and the brightness of the brightest tissue."""
    clean, foreground, reference = load(VOLUME)
    y, x = ((n - SIDE) // 2 for n in clean.shape[2:])
    middle = (slice(None), slice(None), slice(max(0, y), y + SIDE), slice(max(0, x), x + SIDE))
    clean, foreground = np.ascontiguousarray(clean[middle]), foreground[middle]
    return draw(clean, foreground, LEVEL / 100 * reference, kind, f"{VOLUME} self"), foreground, reference  # type: ignore[arg-type]


def learned(case: NoisyCase, lesson: str, steps: int) -> Array:
    """Train on the noisy volume, then denoise it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "scans").mkdir()
        nib.save(nib.Nifti1Image(case.noisy[0].transpose(2, 1, 0), np.eye(4)), folder / "scans" / "noisy.nii.gz")
        entries = [
            f"loss={lesson}",
            f"steps={steps}",
            f"validate_every={max(1, steps // 5)}",
            "workers=0",
            'precision="32"',
            f"scans.folder={folder / 'scans'}",
            f"scans.sigma={float(case.sigma.flat[0])}",
        ]
        recipe = Recipe.from_yaml(RECIPE, entries)
        finished = train(recipe, folder / "run", Launch(device="cpu"))
        network = build_architecture(recipe.network.architecture, **recipe.network.arguments)
        network.load_state_dict(load_file(finished.best))
    noisy, sigma = torch.from_numpy(case.noisy[0]), torch.from_numpy(case.sigma[0])
    return denoised(network, noisy, sigma).numpy()[None]


def told(case: NoisyCase) -> Image:
    """The noisy image with its true noise."""
    return Image(case.noisy, Geometry(), noise=NoiseMap(case.sigma, "rician", "given"))


def measure(kind: str, steps: int, lessons: Sequence[str], out: Path) -> None:
    """Score every method that is not in the file yet."""
    case, foreground, reference = the_case(kind)
    known = {(row.method, row.kind, row.steps) for row in read_rows(out, Row)}
    runs: list[tuple[str, int, Callable[[], Array]]] = []
    for name, method in prepare([one for one in METHODS if one in (UNTOUCHED, "quiet-fast", "quiet", *RIVALS)]).items():
        runs.append((name, 0, lambda method=method: method(told(case)).data))
    runs += [(lesson, steps, partial(learned, case, lesson, steps)) for lesson in lessons]
    # It stops by itself, so that its steps are not counted.
    runs.append((NAME, 0, lambda: Noise2Fast(seed=0, device="cpu")(told(case)).data))
    for name, length, run in runs:
        if (name, kind, length) in known:
            continue
        began = time.process_time()
        image = run()
        spent = time.process_time() - began
        found = score(image, case, foreground, reference)
        row = Row(name, kind, length, found.psnr, found.ssim, found.psnr_all, found.bias, spent)
        print(row, flush=True)
        append_rows(out, [row])


def table(rows: list[Row]) -> str:
    """All that was trained, the untouched image, the shipped networks and the best classical filter; best first."""
    lines = []
    for kind in dict.fromkeys(row.kind for row in rows):
        ours = [row for row in rows if row.kind == kind]
        best = max((row for row in ours if row.method in RIVALS), key=lambda row: row.psnr)
        kept = [row for row in ours if row.method not in RIVALS or row is best]
        for row in sorted(kept, key=lambda row: -row.psnr):
            worth = "yes" if row.psnr > best.psnr else "no"
            mark = worth if row.steps or row.method == NAME else "best classical" if row is best else "-"
            lines.append(
                f"| {row.method} | {kind} | {row.steps or '-'} | {row.psnr:.2f} | {row.ssim:.4f} | {row.psnr_all:.2f} "
                f"| {row.bias:+.2f} | {row.cpu_s:.1f} | {mark} |"
            )
    head = "| method | noise | steps | PSNR | SSIM | PSNR whole | bias % | CPU s | beats the best classical |"
    return "\n".join([head, "| --- " * 9 + "|", *lines])


def main() -> None:
    """Measure, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--lessons", nargs="*", default=LESSONS, choices=LESSONS)
    parser.add_argument("--kind", default="white", choices=["white", "correlated"])
    parser.add_argument("--out", type=Path, default=Path("runs/bench/self_supervised.csv"))
    parser.add_argument("--docs", type=Path)
    parser.add_argument("--table-only", action="store_true")
    given = parser.parse_args()
    warnings.simplefilter("ignore", QuietmrWarning)
    if not given.table_only:
        measure(given.kind, given.steps, given.lessons, given.out)
    text = table(read_rows(given.out, Row))
    print(text)
    if given.docs:
        insert(given.docs, text, "self-supervised")


if __name__ == "__main__":
    main()
