"""Files as streams of bytes, plain or gzip-compressed, read with suspicion."""

import gzip
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quietmr.data import InputError, QuietmrWarning

_DEFLATE_LIMIT = 1100  # deflate packs at most 1032:1
_CHUNK = 16 * 2**20


def is_gzip(path: Path) -> bool:
    """Whether the name says that the file is compressed."""
    return path.suffix.lower() == ".gz"


@contextmanager
def reading(path: Path) -> Iterator[BufferedIOBase]:
    """Open a file for reading, unpacking it if its name ends in .gz."""
    if is_gzip(path):
        with gzip.open(path, "rb") as packed:
            yield packed
    else:
        with path.open("rb") as plain:
            yield plain


@contextmanager
def writing(path: Path) -> Iterator[BufferedIOBase]:
    """Make a new file, compressing it if its name ends in .gz."""
    with path.open("xb") as plain:
        if not is_gzip(path):
            yield plain
            return
        # no name and no time inside: the same image gives the same bytes
        with gzip.GzipFile(filename="", mode="wb", fileobj=plain, compresslevel=6, mtime=0) as packed:
            yield packed


def check_claim(path: Path, n_bytes: int) -> None:
    """Refuse a header that promises more than the file can hold, before memory is asked for.

    Raises
    ------
    InputError
        If the file is shorter than ``n_bytes``, or too short to unpack to it.
    """
    size = path.stat().st_size
    if n_bytes > (size * _DEFLATE_LIMIT if is_gzip(path) else size):
        raise InputError(
            f"{path} should hold {n_bytes} bytes by its header and has {size} on disk: "
            "it is cut off or its header is damaged; copy it again."
        )


def fill(buffer: NDArray[np.uint8], stream: BufferedIOBase) -> None:
    """Read exactly as many bytes as the buffer has room for.

    Raises
    ------
    EOFError
        If the stream ends before.
    """
    view, filled = buffer.data, 0
    while filled < buffer.size:
        n_read = stream.readinto(view[filled : filled + _CHUNK])
        if not n_read:
            raise EOFError(f"{buffer.size - filled} bytes are missing")
        filled += n_read


def read_to_the_end(stream: BufferedIOBase, path: Path) -> None:
    """Read what is left, so that gzip compares its checksum, and warn if there is anything.

    More than a little behind the pixels means that the shape in the header is damaged.
    """
    rest = len(stream.read(_CHUNK))
    if rest:
        warnings.warn(
            f"{path} holds more than its header says ({'at least ' if rest == _CHUNK else ''}{rest} bytes behind the "
            "last voxel), which is ignored: check the shape of the image.",
            QuietmrWarning,
            stacklevel=2,
        )
