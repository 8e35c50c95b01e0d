"""Which files ``quietmr recon`` reads and writes."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from quietmr.cli.extras import need_parametric_maps
from quietmr.cli.failures import UsageError
from quietmr.cli.jobs import ImageJob
from quietmr.cli.names import sidecar_of
from quietmr.cli.recon import Recon
from quietmr.data import InputError, OutputError
from quietmr.io import format_of

_IMAGE_FORMATS = {"MRD images", "NIfTI", "DICOM"}


@dataclass(frozen=True, kw_only=True)
class ReconJob(ImageJob):
    """One raw scan to reconstruct; ``noise_map`` is the g-map."""

    map_formats: ClassVar[frozenset[str]] = frozenset(_IMAGE_FORMATS)

    snr: Path | None = None
    gmaps: Path | None = None
    before: Path | None = None

    @property
    def inputs(self) -> tuple[Path, ...]:
        """Everything that will be read: raw scans have no sidecar."""
        return (self.source,)

    @property
    def maps(self) -> tuple[Path, ...]:
        """Images of fractions that will be written."""
        return tuple(path for path in (self.noise_map, self.snr, self.gmaps) if path)

    @property
    def images(self) -> tuple[Path, ...]:
        """Images that will be written."""
        return (self.image, self.before) if self.before else (self.image,)


def recon_job(options: Recon) -> ReconJob:
    """Name the files of a run."""
    raw, image = map(Path, options.paths)
    return ReconJob(
        raw,
        _path(options.gmap),
        image=image,
        sidecar=sidecar_of(image),
        figure=_path(options.figure),
        snr=_path(options.snr),
        gmaps=_path(options.gmaps),
        before=_path(options.before),
    )


def check_outputs(job: ReconJob, *, complex_values: bool) -> None:
    """Refuse formats that have no place for what would be written.

    Raises
    ------
    OutputError
        If an image would be rounded, or several maps lose their names.
    MissingExtraError
        If DICOM maps are asked for and their library is not installed.
    UsageError
        If complex values are asked for in DICOM.
    """
    for path in (*job.images, *job.maps):
        name = _format_name(path)
        if name not in _IMAGE_FORMATS:
            raise OutputError(
                f"{path} would hold SNR units, for which {name or 'its suffix'} has no place: choose .h5, .mrd, .nii, "
                ".nii.gz or DICOM."
            )
    if is_dicom(job.gmaps):
        raise OutputError(f"{job.gmaps} would lose which g-map is which acceleration: choose .nii.gz or .h5.")
    if is_dicom(job.noise_map) or is_dicom(job.snr):
        need_parametric_maps()
    if complex_values and _format_name(job.image) == "DICOM":
        raise UsageError(f"DICOM {job.image} has no place for complex values: leave out --complex, or write .h5.")


def is_dicom(path: Path | None) -> bool:
    """Whether an output is a DICOM file or folder."""
    return path is not None and _format_name(path) == "DICOM"


def is_mrd(path: Path) -> bool:
    """Whether an output is a file of MRD images, which holds complex values and maps."""
    return _format_name(path) == "MRD images"


def _format_name(path: Path) -> str:
    try:
        return format_of(path).name
    except InputError:
        return ""


def _path(typed: str | None) -> Path | None:
    return None if typed is None else Path(typed)
