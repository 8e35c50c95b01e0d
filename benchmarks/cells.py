"""The noisy images of the quality benchmark: volume, kind of noise, percent, seed.

White noise at every level, the other kinds at the level nearest to 7 %. At vanishing noise (under 2 %) only ours run:
there the question is not who is better but whether the output becomes the input.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from noise_cases import KINDS, Kind, NoisyCase, draw
from volumes import VOLUMES, load

from quietmr.data import Image, NoiseMap

SPECIAL_LEVEL = 7.0
VANISHING = 2.0


@dataclass(frozen=True)
class Cell:
    """One noisy image that every method denoises."""

    volume: str
    kind: Kind
    percent: float
    seed: int

    @property
    def group(self) -> str:
        """Volume, picture or series."""
        return VOLUMES[self.volume].group

    @property
    def vanishing(self) -> bool:
        """Whether there is next to no noise."""
        return self.percent < VANISHING

    def make(self) -> tuple[NoisyCase, Image]:
        """Draw the noise; the same in every run."""
        clean, foreground, reference = load(self.volume)
        level = self.percent / 100 * reference
        name = f"{self.volume} {self.percent:g}" + (f" {self.seed}" if self.seed else "")
        case = draw(clean, foreground, level, self.kind, name)
        frames = "echo" if self.group == "series" else "unknown"
        return case, Image(case.noisy, noise=NoiseMap(case.sigma, "rician", "given"), frames=frames)


def plan(volumes: Sequence[str], levels: Sequence[float], seeds: int) -> Iterator[Cell]:
    """All cells, seed by seed, in each the kinds at 7 % first: what is measured early tells most."""
    noisy = sorted((level for level in levels if level >= VANISHING), key=lambda level: abs(level - SPECIAL_LEVEL))
    kinds = [(kind, special) for special in noisy[:1] for kind in KINDS]
    kinds += [("white", level) for level in levels if level not in noisy[:1]]
    for seed in range(seeds):
        for kind, percent in kinds:
            for volume in volumes:
                yield Cell(volume, kind, percent, seed)
