"""What repeats of a scan say about each method: simulated repeats, whose truth is known, and real ones.

    OMP_NUM_THREADS=1 python benchmarks/repeats.py [--methods ...] [--out runs/bench/repeats.csv] \
        [--docs docs/without_truth.md]

Simulated: four repeats of real heads with Rician noise of 7 %, each denoised by itself with the true noise level; the
error that the repeats tell is held against the true one. Real: every set of repeats of ``../shared/data`` that stand
still well enough, each image denoised blind (the noise is estimated from it alone).
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from noise_cases import draw
from numpy.typing import NDArray
from quality import insert
from row_files import append_rows, read_rows
from tables import markdown, mean
from volumes import DATA, available, load

from quietmr import denoise, estimate_noise, read
from quietmr.data import Image, NoiseMap, QuietmrWarning
from quietmr.evaluate.repeats import compare_repeats
from quietmr.evaluate.tissue import asked_for
from quietmr.noise import rician_mean

PERCENT, COUNT = 7.0, 4
_METHODS = ("quiet", "quiet-fast", "dipy-nlm-classic", "gaussian", "median")
_HEADS = ("colin-t1", "seg3d-t1", "ms-t1")
_PHANTOM = "dcm_qa_nih_siemens_phantom_pairs"
_GE = "dcm_qa_nih_ge_epi_motion"
_XA = "dcm_qa_enh_siemens_xa10"


@dataclass(frozen=True)
class RepeatRow:
    """One method on one set of repeats, all but ``count`` in units of the noise SD per real channel.

    ``sigma``: that SD in the units of the image. ``true_error``: root mean square error against the truth where there
    is one (magnitudes: against the mean that noise gives to it), else NaN.
    """

    data: str
    method: str
    count: int
    sigma: float
    snr: float
    within_before: float
    within_after: float
    bias_rms: float
    bias_noise: float
    structure: float
    error_after: float
    true_error: float


@dataclass(frozen=True, eq=False)
class Case:
    """Repeats with their noise and where they are compared; the truth where it is known."""

    images: Sequence[Image]
    noises: Sequence[NoiseMap]
    mask: NDArray[np.bool_]
    truth: NDArray[np.float32] | None = None


def simulated(volume: str) -> Case:
    """Four repeats of a head."""
    clean, foreground, reference = load(volume)
    level = PERCENT / 100 * reference
    noise = NoiseMap(np.float32(level), "rician", "given")
    images = [Image(draw(clean, foreground, level, "white", f"repeat {volume} {k}").noisy) for k in range(COUNT)]
    return Case(images, [noise] * COUNT, asked_for(Image(clean), noise, None), clean)


def real(images: Sequence[Image]) -> Case:
    """Repeats whose noise is estimated from each one alone."""
    alone = [image.replace(noise=None) for image in images]
    noises = [estimate_noise(image) for image in alone]
    mean = alone[0].replace(data=np.mean([image.data for image in alone], axis=0, dtype=np.float32))
    return Case(alone, noises, asked_for(mean, noises[0], None))


def frames(image: Image) -> list[Image]:
    """The frames of a series as repeats."""
    return [image.replace(data=image.data[t : t + 1]) for t in range(image.shape[0])]


def _phantom(number: int) -> Callable[[], Case]:
    return lambda: real(frames(read(DATA / _PHANTOM / f"mr_000{number}")))


CASES: Mapping[str, Callable[[], Case]] = {
    **{f"simulated {name}": lambda name=name: simulated(name) for name in _HEADS if name in available()},
    **{
        f"sphere, EPI, Siemens Skyra ({way})": _phantom(number)
        for number, way in ((3, "AP"), (4, "PA"), (5, "RL"), (6, "LR"))
    },
    "sphere, EPI, Siemens Vida": lambda: real([read(DATA / _XA / f"6_{k}.dcm") for k in (1, 2, 3, 4)]),
    "head, two volumes of nibabel's example4d": lambda: real(frames(read(DATA / "nibabel_4d" / "example4d.nii.gz"))),
    "head that moves, EPI, GE, volumes 0, 1, 5": lambda: real([frames(read(DATA / _GE))[t] for t in (0, 1, 5)]),
}


def measure(name: str, case: Case, method: str) -> RepeatRow:
    """Denoise each repeat by itself and compare."""
    pairs = zip(case.images, case.noises, strict=True)
    after = [denoise(image, method, noise=noise) for image, noise in pairs]
    found = compare_repeats(case.images, after, case.noises[0], mask=case.mask, align=case.truth is None)
    sigma = float(np.median([noise.level for noise in case.noises]))
    level = float(np.mean([image.data[case.mask].mean() for image in case.images]))
    return RepeatRow(
        name, method, found.count, sigma, level / sigma,
        *(value / sigma for value in (found.within_before, found.within_after, found.bias_rms, found.bias_noise,
                                      found.structure, found.error_after, _true_error(case, after))),
    )  # fmt: skip


def _true_error(case: Case, after: Sequence[Image]) -> float:
    if case.truth is None:
        return float("nan")
    level = case.noises[0].level
    truth = rician_mean(case.truth, level)
    errors = [(rician_mean(image.data, level) - truth)[case.mask] for image in after]
    return float(np.sqrt(np.mean(np.square(errors, dtype=np.float64))))


def text_of(rows: Sequence[RepeatRow]) -> str:
    """One table for the simulated repeats, one for the real ones; sets that differ in brackets only are averaged."""
    head = ["repeats", "method", "SD within, before", "after", "mean change", "noise explains", "changed alike"]
    keys = ["within_before", "within_after", "bias_rms", "bias_noise", "structure", "error_after"]
    parts = []
    for columns, names, is_real in (
        (keys, [*head, "error by the repeats"], True),
        ([*keys, "true_error"], [*head, "error by the repeats", "true error"], False),
    ):
        sets: dict[tuple[str, str], list[RepeatRow]] = {}
        for row in rows:
            if np.isnan(row.true_error) == is_real:
                sets.setdefault((row.data.split(" (")[0], row.method), []).append(row)
        lines = [
            [f"{_count(own)} {name}, SNR {mean(row.snr for row in own):.0f}", method]
            + [f"{mean(getattr(row, key) for row in own):.2f}" for key in columns]
            for (name, method), own in sets.items()
        ]
        parts.insert(0, markdown(names, lines))
    return "All in units of the noise SD per real channel.\n\n" + "\n\n".join(parts)


def _count(rows: Sequence[RepeatRow]) -> str:
    return f"{rows[0].count} x" if len(rows) == 1 else f"{len(rows)} times {rows[0].count} x"


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=list(_METHODS), metavar="NAME")
    parser.add_argument("--out", type=Path, default=Path("repeats.csv"))
    parser.add_argument("--docs", type=Path, help="page that gets the tables")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    parser.add_argument("--table-only", action="store_true", help="print the tables of an existing file")
    return parser.parse_args(argv)


def main() -> None:
    """Measure what the file does not hold yet, then print the tables."""
    given = arguments()
    warnings.simplefilter("ignore", QuietmrWarning)
    torch.set_num_threads(given.threads)
    done = {(row.data, row.method) for row in read_rows(given.out, RepeatRow)}
    for name, make in CASES.items():
        left = [method for method in given.methods if (name, method) not in done]
        if left and not given.table_only:
            case = make()
            append_rows(given.out, (measure(name, case, method) for method in left))
    text = text_of(read_rows(given.out, RepeatRow))
    print(text)
    if given.docs:
        insert(given.docs, text, "repeats")


if __name__ == "__main__":
    main()
