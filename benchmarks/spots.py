"""Do small structures survive? Sixty faint spots are planted into real brains; what is left of them is measured.

    python benchmarks/spots.py [--methods ...] [--volumes ...] [--seeds 1] [--out spots.csv] [--again quiet ...]

A spot is a ball with a Gaussian profile, FWHM 2 voxels, whose peak lies 3 or 6 noise SDs above the tissue; the noise is
white Rician, 7 % of the brightest tissue. Every method denoises the image with and without spots under the *same*
noise, so that the difference is what became of the spots.

- kept: least-squares factor between that difference and the planted difference, in a cube of 7 voxels, mean over spots.
- bias: error of the mean intensity of the spots (voxels above half of the peak), in % of their planted contrast.
- at equal PSNR: who smooths less keeps more, so a method is compared with ours after the better of the two was mixed
  with the noisy image until both have the same PSNR (what ``strength`` does; the mixture is computed, not fitted).
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from methods import METHODS, OURS, Method, prepare, suits
from noise_cases import NoisyCase, draw
from numpy.typing import NDArray
from results import BLIND
from scipy.ndimage import binary_erosion
from spot_results import SpotRow, read_spots, table, write_spots
from volumes import available, load

from quietmr.data import Image, NoiseMap, QuietmrWarning

Array = NDArray[np.float32]
CONTRASTS = (3.0, 6.0)  # peak over the tissue, noise SDs
PERCENT = 7.0
_COUNT, _FWHM, _REACH, _APART = 60, 2.0, 3, 8
_DEFAULT = ("colin-t1", "seg3d-t1", "ms-t1")


def place(foreground: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int64]:
    """Centres of the spots, shape (n, 3): apart from each other, from the rim of the head and from the ends."""
    inside = binary_erosion(foreground, np.ones((1, 7, 7)))
    inside[:2] = inside[-2:] = False
    candidates = rng.permutation(np.argwhere(inside))
    chosen: list[NDArray[np.int64]] = []
    for point in candidates:
        if all(np.abs(point - other).max() >= _APART for other in chosen):
            chosen.append(point)
        if len(chosen) == _COUNT:
            break
    return np.stack(chosen)


def planted(shape: tuple[int, ...], centres: NDArray[np.int64]) -> Array:
    """Spots of peak 1 on zero."""
    image = np.zeros(shape, np.float32)
    width = _FWHM / np.sqrt(8 * np.log(2))
    for box, centre in zip(cubes(centres), centres, strict=True):
        part = image[box]
        starts = [axis.start for axis in box]
        grid = np.indices(part.shape).T + (np.array(starts) - centre)
        part += np.exp(-(grid**2).sum(-1) / (2 * width**2)).T.astype(np.float32)
    return image


def cubes(centres: NDArray[np.int64]) -> list[tuple[slice, ...]]:
    """Where each spot is looked for."""
    return [tuple(slice(max(0, int(c) - _REACH), int(c) + _REACH + 1) for c in centre) for centre in centres]


def contrast_kept(difference: Array, truth: Array, centres: NDArray[np.int64]) -> NDArray[np.float64]:
    """Least-squares factor between what is left of each spot and what was planted; arrays of shape (Z, Y, X)."""
    return np.array([float((difference[box] * truth[box]).sum() / (truth[box] ** 2).sum()) for box in cubes(centres)])


def measure(volume: str, seed: int, name: str, method: Method) -> list[SpotRow]:
    """Denoise a brain without spots and with spots of each contrast."""
    clean, foreground, reference = load(volume)
    level = PERCENT / 100 * reference
    centres = place(foreground[0], np.random.default_rng([seed, 60]))
    spots = planted(clean.shape[1:], centres)

    def noisy(truth: Array) -> NoisyCase:
        return draw(truth, foreground, level, "white", f"spots {volume} {seed}")

    def denoised(case: NoisyCase) -> Array:
        return method(Image(case.noisy, noise=NoiseMap(np.float32(level), "rician", "given"))).data

    without = denoised(noisy(clean))
    rows = []
    for contrast in CONTRASTS:
        case = noisy((clean + contrast * level * spots).astype(np.float32))
        result = denoised(case)
        kept = contrast_kept((result - without)[0], contrast * level * spots, centres)
        core = spots > 0.5
        errors = [((image - case.truth)[foreground] / reference).astype(np.float64) for image in (case.noisy, result)]
        rows.append(
            SpotRow(
                volume, contrast, seed, name,
                kept=float(kept.mean()),
                kept_sd=float(kept.std()),
                bias=100 * float((result - case.truth)[0][core].mean() / (contrast * level * spots[core].mean())),
                noise_mse=float(np.mean(errors[0] ** 2)),
                mixed_mse=float(np.mean(errors[0] * errors[1])),
                mse=float(np.mean(errors[1] ** 2)),
            )
        )  # fmt: skip
    return rows


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    fit = [name for name in METHODS if suits(name, "volume", vanishing=False)]
    parser.add_argument("--methods", nargs="+", default=fit, choices=fit, metavar="NAME")
    volumes = [name for name in _DEFAULT if name in available()]
    parser.add_argument("--volumes", nargs="+", default=volumes, choices=available(), metavar="NAME")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("spots.csv"))
    parser.add_argument("--again", nargs="+", default=[], metavar="NAME", help="methods to measure anew, and no others")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    return parser.parse_args(argv)


def main() -> None:
    """Measure what the file does not hold yet, then print the table."""
    given = arguments()
    warnings.simplefilter("ignore", QuietmrWarning)
    torch.set_num_threads(given.threads)
    names = [name for name in METHODS if name.removesuffix(BLIND) in given.again] or given.methods
    rows = [row for row in read_spots(given.out) if not (given.again and row.method in names)]
    done = {(row.volume, row.seed, row.method) for row in rows}
    cells = [(volume, seed, name) for seed in range(given.seeds) for volume in given.volumes for name in names]
    left = [cell for cell in cells if cell not in done]
    methods = prepare(dict.fromkeys(name for _, _, name in left))
    for volume, seed, name in left:
        if name in methods:
            print(f"{volume}, seed {seed}, {name}", file=sys.stderr, flush=True)
            rows += measure(volume, seed, name, methods[name])
            write_spots(given.out, rows)
    print(table(rows, OURS))


if __name__ == "__main__":
    main()
