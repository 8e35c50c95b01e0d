"""From a file or folder to the headers of the one series in it."""

import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, MediaStorageDirectoryStorage

from quietmr.data import InputError, QuietmrWarning
from quietmr.io.content import describe, has_dicom_magic
from quietmr.io.dicom.elements import text
from quietmr.io.dicom.guard import refusing_damage

_MOST_LISTED = 10
_HEAD = 2**16


@dataclass(frozen=True, eq=False)
class FoundFile:
    """One DICOM file of a series.

    Parameters
    ----------
    path : Path
        Where it is.
    name : str
        Its path below the folder that was asked for, with forward slashes; the file name for a single file.
    dataset : Dataset
        Its header, without the pixels and what follows them.
    pixel_offset : int
        Byte of the file where the pixel element starts.
    """

    path: Path
    name: str
    dataset: Dataset
    pixel_offset: int


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM by its content, or a folder (with those below it) holds at least one such file.

    Parameters
    ----------
    path : Path
        An existing file or folder; the suffix does not matter.
    """
    if path.is_dir():
        return any(_has_magic(file) for file in _files_below(path))
    return path.is_file() and _has_magic(path)


def find_series(path: Path) -> list[FoundFile]:
    """Read the headers of the series in a file or folder.

    A folder is searched with all folders below it; files that are not DICOM, hidden files and DICOMDIR are passed
    over, DICOM objects without a picture too (with a warning).

    Parameters
    ----------
    path : Path
        File or folder.

    Returns
    -------
    list of FoundFile
        Sorted by name.

    Raises
    ------
    InputError
        If there is no DICOM, more than one series, the same image twice, or a damaged file.
    """
    if not path.is_dir():
        return [_read_single(path)]
    files = [file for file in _files_below(path) if _has_magic(file)]
    found = [_read(file, file.relative_to(path).as_posix()) for file in files]
    pictures = [item for item in found if _is_picture(item.dataset)]
    others = len([item for item in found if not (_is_picture(item.dataset) or _is_index(item.dataset))])
    if not pictures:
        raise InputError(f"The folder {path} holds no DICOM images: give the folder of one MR series.")
    if others:
        warnings.warn(
            f"{others} DICOM files without a picture in {path} were left out (reports, raw data, presentation states).",
            QuietmrWarning,
            stacklevel=2,
        )
    _check_one_series(pictures, path)
    _check_no_twins(pictures, path)
    return pictures


def _files_below(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(place, name)
            if not name.startswith(".") and file.is_file():
                yield file


def _has_magic(file: Path) -> bool:
    with refusing_damage(file):
        return has_dicom_magic(file)


def _read_single(path: Path) -> FoundFile:
    if not _has_magic(path):
        raise InputError(
            f"{path} is not DICOM, it holds {describe(path)}: give a DICOM file (with 'DICM' at byte 128) or a folder."
        )
    found = _read(path, path.name)
    if _is_index(found.dataset):
        raise InputError(f"{path} is a DICOMDIR, an index of images: give the folder of the series instead.")
    if not _is_picture(found.dataset):
        raise InputError(
            f"{path} holds no picture (no Rows and Columns), it is {_kind(found.dataset)}: "
            "give a file of an MR image series."
        )
    return found


def _read(path: Path, name: str) -> FoundFile:
    with refusing_damage(path), path.open("rb") as stream:
        # pydicom would inflate the file without a limit
        if DeflatedExplicitVRLittleEndian.encode() in stream.read(_HEAD):
            raise InputError(
                f"{path} is deflated DICOM, which quietmr does not unpack: convert it first (dcmconv +te or similar)."
            )
        stream.seek(0)
        dataset = dcmread(stream, stop_before_pixels=True)
        # parsing is lazy: touch what the next steps rely on while damage still has a name
        _is_index(dataset)
        _kind(dataset)
        _title(dataset)
        text(dataset, "SeriesInstanceUID")
        text(dataset, "SOPInstanceUID")
        return FoundFile(path, name, dataset, stream.tell())


def _is_picture(dataset: Dataset) -> bool:
    return "Rows" in dataset and "Columns" in dataset


def _is_index(dataset: Dataset) -> bool:
    media_class = dataset.file_meta.get("MediaStorageSOPClassUID")
    return bool(media_class == MediaStorageDirectoryStorage)


def _kind(dataset: Dataset) -> str:
    sop_class = dataset.get("SOPClassUID")
    return str(getattr(sop_class, "name", sop_class)) if sop_class else "of unknown kind"


def _check_one_series(found: Sequence[FoundFile], folder: Path) -> None:
    series: dict[str, list[FoundFile]] = {}
    for item in found:
        series.setdefault(text(item.dataset, "SeriesInstanceUID"), []).append(item)
    if len(series) == 1:
        return
    lines = [_series_line(uid, members) for uid, members in list(series.items())[:_MOST_LISTED]]
    more = f" and {len(series) - _MOST_LISTED} more" if len(series) > _MOST_LISTED else ""
    raise InputError(
        f"{folder} holds {len(series)} series: {'; '.join(lines)}{more}; give one folder (or file) per series."
    )


def _series_line(uid: str, members: Sequence[FoundFile]) -> str:
    title = _title(members[0].dataset)
    count = f"{len(members)} file{'s' if len(members) > 1 else ''}"
    return f"'{title}' (SeriesInstanceUID {uid or 'missing'}, {count}, first {members[0].name})"


def _title(dataset: Dataset) -> str:
    return text(dataset, "SeriesDescription") or text(dataset, "ProtocolName") or "without description"


def _check_no_twins(found: Sequence[FoundFile], folder: Path) -> None:
    seen: dict[str, str] = {}
    for item in found:
        uid = text(item.dataset, "SOPInstanceUID")
        if uid and uid in seen:
            raise InputError(
                f"{folder} holds the same image twice, {seen[uid]} and {item.name} (SOPInstanceUID {uid}): "
                "remove one of them."
            )
        seen[uid] = item.name
