"""What a file looks like from its first bytes, for messages about wrong names and damaged files."""

import gzip
import zlib
from pathlib import Path

_HEAD = 544
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"II*\x00", "a TIFF picture"),
    (0, b"MM\x00*", "a TIFF picture"),
    (0, b"II+\x00", "a TIFF picture"),
    (0, b"MM\x00+", "a TIFF picture"),
    (0, b"GIF8", "a GIF picture"),
    (0, b"BM", "a BMP picture"),
    (0, b"\x1f\x8b", "gzip-compressed data"),
    (0, b"PK\x03\x04", "a zip archive"),
    (0, b"%PDF", "a PDF document"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file (raw data or MINC)"),
    (0, b"CDF\x01", "a NetCDF file (perhaps MINC)"),
    (0, b"NRRD", "an NRRD image"),
    (0, b"MATLAB 5.0", "a MATLAB file"),
    (0, b"mrtrix image", "an MRtrix image"),
    (0, b"version https://git-lfs", "a Git LFS pointer, not the data (run 'git lfs pull')"),
    (128, b"DICM", "DICOM"),
    (344, b"n+1\x00", "NIfTI-1"),
    (344, b"ni1\x00", "the header of a NIfTI-1 pair"),
    (4, b"n+2\x00", "NIfTI-2"),
    (4, b"ni2\x00", "the header of a NIfTI-2 pair"),
    (0, b"\x5c\x01\x00\x00", "an Analyze 7.5 header, which does not tell left from right"),
    (0, b"\x00\x00\x01\x5c", "an Analyze 7.5 header, which does not tell left from right"),
)


def has_dicom_magic(path: Path) -> bool:
    """Whether the file carries the mark ``DICM`` at byte 128, as DICOM Part 10 files do."""
    with path.open("rb") as stream:
        stream.seek(128)
        return stream.read(4) == b"DICM"


def describe(path: Path) -> str:
    """Say in a few words what the file's content looks like.

    Parameters
    ----------
    path : Path
        A readable file; gzip is looked into.

    Returns
    -------
    str
        For example ``"a PNG picture"``, ``"text"``, ``"nothing (the file is empty)"``; made to follow "it holds".

    Raises
    ------
    OSError
        If the file cannot be opened.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if not head.startswith(b"\x1f\x8b"):
        return _name(head)
    try:
        with gzip.open(path, "rb") as unpacked:
            return f"gzip-compressed data, inside it {_name(unpacked.read(_HEAD))}"
    except (OSError, EOFError, zlib.error):
        return "gzip-compressed data that is cut off or damaged"


def _name(head: bytes) -> str:
    if not head:
        return "nothing (the file is empty)"
    for offset, signature, name in _SIGNATURES:
        if head[offset : offset + len(signature)] == signature:
            return name
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "an HTML page (perhaps an error page saved by a download)"
    if b"/annex/objects/" in head:
        return "a git-annex pointer, not the data (run 'git annex get')"
    if not any(byte < 9 or 13 < byte < 32 for byte in head):
        return "text"
    return "binary data of an unknown kind"
