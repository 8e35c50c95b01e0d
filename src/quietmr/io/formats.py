"""The table of file formats, and the way in and out through it."""

import os
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from quietmr.data import Image, InputError, OutputError
from quietmr.io.content import describe


@dataclass(frozen=True)
class Format:
    """One row of the format table.

    Parameters
    ----------
    name : str
        What users call it.
    suffixes : tuple of str
        Endings of its files, lower case; ``""`` stands for a folder or a name without suffix.
    module : str
        Module with ``read(path) -> Image`` and ``write(image, path) -> None``, loaded on first use. Its ``write``
        replaces what is there, whole or not at all (`quietmr.io.atomic.replacing`).
    read_only : str
        Why quietmr does not write it; empty if it does.
    """

    name: str
    suffixes: tuple[str, ...]
    module: str
    read_only: str = ""


# a new format is one line here
FORMATS = (
    Format("NIfTI", (".nii", ".nii.gz"), "quietmr.io.nifti"),
    Format("NIfTI pair", (".hdr", ".img", ".hdr.gz", ".img.gz"), "quietmr.io.nifti", "it is two files"),
    Format("DICOM", ("", ".dcm", ".ima"), "quietmr.io.dicom"),
    Format("MRD images", (".h5", ".mrd"), "quietmr.io.mrd_image"),
    Format("PNG", (".png",), "quietmr.io.picture"),
    Format("TIFF", (".tif", ".tiff"), "quietmr.io.picture"),
    Format("JPEG", (".jpg", ".jpeg"), "quietmr.io.picture", "it is lossy and would add its own noise"),
    Format("BMP", (".bmp",), "quietmr.io.picture", "it has no place for 16-bit values"),
)
_DICOM = next(row for row in FORMATS if "" in row.suffixes)


def format_of(path: str | Path) -> Format:
    """Find the format of a file or folder, existing or not, by its name.

    A folder is DICOM. A name with an unknown suffix is DICOM if the file exists and is DICOM inside (exports are often
    named by numbers with dots).

    Parameters
    ----------
    path : str or Path
        File or folder.

    Returns
    -------
    Format
        Its row of the table.

    Raises
    ------
    InputError
        If the suffix is unknown.
    """
    path = Path(path)
    if path.is_dir():
        return _DICOM
    name = path.name.lower()
    for row in FORMATS:
        if name.endswith(tuple(suffix for suffix in row.suffixes if suffix)):
            return row
    if not path.suffix and not path.exists():
        return _DICOM
    if path.is_file() and import_module(_DICOM.module).is_dicom(path):
        return _DICOM
    raise InputError(f"{path} has {_ending(path)}; allowed are {_endings(writing=False)}, or a folder of DICOM.")


def read(path: str | Path) -> Image:
    """Read a scan.

    Parameters
    ----------
    path : str or Path
        NIfTI (.nii, .nii.gz, .hdr/.img), a DICOM file or a folder of them, MRD images (.h5, .mrd), PNG, TIFF, JPEG
        or BMP.

    Returns
    -------
    Image
        Values as the file means them (slope and intercept applied, never rescaled), float32 or complex64, with
        everything needed to write the same kind of file again in ``meta``.

    Raises
    ------
    InputError
        If there is no such file, its suffix is unknown, or its content is damaged or not what the name says.
    """
    path = Path(path)
    try:
        if not path.exists():
            raise InputError(f"There is no file or folder {path}: check the name.")
        if not path.is_file() and not path.is_dir():
            raise InputError(f"{path} is neither a file nor a folder: give a regular file.")
        row = format_of(path)
        if path.is_file() and path.stat().st_size == 0:
            raise InputError(f"{path} holds {describe(path)}: copy or download it again.")
        image: Image = import_module(row.module).read(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}): check disk and rights.") from error
    return image


def write(image: Image, path: str | Path, *, force: bool = False) -> None:
    """Write an image whole or not at all; the suffix chooses the format.

    An image that was read from the same format keeps its header, its type and its scale: only pixels differ.

    Parameters
    ----------
    image : Image
        What to write.
    path : str or Path
        New file, or folder for a DICOM series.
    force : bool
        Replace what is there already.

    Raises
    ------
    OutputError
        If `check_writable` refuses, the format has no place for the image, or the disk is full.
    """
    path = Path(path)
    check_writable(path, force=force)
    import_module(_writable_format(path).module).write(image, path)


def check_writable(path: str | Path, *, force: bool = False) -> None:
    """Refuse now what `write` would refuse after hours of work.

    Parameters
    ----------
    path : str or Path
        File or folder to be written.
    force : bool
        Allow that it exists already.

    Raises
    ------
    OutputError
        If the format is unknown or read-only, the folder is missing or read-only, or ``path`` exists and may not be
        replaced.
    """
    path = Path(path)
    try:
        _check_writable(path, force=force)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror or error}): choose another name.") from error


def _check_writable(path: Path, *, force: bool) -> None:
    row = _writable_format(path)
    folder = path.absolute().parent
    if not folder.is_dir():
        raise OutputError(f"There is no folder {folder} to write {path.name} to: make it first.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"The folder {folder} is read-only: choose another one for {path.name}.")
    if path.is_dir() and not any(path.iterdir()):
        return
    if not path.exists() and not path.is_symlink():
        return
    if not force:
        raise OutputError(f"{path} exists already: choose another name, or replace it with force.")
    if path.is_dir():
        _check_replaceable(path, row)
    elif not path.suffix:
        raise OutputError(f"{path} is a file where a folder of {row.name} would go: choose another name.")


def _check_replaceable(folder: Path, row: Format) -> None:
    # replacing a folder deletes what is in it: never anything that quietmr could not have put there
    for entry in sorted(folder.iterdir()):
        if entry.suffix.lower() not in row.suffixes[1:] or not entry.is_file():
            raise OutputError(
                f"The folder {folder} holds more than {row.name} files ({entry.name}), which force would delete: "
                "choose a new folder."
            )


def _writable_format(path: Path) -> Format:
    try:
        row = format_of(path)
    except InputError:
        raise OutputError(
            f"{path} has {_ending(path)}; quietmr writes {_endings(writing=True)}, or a folder of DICOM."
        ) from None
    if row.read_only:
        raise OutputError(
            f"quietmr reads {row.name} but does not write it ({row.read_only}): choose one of {_endings(writing=True)}."
        )
    return row


def _ending(path: Path) -> str:
    return f"the unknown suffix {path.suffix!r}" if path.suffix else "no suffix, and it is not DICOM"


def _endings(*, writing: bool) -> str:
    rows = (row for row in FORMATS if not (writing and row.read_only))
    return ", ".join(suffix for row in rows for suffix in row.suffixes if suffix)
