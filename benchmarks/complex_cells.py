"""The noisy images of the complex benchmark and its rows: subject, kind of noise, percent, seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from complex_subjects import RAW, SUBJECTS, Mask, raw_case
from noise_cases import KINDS, NoisyCase, draw
from results import Row

from quietmr.data import Image, NoiseMap

# Of the brightest tissue: SNR 33, 14 and 7.
LEVELS = (7.0, 15.0, 3.0)
ALL_KINDS = {
    **KINDS,
    **{kind: f"noise of the coils after GRAPPA, R = {r[0]} x {r[1]}, with its g-map" for kind, r in RAW.items()},
}


@dataclass(frozen=True)
class ComplexRow(Row):
    """A row of ``results.Row`` whose PSNR is that of the complex error, with that of the magnitude beside it.

    ``psnr``, ``psnr_all``: mean square over real and imaginary channel, foreground and whole image. ``ssim``,
    ``ssim_all``, ``bias``, ``change``: of the magnitude.
    """

    psnr_magnitude: float
    psnr_magnitude_all: float


@dataclass(frozen=True)
class ComplexCell:
    """One noisy complex image that every method denoises."""

    volume: str
    kind: str
    percent: float
    seed: int

    @property
    def group(self) -> str:
        """Subjects that are averaged together."""
        return SUBJECTS[self.volume].group

    def make(self) -> tuple[NoisyCase, Image, Mask, float]:
        """Draw the noise, the same in every run: case, image, foreground, brightness of the brightest tissue."""
        subject = SUBJECTS[self.volume]
        if subject.make is None:
            case, mask, reference = raw_case(self.kind, f"{self.volume} {self.seed}", self.percent)
        else:
            clean, mask, reference = subject.make()
            name = f"complex {self.volume} {self.percent:g} {self.seed}"
            case = draw(clean, mask, self.percent / 100 * reference, self.kind, name)  # type: ignore[arg-type]
        noise = NoiseMap(case.sigma, "complex", "given")
        image = Image(case.noisy, noise=noise, frames="echo" if subject.is_series else "unknown")
        return case, image, mask, reference


def plan(subjects: Sequence[str], levels: Sequence[float], seeds: int) -> Iterator[ComplexCell]:
    """All cells; what tells most first: all kinds at the first level, then white noise, then what is left."""
    kinds = {name: tuple(RAW if SUBJECTS[name].make is None else KINDS) for name in subjects}
    for seed in range(seeds):
        cells = [ComplexCell(name, kind, p, seed) for p in levels for name in subjects for kind in kinds[name]]
        urgent = [cell for cell in cells if cell.percent == levels[0] or cell.kind in ("white", *RAW)]
        yield from urgent
        yield from (cell for cell in cells if cell not in urgent)
