"""The folder of a comparison: its plan, its rows, and whether another run may go on with them."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from quietmr.data import InputError, OutputError
from quietmr.evaluate.compare.conditions import Grid
from quietmr.evaluate.compare.references import Reference, Rule
from quietmr.evaluate.compare.rows import Row, append_row, read_rows

PLAN, ROWS, SUMMARY, TABLE, FIGURE = OURS = (
    "plan.json", "results.csv", "results.json", "table.md", "psnr_ssim.png",
)  # fmt: skip
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
                f"This folder was made with {what} {old}, now it is {now}: name another folder, or start anew with --force."
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
        grid = {key: tuple(value) if isinstance(value, list) else value for key, value in found["grid"].items()}
        images = {
            name: ImageFacts(**{key: tuple(value) if isinstance(value, list) else value for key, value in facts.items()})
            for name, facts in found["images"].items()
        }
        rest = {key: found[key] for key in ("reference", "identities", "commands", "threads")}
        return cls(Grid(**grid), scores=tuple(found["scores"]), images=images, **rest)


@dataclass(frozen=True)
class Folder:
    """A folder with a plan and rows."""

    path: Path

    def open(self, plan: Plan, *, force: bool = False) -> Plan:
        """Begin in the folder, or go on with it; the plan that holds from now on is written and given back.

        Raises
        ------
        OutputError
            If it holds files of others and no comparison, or a comparison that does not go together with the plan.
        """
        old = None if force else self.plan()
        if old is None:
            self._check_foreign(force=force)
        whole = plan if old is None else self._worth_keeping(old, plan).grown_by(plan)
        if force:
            for name in OURS:
                (self.path / name).unlink(missing_ok=True)
        self.write(PLAN, json.dumps(whole.to_json(), indent=1, ensure_ascii=False) + "\n")
        return whole

    def plan(self) -> Plan | None:
        """The plan of a comparison that is there; None if there is none.

        Raises
        ------
        OutputError
            If there is one that cannot be read.
        """
        path = self.path / PLAN
        if not path.exists():
            return None
        try:
            return Plan.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, KeyError, TypeError, AttributeError, InputError) as error:
            raise OutputError(
                f"{path} is damaged or of another version of quietmr: name another folder, or start anew with --force."
            ) from error

    def rows(self, scores: Sequence[str]) -> list[Row]:
        """All rows so far."""
        return read_rows(self.path / ROWS, scores)

    def add(self, row: Row, scores: Sequence[str]) -> None:
        """Keep a row."""
        append_row(self.path / ROWS, row, scores)

    def write(self, name: str, text: str) -> None:
        """Write a text whole or not at all."""
        part = self.path / f".{name}.part"
        part.write_text(text, encoding="utf-8")
        part.replace(self.path / name)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder and keep other runs out of it, where the system can.

        Raises
        ------
        OutputError
            If another run is at work in it, or there is a file in its place.
        """
        if self.path.exists() and not self.path.is_dir():
            raise OutputError(f"{self.path} is a file where a folder would go: choose another name.")
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            import fcntl
        except ImportError:  # not on Windows
            yield
            return
        handle = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            raise OutputError(f"Another run is at work in {self.path}: wait for it, or name another folder.") from error
        try:
            yield
        finally:
            os.close(handle)

    def _worth_keeping(self, old: Plan, new: Plan) -> Plan:
        """Leave out methods that have no result at all, unless they are named again."""
        succeeded = {row.method for row in self.rows(old.scores) if not row.failed} | set(new.grid.methods)
        kept = tuple(name for name in old.grid.methods if name in succeeded)
        return replace(old, grid=replace(old.grid, methods=kept)) if kept else new

    def _check_foreign(self, *, force: bool) -> None:
        foreign = sorted(entry.name for entry in os.scandir(self.path) if entry.name not in OURS)
        if foreign and not (force and (self.path / PLAN).exists()):
            raise OutputError(
                f"{self.path} holds other files ({foreign[0]}) and no comparison to go on with: name a new folder."
            )


def facts_of(
    reference: Reference, path: Path, mask: Path | None, own: float | None, remarks: Sequence[str]
) -> ImageFacts:
    """What a plan keeps of a clean image."""
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


def fingerprint(array: NDArray[Any]) -> str:
    """Short hash of an array with its shape and type."""
    digest = hashlib.sha256(repr((array.shape, array.dtype.str)).encode())
    digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
