"""Which files a run reads and writes."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

from quietmr.cli.failures import UsageError
from quietmr.cli.names import described, image_suffix, map_suffix, sidecar_of, split_suffix


@dataclass(frozen=True)
class Partner:
    """The second half of a complex scan that is kept as two files, and where its denoised copy goes if anywhere.

    Parameters
    ----------
    kind : {"phase", "imaginary"}
        Whether the scan itself is a magnitude or a real part.
    source : Path
        File or folder to read.
    turn : float, optional
        Values of the phase that make a full turn, if the user said so.
    image : Path, optional
        Copy to write.
    """

    kind: Literal["phase", "imaginary"]
    source: Path
    turn: float | None = None
    image: Path | None = None


@dataclass(frozen=True)
class Job:
    """One scan to read, and the noise map to write if anybody asked for it."""

    # Formats that hold fractions, so that a map of sigma is not rounded to whole numbers.
    map_formats: ClassVar[frozenset[str]] = frozenset({"NIfTI", "TIFF"})

    source: Path
    noise_map: Path | None = None
    partner: Partner | None = None

    @property
    def scans(self) -> tuple[Path, ...]:
        """The scan, and what makes it complex if it is one of a pair."""
        return (self.source, self.partner.source) if self.partner else (self.source,)

    @property
    def inputs(self) -> tuple[Path, ...]:
        """Everything that will be read: the scans, and their sidecars if they have them."""
        sidecars = map(sidecar_of, self.scans)
        return (*self.scans, *(sidecar for sidecar in sidecars if sidecar.exists()))

    @property
    def maps(self) -> tuple[Path, ...]:
        """Images of fractions that will be written."""
        return (self.noise_map,) if self.noise_map else ()

    @property
    def tables(self) -> tuple[Path, ...]:
        """Plain files that will be written, other than sidecars and figures."""
        return ()

    @property
    def pages(self) -> tuple[Path, ...]:
        """Reports that will be written."""
        return ()

    @property
    def outputs(self) -> tuple[Path, ...]:
        """Everything that will be written."""
        return (*self.maps, *self.pages)


@dataclass(frozen=True, kw_only=True)
class ReportJob(Job):
    """A scan and its denoised copy to report on."""

    denoised: Path
    report: Path

    @property
    def inputs(self) -> tuple[Path, ...]:
        """Everything that will be read."""
        return (*super().inputs, self.denoised)

    @property
    def pages(self) -> tuple[Path, ...]:
        """Reports that will be written."""
        return (self.report,)


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
        return tuple(path for path in (*self.images, *self.sidecars, *self.maps, self.figure, *self.pages) if path)

    @property
    def sidecars(self) -> tuple[Path, ...]:
        """JSON files that will be written."""
        return (self.sidecar,)


@dataclass(frozen=True, kw_only=True)
class DenoisingJob(ImageJob):
    """One scan to denoise: the copy, its sidecar, and what else anybody asked for."""

    removed: Path | None = None
    report: Path | None = None

    @property
    def images(self) -> tuple[Path, ...]:
        """Images that will be written."""
        return (self.image, self.partner.image) if self.partner and self.partner.image else (self.image,)

    @property
    def sidecars(self) -> tuple[Path, ...]:
        """JSON files that will be written."""
        return tuple(map(sidecar_of, self.images))

    @property
    def maps(self) -> tuple[Path, ...]:
        """Images of fractions that will be written."""
        return tuple(path for path in (self.noise_map, self.removed) if path)

    @property
    def pages(self) -> tuple[Path, ...]:
        """Reports that will be written."""
        return (self.report,) if self.report else ()


@dataclass(frozen=True)
class Wish:
    """Where the user wants one kind of output, as typed: a file, or a folder in which names are made from the scan's.

    A wish that ends in a slash or is an existing folder is a folder. With several scans every wish must be one. The
    copy of a single folder of DICOM is that folder itself (``copies``).
    """

    option: str
    typed: str | None
    description: str
    suffix: Callable[[Path], str]
    copies: bool = False

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
        is_series = self.copies and n_sources == 1 and source.is_dir()
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


def measuring_jobs(sources: Sequence[str], wish: Wish, partner: Partner | None = None) -> list[Job]:
    """Settle the names of all outputs of ``quietmr noise``."""
    return [Job(source, wish.settle(source, len(sources)), partner) for source in map(Path, sources)]


@dataclass(frozen=True)
class DenoisingWishes:
    """Where the user wants the outputs of ``quietmr denoise``, as typed."""

    image: str
    noise_map: str | None = None
    removed: str | None = None
    figure: str | None = None
    partner: str | None = None
    report: str | None = None

    @property
    def each(self) -> tuple[Wish, Wish, Wish, Wish, Wish, Wish]:
        """The wishes for image, noise map, removed, figure, report, and phase or imaginary part."""
        return (
            Wish("OUT", self.image, "denoised", image_suffix, copies=True),
            noise_map_wish(self.noise_map),
            Wish("--removed", self.removed, "removed", map_suffix),
            Wish("--figure", self.figure, "denoised", lambda _: ".png"),
            Wish("--report", self.report, "denoised", lambda _: ".html"),
            Wish("--phase-out", self.partner, "denoised", image_suffix, copies=True),
        )


def denoising_jobs(
    sources: Sequence[str], wishes: DenoisingWishes, partner: Partner | None = None
) -> list[DenoisingJob]:
    """Settle the names of all outputs of ``quietmr denoise``.

    Raises
    ------
    UsageError
        If several scans would be written to one file.
    """
    jobs = []
    *of_scan, of_partner = wishes.each
    if partner is not None:
        partner = replace(partner, image=of_partner.settle(partner.source, 1))
    for source in map(Path, sources):
        image, noise_map, removed, figure, report = (wish.settle(source, len(sources)) for wish in of_scan)
        image = Path(wishes.image) if image is None else image
        extras = {"removed": removed, "figure": figure, "report": report}
        jobs.append(DenoisingJob(source, noise_map, partner, image=image, sidecar=sidecar_of(image), **extras))
    return jobs
