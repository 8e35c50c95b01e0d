"""What the arms of ``papers.py`` are judged on: a few slices of people that no training saw, with white Rician noise.

Trained on: patients 01 and 20 (``papers_arms.py``). Judged on: five other people. Anisotropic diffusion is tuned on
patient 01, so that nothing is tuned on what it is judged by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from noise_cases import NoisyCase, draw
from numpy.typing import NDArray
from volumes import DATA, VOLUMES, Array, central, slab, with_foreground

from quietmr.data import Image, NoiseMap

SLICES = 6
DRAWS = 2
LEVELS = (3.0, 5.0, 7.0, 9.0)
STRONG = (5.0, 10.0, 15.0, 20.0, 25.0, 30.0)
T1, T2 = "T1w", "T2w"
_MS, _KEEP = "open_ms_longitudinal/patient", (1.0, 0.5, 0.5)


@dataclass(frozen=True)
class Head:
    """One volume: which person and contrast, where it comes from, and how its clean slices are made."""

    person: str
    contrast: str
    about: str
    source: str
    prepare: Callable[[], Array]


def _known(name: str, person: str, contrast: str) -> Head:
    volume = VOLUMES[name]
    return Head(person, contrast, volume.about, volume.source, lambda: central(volume.prepare(), SLICES))


def _patient(number: str, file: str, contrast: str, about: str) -> Head:
    source = f"{_MS}{number}/{file}"
    return Head(f"patient {number}", contrast, about, source, lambda: slab(source, SLICES, _KEEP))


TESTS: Mapping[str, Head] = {
    "colin-t1": _known("colin-t1", "Colin27", T1),
    "seg3d-t1": _known("seg3d-t1", "Seg3D patient", T1),
    "ms-t1": _known("ms-t1", "patient 03", T1),
    "ms04-t1": _patient("04", "study1_T1W.nii.gz", T1, "T1 brain of MS patient 04, prepared as ms-t1."),
    "ms-t2": _known("ms-t2", "patient 04", T2),
    "ms03-t2": _patient("03", "study1_T2W.nii.gz", T2, "T2 brain of MS patient 03, prepared as ms-t2."),
    "fernando-t2": _known("fernando-t2", "TorchIO subject", T2),
}
TUNED_ON: Mapping[str, Head] = {
    "ms01-t1": _patient("01", "study2_T1W.nii.gz", T1, "T1 brain of MS patient 01, prepared as ms-t1."),
}


@dataclass(frozen=True)
class Truth:
    """A clean volume, shape (1, Z, Y, X), its foreground, and the brightness that is 100 percent and data range."""

    clean: Array
    foreground: NDArray[np.bool_]
    reference: float

    @property
    def maximum(self) -> float:
        """Brightest voxel: what 100 percent is in other papers."""
        return float(self.clean.max())


@lru_cache
def truth(name: str) -> Truth:
    """Clean slices of a volume; 100 percent is the 99th percentile of the foreground (``volumes.load``)."""
    return Truth(*with_foreground((TESTS | TUNED_ON)[name].prepare()))


@dataclass(frozen=True)
class Cell:
    """One noisy volume that every method denoises: percent of the brightest tissue, number of the draw."""

    volume: str
    percent: float
    draw: int

    def make(self) -> tuple[NoisyCase, Image]:
        """Draw the noise; the same in every run. The image knows its noise, as all methods are told."""
        found = truth(self.volume)
        name = f"papers {self.volume} {self.percent:g} {self.draw}"
        case = draw(found.clean, found.foreground, self.percent / 100 * found.reference, "white", name)
        return case, Image(case.noisy, noise=NoiseMap(case.sigma, "rician", "given"))


def cells(levels: Sequence[float], contrasts: Sequence[str], names: Sequence[str] | None = None) -> Iterator[Cell]:
    """All cells of some levels and contrasts, draw by draw; of the volumes that are on this machine."""
    here = available() if names is None else names
    chosen = [name for name in here if TESTS[name].contrast in contrasts]
    for number in range(DRAWS):
        for percent in levels:
            for name in chosen:
                yield Cell(name, percent, number)


def available() -> list[str]:
    """Names of the volumes whose source is on this machine."""
    return [name for name, head in TESTS.items() if (DATA / head.source).exists()]
