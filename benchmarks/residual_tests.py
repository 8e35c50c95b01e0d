"""Do the tests of a residual tell right denoisers from wrong ones, without a truth?

    python benchmarks/residual_tests.py [--sets judged tuning draws real] [--docs docs/residual.md]

Sets: "tuning" (phantoms and three volumes) is what the limits in ``quietmr.evaluate.residual.limits`` were chosen on;
"judged" are the other volumes, on which nothing was chosen; "draws" are many draws of noise, removed exactly; "real"
are scans with their own noise, denoised by ``quiet``, for which there is no right answer. One row per image and
denoiser goes into a CSV file as soon as it is measured; a second run skips what is there.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from noise_cases import KINDS, Kind, draw
from quality import insert
from residual_arms import ARMS, SWEEP, Arm, Scene
from residual_tables import report
from row_files import append_rows, read_rows
from volumes import DATA, available, load, nifti

from quietmr.data import Image, NoiseMap, QuietmrWarning
from quietmr.denoise import create_denoiser
from quietmr.evaluate.residual import residual_evidence
from quietmr.noise import estimate_noise
from quietmr.phantoms.scene import Mixture, draw_scene

TUNING = ("ms-t1", "fernando-t2", "spine-axial", *(f"phantom {k}" for k in range(8)))
JUDGED = (
    "colin-t1", "seg3d-t1", "ms-t2", "ms-flair", "mni-t1", "epi-mean", "spine-sagittal", "spine-coronal", "shoulder-t1",
)  # fmt: skip
NOISES: tuple[tuple[Kind, float], ...] = (
    ("white", 7.0), ("correlated", 7.0), ("varying", 7.0), ("white", 5.0), ("white", 9.0),
)  # fmt: skip
DRAWS, SLICES = 6, 8
PHANTOMS = ((8, 128, 128), (1, 192, 192), (12, 96, 112), (6, 144, 128))
REAL = {
    "seg3d T1, as scanned": "seg3d_clinical_t1/MR.nii.gz",
    "MS patient 03 T1": "open_ms_longitudinal/patient03/study2_T1W.nii.gz",
    "MS patient 04 T2": "open_ms_longitudinal/patient04/study1_T2W.nii.gz",
    "MS patient 09 FLAIR": "open_ms_longitudinal/patient09/study2_FLAIR.nii.gz",
    "fernando T2": "torchio_data_fernando/t2.nii.gz",
    "4-D EPI (nibabel)": "nibabel_4d/example4d.nii.gz",
}


@dataclass(frozen=True)
class Row:
    """One line of the CSV file: the verdict on one denoiser on one image, and its figures (NaN if not measured)."""

    group: str
    volume: str
    kind: str
    percent: float
    told: str
    seed: int
    arm: str
    expected: str
    verdict: str
    seconds: float
    edges: float = np.nan
    slope: float = np.nan
    added: float = np.nan
    fine: float = np.nan
    coarse: float = np.nan
    size: float = np.nan
    spectrum: float = np.nan
    neighbors: float = np.nan

    @property
    def key(self) -> tuple[object, ...]:
        """What was measured."""
        return self.group, self.volume, self.kind, self.percent, self.told, self.seed, self.arm


FIGURES = {
    "Edges against flat tissue": "edges",
    "Fine detail in the residual": "slope",
    "Detail that appeared": "added",
    "Fine structure in the residual": "fine",
    "Coarse structure in the residual": "coarse",
    "Size of what was removed": "size",
    "Spectrum in flat tissue": "spectrum",
    "Likeness of neighbors": "neighbors",
}


@lru_cache
def clean_of(name: str) -> tuple[np.ndarray, np.ndarray, float]:
    """Clean image, foreground and brightest tissue of a volume or phantom."""
    if not name.startswith("phantom"):
        return load(name)
    number = int(name.split()[1])
    rng = np.random.default_rng([77, number])
    clean = draw_scene(PHANTOMS[number % 4], Mixture(dynamic=0, thick=0.3), rng)[np.newaxis]
    foreground = clean > 0.05 * np.percentile(clean, 99.9)
    return clean, foreground, float(np.percentile(clean[foreground], 99))


@lru_cache
def denoiser() -> Callable[[Image], Image]:
    """Make ``quiet`` once."""
    return create_denoiser("quiet")


def scene(volume: str, kind: Kind, percent: float, told: str, seed: int) -> Scene:
    """Draw the noise, tell it or have it estimated, and denoise with ``quiet``."""
    clean, foreground, reference = clean_of(volume)
    name = f"residual {volume} {percent:g} {seed}"
    case = draw(clean, foreground, percent / 100 * reference, kind, name)
    image = Image(case.noisy)
    noise = NoiseMap(case.sigma, "rician", "given") if told == "told" else estimate_noise(image)
    image = image.replace(noise=noise)
    other = clean_of("ms-t1" if volume != "ms-t1" else "fernando-t2")[0]
    return Scene(case, image, foreground, np.asarray(denoiser()(image).data), other, f"{name} {kind}")


def row(head: tuple[str, str, str, float, str, int], arm: str, expected: str, pair: tuple[Image, Image]) -> Row:
    """Ask for the evidence."""
    start = time.perf_counter()
    before, after = pair
    found = residual_evidence(before, after, before.noise)
    figures = {FIGURES[finding.name]: finding.value for finding in found.findings}
    return Row(*head, arm, expected, found.verdict, time.perf_counter() - start, **figures)


def cells(sets: list[str]) -> Iterator[tuple[tuple[str, str, str, float, str, int], dict[str, Arm]]]:
    """All noisy images with what is to be done to each."""
    for group in (name for name in ("tuning", "judged") if name in sets):
        told = [(kind, percent, "told") for kind, percent in NOISES]
        for kind, percent, how in told + [(kind, 7.0, "blind") for kind in KINDS]:
            for volume in TUNING if group == "tuning" else JUDGED:
                extra = SWEEP if (kind, percent, how) == told[0] else {}
                yield (group, volume, kind, percent, how, 0), {**ARMS, **extra}
    if "draws" in sets:
        for seed in range(1, DRAWS + 1):
            for kind in ("white", "varying", "correlated"):
                for volume in JUDGED:
                    yield ("draws", volume, kind, 7.0, "told", seed), {"the truth": ARMS["the truth"]}


def run(sets: list[str], out: Path) -> None:
    """Measure what the file does not hold yet."""
    done = {each.key for each in read_rows(out, Row)}
    here = {*available(), *(name for name in TUNING if name.startswith("phantom"))}
    if "real" in sets:
        run_real(out, done)
    for head, arms in cells(sets):
        left = {name: arm for name, arm in arms.items() if (*head, name) not in done}
        if not left or head[1] not in here:
            continue
        print("\r\033[K", *head, end="", file=sys.stderr, flush=True)
        if head[0] == "draws":
            clean, foreground, reference = clean_of(head[1])
            case = draw(clean, foreground, 0.07 * reference, head[2], f"residual {head[1]} 7 {head[5]}")
            image = Image(case.noisy, noise=NoiseMap(case.sigma, "rician", "given"))
            append_rows(out, [row(head, "the truth", "only noise", (image, Image(case.truth)))])
            continue
        place = scene(*head[1:])
        for name, arm in left.items():
            append_rows(out, [row(head, name, arm.verdict, (place.image, Image(arm.run(place))))])


def run_real(out: Path, done: set[tuple[object, ...]]) -> None:
    """Scans with their own noise, measured and denoised by ``quiet``."""
    for name, file in REAL.items():
        head = ("real", name, "its own", 0.0, "blind", 0)
        if (*head, "quiet") in done or not (DATA / file).exists():
            continue
        image = real_scan(file)
        image = image.replace(noise=estimate_noise(image))
        append_rows(out, [row(head, "quiet", "", (image, denoiser()(image)))])


def real_scan(file: str) -> Image:
    """The middle slices of a scan as it lies in its file."""
    from nibabel import load as open_nifti

    if len(open_nifti(DATA / file).shape) == 4:
        values = np.asarray(open_nifti(DATA / file).dataobj, dtype=np.float32)
        return Image(values.transpose(3, 2, 1, 0), frames="repetition")
    values = nifti(file)
    start = max(0, (values.shape[1] - SLICES) // 2)
    return Image(values[:, start : start + SLICES])


def main() -> None:
    """Measure, then print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    every = ["tuning", "judged", "draws", "real"]
    parser.add_argument("--sets", nargs="+", default=every, choices=every)
    parser.add_argument("--out", type=Path, default=Path("residual_tests.csv"))
    parser.add_argument("--docs", type=Path, help="page that gets the tables, between its marks")
    parser.add_argument("--table-only", action="store_true", help="print the tables of an existing file")
    given = parser.parse_args()
    warnings.simplefilter("ignore", QuietmrWarning)
    torch.set_num_threads(1)
    if not given.table_only:
        run(given.sets, given.out)
    text = report(read_rows(given.out, Row))
    print(text)
    if given.docs:
        insert(given.docs, text)


if __name__ == "__main__":
    main()
