"""Monte-Carlo noise gain: its time in denoiser runs, and its map against the closed form of a linear filter.

    OMP_NUM_THREADS=1 python benchmarks/monte_carlo.py [--size 128] [--replicas 64] [--model quiet-fast] \
        [--out runs/bench] [--docs docs/without_truth.md]

The time of one denoiser run is the mean of those within the measurement itself, so that a busy machine slows both
alike. Goal: 64 replicas in at most 70 runs' time. The map of a Gaussian filter must scatter around the norm of its
kernel as sampling alone makes it; the three choices of what noise is added to are compared on blocks of real heads,
whose truth is known.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from meter import measured
from noise_cases import draw
from quality import insert
from row_files import append_rows, read_rows
from scipy import ndimage, special, stats
from tables import markdown
from volumes import available, load

from quietmr.data import Image, NoiseMap, QuietmrWarning
from quietmr.denoise import create_denoiser
from quietmr.denoise.classical import GaussianFilter
from quietmr.evaluate.fresh_noise import add_noise
from quietmr.evaluate.monte_carlo import noise_gain
from quietmr.evaluate.tissue import asked_for
from quietmr.evaluate.typical_block import crop, typical_block
from quietmr.phantoms import Mixture, draw_scene

PERCENT, GOAL = 7.0, 70.0
_HEAD = Mixture(head=1, regions=0, leaves=0, dynamic=0, thick=0, spine=0, joint=0, abdomen=0, heart=0)
_VOLUMES = ("colin-t1", "seg3d-t1", "ms-t1")


@dataclass(frozen=True)
class Speed:
    """Cost of a whole measurement in one process, in runs of the denoiser: by CPU seconds and by the clock."""

    model: str
    voxels: int
    replicas: int
    seconds_per_run: float
    runs_cpu: float
    runs_wall: float
    peak_mb: float
    median: float


@dataclass(frozen=True)
class Law:
    """A linear filter's map against its closed form.

    ``mean``: of the SD over the closed form and over the expectation of a sample SD (which is lower by 1 / 4 N);
    ``scatter``: that of the map over that of sampling; ``within``: share of voxels in the 95 % interval.
    """

    kind: str
    mean: float
    scatter: float
    within: float
    p_value: float


@dataclass(frozen=True)
class Around:
    """Median gain of a method when noise is added to the truth, to the denoised image, and to the noisy one."""

    volume: str
    model: str
    truth: float
    denoised: float
    image: float


class Timed:
    """A denoiser that counts what its calls cost, so that they are known from the very run that they are a part of."""

    def __init__(self, model: str) -> None:
        self.denoiser = create_denoiser(model)
        self.calls, self.cpu_s, self.wall_s = 0, 0.0, 0.0

    def __call__(self, image: Image) -> Image:
        cpu, wall = time.process_time(), time.perf_counter()
        result = self.denoiser(image)
        self.cpu_s += time.process_time() - cpu
        self.wall_s += time.perf_counter() - wall
        self.calls += 1
        return result


def speed(model: str, size: int, replicas: int) -> Speed:
    """Time the measurement on a procedural head in this process, and the runs of the denoiser within it."""
    clean = draw_scene((size, size, size), _HEAD, np.random.default_rng(7))[None]
    sigma = np.float32(PERCENT / 100 * np.percentile(clean, 99))
    noise = NoiseMap(sigma, "rician", "given")
    rng = np.random.default_rng(3)
    image = Image(add_noise(clean, noise, rng), noise=noise)
    denoiser = Timed(model)
    denoiser.denoiser(image)
    found, cost = measured(lambda: noise_gain(denoiser, image, noise, replicas=replicas, rng=rng))
    one_cpu, one_wall = denoiser.cpu_s / denoiser.calls, denoiser.wall_s / denoiser.calls
    runs = cost.cpu_s / one_cpu, cost.wall_s / one_wall
    return Speed(model, clean.size, replicas, one_cpu, *runs, cost.peak_mb, found.median)


def law(kind: str, replicas: int) -> Law:
    """Hold the SD map of a Gaussian filter against the norm of its kernel, voxel by voxel."""
    shape, width = (1, 40, 80, 80), 0.7
    image = Image(np.full(shape, 50, np.complex64 if kind == "complex" else np.float32))
    noise = NoiseMap(np.float32(2), kind, "given")
    rng = np.random.default_rng(11)
    found = noise_gain(GaussianFilter(width), image, noise, replicas=replicas, rng=rng, around=image)
    norms = [np.sqrt((ndimage.gaussian_filter1d(np.eye(n), width, axis=0) ** 2).sum(1)) for n in shape[1:]]
    ratio = found.sd[0] / (2 * norms[0][:, None, None] * norms[1][:, None] * norms[2])
    degrees = (replicas - 1) * (2 if kind == "complex" else 1)
    chi = degrees * ratio.astype(np.float64) ** 2
    inside = (chi > stats.chi2.ppf(0.025, degrees)) & (chi < stats.chi2.ppf(0.975, degrees))
    apart = chi[::5, ::5, ::5].ravel()  # so far apart that the kernel makes no bond
    p_value = float(stats.kstest(apart, stats.chi2(degrees).cdf).pvalue)
    expected = np.sqrt(2 / degrees) * np.exp(special.gammaln((degrees + 1) / 2) - special.gammaln(degrees / 2))
    return Law(
        kind, float(ratio.mean() / expected), float(ratio.std() / found.relative_error), float(inside.mean()), p_value
    )


def around(volume: str, model: str, replicas: int) -> Around:
    """Compare what the gain comes to without a truth with what it is around the truth."""
    clean, foreground, reference = load(volume)
    sigma = np.float32(PERCENT / 100 * reference)
    noise = NoiseMap(sigma, "rician", "given")
    noisy = Image(draw(clean, foreground, sigma, "white", f"gain {volume}").noisy)
    region = typical_block(noisy, foreground)
    image, truth = crop(noisy, region), crop(Image(clean), region)
    mask, denoiser = asked_for(truth, noise, None), create_denoiser(model)
    found = [
        noise_gain(denoiser, image, noise, replicas=replicas, rng=np.random.default_rng(5), mask=mask, around=mean)
        for mean in (truth, "denoised", "image")
    ]
    return Around(volume, model, *(one.median for one in found))


def text_of(speeds: Sequence[Speed], laws: Sequence[Law], arounds: Sequence[Around]) -> str:
    """All tables as markdown."""
    first = markdown(
        ["denoiser", "voxels", "replicas", "CPU s per run", "whole, in runs (CPU)", "(clock)",
         f"at most {GOAL:g}", "peak MB"],
        [
            [s.model, f"{s.voxels / 1e6:.2f} M", str(s.replicas), f"{s.seconds_per_run:.2f}",
             f"{s.runs_cpu:.1f}", f"{s.runs_wall:.1f}",
             "reached" if s.runs_cpu <= GOAL else "MISSED", f"{s.peak_mb:.0f}"]
            for s in speeds
        ],
    )  # fmt: skip
    second = markdown(
        ["noise", "SD / closed form, mean", "scatter / sampling", "in the 95 % interval", "KS test p"],
        [[x.kind, f"{x.mean:.4f}", f"{x.scatter:.3f}", f"{100 * x.within:.1f} %", f"{x.p_value:.2f}"] for x in laws],
    )
    third = markdown(
        ["volume", "denoiser", "gain around the truth", "denoised image", "noisy image"],
        [
            [a.volume, a.model, f"{a.truth:.2f}", f"{a.denoised:.2f} ({100 * (a.denoised / a.truth - 1):+.0f} %)",
             f"{a.image:.2f} ({100 * (a.image / a.truth - 1):+.0f} %)"]
            for a in arounds
        ],
    )  # fmt: skip
    return f"{first}\n\n{second}\n\n{third}"


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--replicas", type=int, default=64)
    parser.add_argument("--models", nargs="+", default=["quiet-fast"])
    parser.add_argument("--volumes", nargs="*", default=[name for name in _VOLUMES if name in available()])
    parser.add_argument("--out", type=Path, default=Path(), help="folder of the CSV files")
    parser.add_argument("--docs", type=Path, help="page that gets the tables")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    parser.add_argument("--table-only", action="store_true", help="print the tables of an existing file")
    return parser.parse_args(argv)


def main() -> None:
    """Measure what the files do not hold yet, then print the tables."""
    given = arguments()
    warnings.simplefilter("ignore", QuietmrWarning)
    torch.set_num_threads(given.threads)
    files = {form: given.out / f"monte_carlo_{form.__name__.lower()}.csv" for form in (Speed, Law, Around)}
    if not given.table_only:
        run(given, files)
    text = text_of(*(read_rows(path, form) for form, path in files.items()))
    print(text)
    if given.docs:
        insert(given.docs, text, "noise gain")


def run(given: argparse.Namespace, files: dict[type, Path]) -> None:
    """Measure what is not there yet; a row is written as soon as it is known."""
    laws = {row.kind for row in read_rows(files[Law], Law)}
    for kind in {"gaussian", "complex"} - laws:
        append_rows(files[Law], [law(kind, given.replicas)])
    speeds = {(row.model, row.voxels) for row in read_rows(files[Speed], Speed)}
    for model in given.models:
        if (model, given.size**3) not in speeds:
            append_rows(files[Speed], [speed(model, given.size, given.replicas)])
    arounds = {(row.volume, row.model) for row in read_rows(files[Around], Around)}
    for volume, model in ((v, m) for v in given.volumes for m in ("quiet-fast", "quiet")):
        if (volume, model) not in arounds:
            append_rows(files[Around], [around(volume, model, 16)])


if __name__ == "__main__":
    main()
