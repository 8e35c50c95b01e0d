"""The way into raw data: which format, which readouts, which noise."""

import struct
import warnings
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import cast

import h5py

from quietmr.data import InputError, KSpace, Meta, QuietmrWarning, Readouts, Step
from quietmr.io.content import describe
from quietmr.io.raw.bart import is_bart
from quietmr.io.raw.hdf5_file import hdf5_kind, opened
from quietmr.io.raw.noise_scan import in_coil_order, noise_of, warn_of_missing
from quietmr.io.raw.parts import Parts
from quietmr.io.raw.purposes import OTHER_SPACE

_NEWEST_RAID, _MOST_MEASUREMENTS, _MOST_PARTS = 10000, 64, 256
# module with read_parts(path, *, noise_only) -> Parts, loaded on first use
_READERS = {
    "mrd": "quietmr.io.raw.mrd",
    "fastmri": "quietmr.io.raw.fastmri",
    "bart": "quietmr.io.raw.bart",
    "twix": "quietmr.io.raw.twix",
}


def is_raw(path: str | Path) -> bool:
    """Whether a file holds raw data that `read_raw` knows; never raises over damage.

    Parameters
    ----------
    path : str or Path
        Any file or folder.
    """
    try:
        _kind(Path(path))
    except (InputError, OSError):
        return False
    return True


def read_raw(path: str | Path, noise: str | Path | None = None) -> KSpace:
    """Read a raw scan.

    Parameters
    ----------
    path : str or Path
        MRD (ISMRMRD) or fastMRI HDF5, BART (.cfl or .hdr), or Siemens twix (.dat, needs ``quietmr[siemens]``).
    noise : str or Path, optional
        A second file with the noise scan of the same coils; replaces noise readouts of the scan itself. Its readouts
        flagged as noise are taken, or all if none is. Coils are matched by their labels.

    Returns
    -------
    KSpace
        Reversed readouts turned round; readouts that make no image (navigators, phase correction, feedback, dummy ...)
        left out and counted in ``history``.

    Raises
    ------
    InputError
        If a file is absent, damaged, of another kind, has no imaging readouts, an impossible header, or if the coils
        of scan and noise differ.
    MissingExtraError
        If a Siemens file is given and twixtools is not installed.
    """
    path = Path(path)
    parts = _read(path, noise_only=False)
    if parts.imaging is None:
        raise InputError(
            f"{path} holds no imaging readouts ({_found(parts)}): give the file of the scan, not that of its noise."
        )
    silence = parts.noise
    if noise is not None:
        noise = Path(noise)
        other = _read(noise, noise_only=True)
        silence = noise_of(other, noise)
        silence = in_coil_order(silence, other.system.coil_labels, parts.system, parts.imaging.n_coils, str(noise))
    elif silence is None:
        warn_of_missing(parts.system, path)
    elif silence.n_coils != parts.imaging.n_coils:
        raise InputError(
            f"{path} has noise readouts of {silence.n_coils} coils and imaging readouts of {parts.imaging.n_coils}: "
            "give a noise scan of the same coils with --noise FILE."
        )
    _warn_of_skipped(parts, path)
    return _assembled(parts, path, silence, noise)


def _assembled(parts: Parts, path: Path, silence: Readouts | None, noise: Path | None) -> KSpace:
    imaging = cast(Readouts, parts.imaging)
    step = {
        "format": parts.format,
        "imaging": len(imaging),
        "calibration": len(parts.calibration) if parts.calibration else 0,
        "noise": len(silence) if silence else 0,
        "noise_file": noise.name if noise else "",
        "skipped": dict(parts.skipped),
    }
    system = parts.system
    if len(system.coil_labels) != imaging.n_coils:
        system = replace(system, coil_labels=())
    return KSpace(
        imaging=imaging,
        encoding=parts.encodings[0],
        calibration=parts.calibration,
        noise=silence,
        system=system,
        xml=parts.xml,
        meta=Meta(format=parts.format, source=path),
        history=(Step("read", step),),
    )


def _warn_of_skipped(parts: Parts, path: Path) -> None:
    if count := parts.skipped.get("phase correction", 0):
        warnings.warn(
            f"{path} has {count} phase-correction readouts, which are not applied: the image will show Nyquist ghosts "
            "if it is an EPI scan.",
            QuietmrWarning,
            stacklevel=3,
        )
    if count := parts.skipped.get(OTHER_SPACE, 0):
        warnings.warn(
            f"{path} has {count} readouts of another encoding space than its image, which are left out.",
            QuietmrWarning,
            stacklevel=3,
        )


def _found(parts: Parts) -> str:
    counts = {"calibration": len(parts.calibration or ()), "noise": len(parts.noise or ()), **parts.skipped}
    return ", ".join(f"{count} of {name}" for name, count in counts.items() if count) or "nothing else either"


def _read(path: Path, *, noise_only: bool) -> Parts:
    try:
        kind = _kind(path)
        read: Callable[..., Parts] = import_module(_READERS[kind]).read_parts
        return read(path, noise_only=noise_only)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}): check disk and rights.") from error


def _kind(path: Path) -> str:
    if not path.exists():
        raise InputError(f"There is no file {path}: check the name.")
    if is_bart(path):
        return "bart"
    if not path.is_file():
        raise InputError(f"{path} is not a file: give one raw file.")
    if h5py.is_hdf5(path):
        with opened(path) as file:
            return hdf5_kind(file)
    if path.suffix.lower() == ".dat" and _starts_as_twix(path):
        return "twix"
    raise InputError(
        f"{path} holds {describe(path)}: allowed are MRD (ISMRMRD) and fastMRI HDF5, BART .cfl with .hdr, Siemens .dat."
    )


def _starts_as_twix(path: Path) -> bool:
    """Whether the first two numbers are those of Siemens: version and measurements (VD on), or header and its parts."""
    with path.open("rb") as stream:
        words: tuple[int, int] = struct.unpack("<II", stream.read(8).ljust(8, b"\x00"))
    first, second = words
    several_measurements = first < _NEWEST_RAID and 0 < second <= _MOST_MEASUREMENTS
    return several_measurements or (_NEWEST_RAID <= first < path.stat().st_size and 0 < second <= _MOST_PARTS)
