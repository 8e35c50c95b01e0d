"""Finds the NIfTI files that the viewer may show, and reads their headers."""

import os
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from quietmr.data import InputError
from quietmr.report.viewer.names import is_nifti

MOST_FILES = 1000
"""NIfTI files that one viewer lists."""

_UNREADABLE = (ImageFileError, HeaderDataError, OSError, EOFError, ValueError, OverflowError, zlib.error)
_ALLOWED = "the viewer shows NIfTI (.nii, .nii.gz)"
_CONVERT = "'quietmr denoise SCAN OUT.nii.gz' writes NIfTI from DICOM and pictures"


@dataclass(frozen=True, eq=False)
class Volume:
    """One NIfTI file.

    Parameters
    ----------
    path : Path
        Where it lies, with links followed.
    name : str
        What the user calls it.
    shape : tuple of int
        Voxels along x, y, z; then frames.
    affine : (4, 4) array of float
        From voxels to mm.
    is_converted : bool
        Whether its type (complex, extended precision) is none that the browser draws, so that its magnitude is sent.
    """

    path: Path
    name: str
    shape: tuple[int, ...]
    affine: NDArray[np.float64]
    is_converted: bool

    @property
    def n_frames(self) -> int:
        """Number of volumes in the file."""
        return int(np.prod(self.shape[3:], dtype=int))

    def same_grid(self, other: "Volume") -> bool:
        """Whether voxels and places agree (within a thousandth of a voxel); frames may differ, maps often have one."""
        voxel = np.linalg.norm(self.affine[:3, :3], axis=0).min()
        is_same_place = np.allclose(self.affine, other.affine, rtol=1e-5, atol=1e-3 * voxel)
        return self.shape[:3] == other.shape[:3] and is_same_place


@dataclass(frozen=True)
class Found:
    """The files to show, and one sentence for each that is left out."""

    volumes: tuple[Volume, ...]
    notes: tuple[str, ...]


def find(paths: Sequence[Path]) -> Found:
    """Find the NIfTI files of folders (and the folders in them) and of single names.

    A link in a folder is followed only if it stays in that folder; a file that was named by the user may be anything.

    Parameters
    ----------
    paths : sequence of Path
        Folders and files.

    Returns
    -------
    Found
        At least one volume.

    Raises
    ------
    InputError
        If a name does not exist or is not NIfTI, there is no NIfTI file at all, or there are more than `MOST_FILES`.
    """
    volumes: dict[Path, Volume] = {}
    notes: list[str] = []
    for given in paths:
        if given.is_dir():
            found = _in_folder(given, notes)
            prefix = f"{given.resolve().name}/" if len(paths) > 1 else ""
            candidates = {path: prefix + name for path, name in found.items()}
        elif not given.is_file():
            raise InputError(f"There is no file or folder {given}: check the name.")
        elif not is_nifti(given.name):
            raise InputError(f"{given} is not NIfTI: {_ALLOWED}; {_CONVERT}.")
        else:
            candidates = {given: str(given.name)}
        for path, name in candidates.items():
            _add(volumes, notes, path, name)
    if not volumes:
        raise InputError(_nothing(paths, notes))
    return Found(tuple(volumes.values()), tuple(notes))


def read_header(path: Path, name: str) -> Volume:
    """Read what the header of a NIfTI file says.

    Raises
    ------
    InputError
        If it cannot be read, or holds no voxels.
    """
    try:
        image: Any = nib.load(path)
        shape, affine, dtype = image.shape, np.asarray(image.affine, dtype=np.float64), image.get_data_dtype()
    except _UNREADABLE as error:
        raise InputError(f"{name} is not shown: it cannot be read as NIfTI ({_first_line(error)}).") from error
    if len(shape) < 2 or min(shape) < 1 or not np.isfinite(affine).all():
        raise InputError(f"{name} is not shown: its header is damaged (size {shape}).")
    shape = (*shape, 1)[: max(len(shape), 3)]
    is_converted = dtype.kind == "c" or dtype.itemsize > 8
    return Volume(path.resolve(), name, tuple(map(int, shape)), affine, is_converted)


def magnitude_file(volume: Volume) -> bytes:
    """Return the magnitude of a volume as an uncompressed NIfTI file of 32-bit floats."""
    image: Any = nib.load(volume.path)
    values = np.abs(np.asanyarray(image.dataobj)).astype(np.float32)
    written: bytes = nib.Nifti1Image(values, image.affine).to_bytes()  # type: ignore[no-untyped-call]
    return written


def _add(volumes: dict[Path, Volume], notes: list[str], path: Path, name: str) -> None:
    if path.resolve() in volumes:
        return
    if len(volumes) == MOST_FILES:
        raise InputError(f"There are more than {MOST_FILES} NIfTI files here: name a folder further down, or files.")
    try:
        volumes[path.resolve()] = read_header(path, name)
    except InputError as error:
        notes.append(str(error))


def _in_folder(folder: Path, notes: list[str]) -> dict[Path, str]:
    """Return the regular NIfTI files below a folder with their names as seen from there; hidden ones are left out."""
    root = folder.resolve()
    found: dict[Path, str] = {}
    for place, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if is_nifti(name) and not name.startswith(".")):
            path = Path(place) / name
            shown = path.relative_to(root).as_posix()
            if not path.is_file():
                continue
            if not path.resolve().is_relative_to(root):
                notes.append(f"{shown} is not shown: it is a link that leads out of the folder; name the file itself.")
                continue
            found[path] = shown
            if len(found) > MOST_FILES:
                return found
    return found


def _nothing(paths: Sequence[Path], notes: Sequence[str]) -> str:
    if notes:
        return f"There is nothing to show. {' '.join(notes)}"
    folders = [path for path in paths if path.is_dir()]
    endings = Counter(entry.suffix or entry.name for folder in folders for entry in folder.iterdir() if entry.is_file())
    others = ", ".join(f"{n} {ending}" for ending, n in endings.most_common(3))
    holds = f" (it holds {others})" if others else " (it is empty)" if not any(folders[0].iterdir()) else ""
    where = ", ".join(map(str, folders))
    return f"There is no NIfTI file in {where}{holds}: {_ALLOWED}; {_CONVERT}."


def _first_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
