"""What is compared on what: the noisy images, and the grid that they make with the methods."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from quietmr.data import Image, InputError, NoiseKind, NoiseMap
from quietmr.evaluate.compare.noise_cases import KINDS, Kind, NoisyCase, draw
from quietmr.evaluate.compare.references import Reference

Value = TypeVar("Value")


@dataclass(frozen=True)
class Condition:
    """One noisy image that every method denoises: a clean image, a kind of noise, its percent, a seed."""

    image: str
    kind: Kind
    percent: float
    seed: int

    def make(self, reference: Reference) -> tuple[NoisyCase, Image]:
        """Draw the noise; the same in every run and for every method.

        Returns
        -------
        case : NoisyCase
            Noisy and true values.
        image : Image
            The noisy image with the true noise map.
        """
        level = self.percent / 100 * reference.level
        name = f"{self.image} {self.percent:g}" + (f" {self.seed}" if self.seed else "")
        clean = reference.image
        case = draw(clean.data, reference.foreground, level, self.kind, name, signed=reference.signed)
        law: NoiseKind = "complex" if clean.is_complex else "gaussian" if reference.signed else "rician"
        return case, clean.replace(data=case.noisy, noise=NoiseMap(case.sigma, law, "given"))

    def __str__(self) -> str:
        return f"{self.image}, {self.kind} {self.percent:g} %, seed {self.seed}"


@dataclass(frozen=True)
class Grid:
    """Every image with every kind, level and seed of noise, through every method.

    Parameters
    ----------
    images, kinds, levels, methods : tuple
        Names, kinds of noise, percents, names of methods; each at least one, none twice.
    seeds : int
        Independent draws of the noise for each image, kind and level: 0 ... seeds - 1.

    Raises
    ------
    InputError
        If one of them is empty, a level is not a positive number, or a kind is unknown.
    """

    images: tuple[str, ...]
    kinds: tuple[Kind, ...]
    levels: tuple[float, ...]
    seeds: int
    methods: tuple[str, ...]

    def __post_init__(self) -> None:
        for what in ("images", "kinds", "levels", "methods"):
            values = tuple(dict.fromkeys(getattr(self, what)))
            if not values:
                raise InputError(f"A comparison needs at least one of its {what}: name one.")
            object.__setattr__(self, what, values)
        for level in self.levels:
            if not (np.isfinite(level) and level > 0):
                raise InputError(f"A noise level is a percent over 0, got {level:g}: give for example 3 5 9.")
        unknown = [kind for kind in self.kinds if kind not in KINDS]
        if unknown:
            raise InputError(f"There is no noise of the kind '{unknown[0]}': choose from {', '.join(KINDS)}.")
        if self.seeds < 1:
            raise InputError(f"At least one draw of the noise is needed, got {self.seeds}: give 1 or more seeds.")

    def conditions(self) -> Iterator[Condition]:
        """All noisy images, seed by seed: what a stopped run holds covers all images, kinds and levels first."""
        for seed in range(self.seeds):
            for kind in self.kinds:
                for level in self.levels:
                    yield from (Condition(image, kind, level, seed) for image in self.images)

    def cells(self) -> Iterator[tuple[Condition, str]]:
        """All noisy images with each method in turn."""
        for condition in self.conditions():
            yield from ((condition, method) for method in self.methods)

    def grown_by(self, other: "Grid") -> "Grid":
        """Give the smallest grid that holds both; what is new comes last, levels in their order."""
        return Grid(
            _both(self.images, other.images),
            _both(self.kinds, other.kinds),
            tuple(sorted(_both(self.levels, other.levels))),
            max(self.seeds, other.seeds),
            _both(self.methods, other.methods),
        )

    @property
    def size(self) -> int:
        """Number of cells."""
        return len(self.images) * len(self.kinds) * len(self.levels) * self.seeds * len(self.methods)


def _both(one: tuple[Value, ...], other: tuple[Value, ...]) -> tuple[Value, ...]:
    return tuple(dict.fromkeys([*one, *other]))
