"""What a folder compares, and whether another run may go on with it."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from quietmr.data import OutputError
from quietmr.evaluate.compare.conditions import Grid
from quietmr.evaluate.compare.references import Reference, Rule

_FORMAT = 1


@dataclass(frozen=True)
class ImageFacts:
    """What a plan knows of a clean image.

    Parameters
    ----------
    path, mask_path : str
        Where they lie; that of the mask is empty if there is none.
    pixels, mask : str
        Fingerprints; that of the mask is empty if the foreground was found.
    shape : tuple of int
        (T, Z, Y, X).
    level : float
        Brightness that percent refers to, in the units of the image.
    own_noise : float, optional
        Noise SD that the clean image has itself, in its units.
    remarks : tuple of str
        What was warned of when it was read.
    """

    path: str
    mask_path: str
    pixels: str
    mask: str
    shape: tuple[int, ...]
    level: float
    own_noise: float | None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What a folder compares.

    Parameters
    ----------
    grid : Grid
    reference : "p99", "max" or float
        What 100 percent is.
    scores : tuple of str
        Columns of scores.
    images : dict of ImageFacts
        By name.
    identities, commands : dict of str
        What each method is (`Method.identity`), and the command line of those that are programs, by name.
    threads : int
        Of each process; costs depend on it.
    """

    grid: Grid
    reference: Rule
    scores: tuple[str, ...]
    images: Mapping[str, ImageFacts] = field(default_factory=dict)
    identities: Mapping[str, str] = field(default_factory=dict)
    commands: Mapping[str, str] = field(default_factory=dict)
    threads: int = 1

    def grown_by(self, new: "Plan") -> "Plan":
        """Give the plan that holds both, if their rows may stand in one table.

        Raises
        ------
        OutputError
            If they may not; the message says what differs.
        """
        for what, old, now in self._differences(new):
            raise OutputError(
                f"This folder was made with {what} {old}, now it is {now}: name another folder, or start anew with "
                "--force."
            )
        return Plan(
            self.grid.grown_by(new.grid),
            self.reference,
            self.scores,
            {**self.images, **new.images},
            {**self.identities, **new.identities},
            {**self.commands, **new.commands},
            self.threads,
        )

    def _differences(self, new: "Plan") -> Iterator[tuple[str, object, object]]:
        if self.reference != new.reference:
            yield "the reference", self.reference, new.reference
        if self.scores != new.scores:
            yield "the scores", ", ".join(self.scores), ", ".join(new.scores)
        if self.threads != new.threads:
            yield "the number of threads", self.threads, new.threads
        for name in self.images.keys() & new.images.keys():
            if self.images[name].pixels != new.images[name].pixels:
                yield f"an image {name} with the fingerprint", self.images[name].pixels, new.images[name].pixels
            if self.images[name].mask != new.images[name].mask:
                yield f"for {name} the mask", self.images[name].mask or "(none)", new.images[name].mask or "(none)"
        for name in self.identities.keys() & new.identities.keys():
            if self.identities[name] != new.identities[name]:
                yield f"another {name}:", self.identities[name], new.identities[name]

    def to_json(self) -> dict[str, Any]:
        """Give what JSON holds."""
        return {"format": _FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave; KeyError or TypeError if it is something else."""
        if found["format"] != _FORMAT:
            raise KeyError("format")
        grid = _with_tuples(found["grid"])
        images = {name: ImageFacts(**_with_tuples(facts)) for name, facts in found["images"].items()}
        rest = {key: found[key] for key in ("reference", "identities", "commands", "threads")}
        return cls(Grid(**grid), scores=tuple(found["scores"]), images=images, **rest)


def facts_of(
    reference: Reference, path: Path, mask: Path | None, own: float | None, remarks: Sequence[str]
) -> ImageFacts:
    """Give what a plan keeps of a clean image."""
    return ImageFacts(
        path=str(path.absolute()),
        mask_path="" if mask is None else str(mask.absolute()),
        pixels=fingerprint(reference.image.data),
        mask="" if mask is None else fingerprint(reference.inside),
        shape=reference.image.shape,
        level=reference.level,
        own_noise=own,
        remarks=tuple(remarks),
    )


def _with_tuples(found: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the lists of JSON back into tuples."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in found.items()}


def fingerprint(array: NDArray[Any]) -> str:
    """Short hash of an array with its shape and type."""
    digest = hashlib.sha256(repr((array.shape, array.dtype.str)).encode())
    digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
