"""Between pydicom and quietmr: its warnings are held back, its many errors become one sentence."""

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom.errors import BytesLengthException, InvalidDicomError

from quietmr.data import InputError, OutputError, QuietmrWarning

# pydicom promises no set of errors for damaged input: these are all that byte flips and cuts were seen to raise,
# and their relatives
_DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    BytesLengthException,
    EOFError,
    InvalidDicomError,
    LookupError,
    MemoryError,
    RuntimeError,
    StopIteration,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


@contextmanager
def third_party_silent() -> Iterator[None]:
    """Hold back what libraries warn about and pass on what quietmr warns about, each sentence once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    said = set()
    for warning in caught:
        text = str(warning.message)
        if issubclass(warning.category, QuietmrWarning) and text not in said:
            said.add(text)
            # out of this function, contextlib, and the function that holds the block
            warnings.warn(text, QuietmrWarning, stacklevel=4)


@contextmanager
def refusing_damage(path: Path) -> Iterator[None]:
    """Turn whatever a parser raises over a damaged file into an `InputError` that names the file."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror or error}): check the disk and the rights."
        ) from error
    except _DAMAGE as error:
        raise InputError(
            f"{path} is damaged or not the DICOM that it claims to be ({_reason(error)}): export or copy it again."
        ) from error


@contextmanager
def refusing_header(name: str) -> Iterator[None]:
    """Turn whatever an encoder raises over an odd header into an `OutputError`; not for writing to disk."""
    try:
        yield
    # pydicom raises OSError over numbers that do not fit their element
    except (*_DAMAGE, OSError) as error:
        raise OutputError(
            f"The header of {name} holds what cannot be written as DICOM again ({_reason(error)}): write .nii.gz."
        ) from error


def _reason(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0][:160].rstrip(" .:") if lines else type(error).__name__
