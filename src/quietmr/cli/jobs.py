"""Which files a run reads and writes."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from quietmr.cli.failures import UsageError
from quietmr.cli.names import described, image_suffix, map_suffix, sidecar_of, split_suffix


@dataclass(frozen=True)
class Job:
    """One scan to read, and the noise map to write if anybody asked for it."""

    # Formats that hold fractions, so that a map of sigma is not rounded to whole numbers.
    map_formats: ClassVar[frozenset[str]] = frozenset({"NIfTI", "TIFF"})

    source: Path
    noise_map: Path | None = None

    @property
    def inputs(self) -> tuple[Path, ...]:
        """Everything that will be read: the scan, and its sidecar if it has one."""
        sidecar = sidecar_of(self.source)
        return (self.source, sidecar) if sidecar.exists() else (self.source,)

    @property
    def maps(self) -> tuple[Path, ...]:
        """Images of fractions that will be written."""
        return (self.noise_map,) if self.noise_map else ()

    @property
    def outputs(self) -> tuple[Path, ...]:
        """Everything that will be written."""
        return self.maps


@dataclass(frozen=True, kw_only=True)
class ImageJob(Job):
    """One scan from which an image is made, with a sidecar and perhaps a figure."""

    image: Path
    sidecar: Path
    figure: Path | None = None

    @property
    def images(self) -> tuple[Path, ...]:
        """Images that will be written."""
        return (self.image,)

    @property
    def outputs(self) -> tuple[Path, ...]:
        """Everything that will be written."""
        return tuple(path for path in (*self.images, self.sidecar, *self.maps, self.figure) if path)


@dataclass(frozen=True, kw_only=True)
class DenoisingJob(ImageJob):
    """One scan to denoise: the copy, its sidecar, and what else anybody asked for."""

    removed: Path | None = None

    @property
    def maps(self) -> tuple[Path, ...]:
        """Images of fractions that will be written."""
        return tuple(path for path in (self.noise_map, self.removed) if path)


@dataclass(frozen=True)
class Wish:
    """Where the user wants one kind of output, as typed: a file, or a folder in which names are made from the scan's.

    A wish that ends in a slash or is an existing folder is a folder. With several scans every wish must be one. The
    copy of a single folder of DICOM is that folder itself.
    """

    option: str
    typed: str | None
    description: str
    suffix: Callable[[Path], str]

    @property
    def is_folder(self) -> bool:
        """Whether names are to be made from those of the scans."""
        return self.typed is not None and (self.has_slash or Path(self.typed).is_dir())

    @property
    def has_slash(self) -> bool:
        """Whether the folder may be made if it is missing."""
        return self.typed is not None and self.typed.endswith(("/", os.sep))

    def settle(self, source: Path, n_sources: int) -> Path | None:
        """Name the output for one of ``n_sources`` scans.

        Raises
        ------
        UsageError
            If several scans would be written to one file.
        """
        if self.typed is None:
            return None
        target = Path(self.typed)
        is_series = self.option == "OUT" and n_sources == 1 and source.is_dir()
        if self.is_folder and not is_series:
            return target / f"{described(split_suffix(source)[0], self.description)}{self.suffix(source)}"
        if n_sources > 1:
            raise UsageError(
                f"{n_sources} scans cannot all go to {self.option} {self.typed}: "
                f"name a folder, with a slash at its end ({self.typed}/)."
            )
        return target


def noise_map_wish(typed: str | None) -> Wish:
    """Where noise maps go."""
    return Wish("--noise-map-out", typed, "noise", map_suffix)


def measuring_jobs(sources: Sequence[str], wish: Wish) -> list[Job]:
    """Settle the names of all outputs of ``quietmr noise``."""
    return [Job(source, wish.settle(source, len(sources))) for source in map(Path, sources)]


@dataclass(frozen=True)
class DenoisingWishes:
    """Where the user wants the outputs of ``quietmr denoise``, as typed."""

    image: str
    noise_map: str | None = None
    removed: str | None = None
    figure: str | None = None

    @property
    def each(self) -> tuple[Wish, Wish, Wish, Wish]:
        """The wishes for image, noise map, removed and figure."""
        return (
            Wish("OUT", self.image, "denoised", image_suffix),
            noise_map_wish(self.noise_map),
            Wish("--removed", self.removed, "removed", map_suffix),
            Wish("--figure", self.figure, "denoised", lambda _: ".png"),
        )


def denoising_jobs(sources: Sequence[str], wishes: DenoisingWishes) -> list[DenoisingJob]:
    """Settle the names of all outputs of ``quietmr denoise``.

    Raises
    ------
    UsageError
        If several scans would be written to one file.
    """
    jobs = []
    for source in map(Path, sources):
        image, noise_map, removed, figure = (wish.settle(source, len(sources)) for wish in wishes.each)
        image = Path(wishes.image) if image is None else image
        jobs.append(
            DenoisingJob(source, noise_map, image=image, sidecar=sidecar_of(image), removed=removed, figure=figure)
        )
    return jobs
