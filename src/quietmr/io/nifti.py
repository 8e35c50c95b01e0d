"""NIfTI-1 and NIfTI-2 in and out, header bytes untouched."""

import gzip
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from quietmr.data import Image, InputError, Meta, QuietmrWarning, Storage
from quietmr.io.atomic import replacing
from quietmr.io.content import describe
from quietmr.io.nifti_fit import header_for
from quietmr.io.nifti_header import NiftiHeader, frames_of, geometry_of, shape_of, size_of_header, storage_of
from quietmr.io.storage import decode, encode, warn_clipped, warn_inexact
from quietmr.io.streams import check_claim, fill, read_to_the_end, reading, writing

_SUPPORTED = {"u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", "c8", "c16"}
_LARGEST_IMAGE = 64 * 2**30
_LARGEST_HEADER = 2**28
_DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile)


def read(path: Path) -> Image:
    """Read a NIfTI file (.nii, .nii.gz) or pair (.hdr and .img).

    Values are held as float32 (complex64 for complex types): exact for float32, complex64 and integers up to 2**24;
    float64 is rounded to float32. Array axes (i, j, k, t) become (T, Z, Y, X) = (t, k, j, i).

    Parameters
    ----------
    path : Path
        Existing file.

    Returns
    -------
    Image
        ``meta.header`` is a `NiftiHeader` with the untouched header and extensions.

    Raises
    ------
    InputError
        If it is not NIfTI, damaged, cut off, of a color or 5-D vector type, or too large.
    """
    header_path, pixel_path = _parts(path)
    try:
        header = _read_header(header_path)
        fields, faults = header.checked()
        shape = _four_axes(path, shape_of(fields))
        storage = storage_of(fields)
        _check_type(path, storage)
        data = _read_pixels(pixel_path, shape, storage, _offset(header, pixel_path))
    except HeaderDataError as error:
        raise InputError(f"{path} has a damaged NIfTI header ({error}): convert or export it again.") from error
    except _DAMAGE as error:
        raise InputError(f"{path} is cut off or damaged inside ({error}): copy it again.") from error
    geometry, is_sound = geometry_of(fields)
    if not is_sound:
        faults.append("the transform to patient space is unusable, the next best one was taken")
    if faults:
        warnings.warn(
            f"{path} has faults in its header, which were read around and stay in the file: {'; '.join(faults)}.",
            QuietmrWarning,
            stacklevel=2,
        )
    meta = Meta(format="nifti", source=path, storage=storage, header=header)
    return Image(data, geometry=geometry, frames=frames_of(fields, shape[0]), meta=meta)


def write(image: Image, path: Path) -> None:
    """Write a NIfTI file; gzip-compressed if the name ends in .gz.

    ``meta.storage`` decides the type and the scale; without one the values are stored as they are (float32,
    complex64). An image that came from NIfTI keeps its header bytes, changed only where shape, type, scale or geometry
    changed. Any other image gets a new header with sform and qform in mm and seconds.

    Parameters
    ----------
    image : Image
        What to write.
    path : Path
        File to make or to replace, .nii or .nii.gz.

    Raises
    ------
    OutputError
        If NIfTI has no place for the image, an integer type would have to hold NaN, or the disk refuses.
    """
    header = header_for(image)
    storage = storage_of(header.fields())
    n_clipped = 0
    with replacing(path) as temporary, writing(temporary) as stream:
        stream.write(header.block)
        stream.write(header.extensions)
        for frame in image.data:
            stored, n = encode(frame, storage)
            n_clipped += n
            stream.write(np.ascontiguousarray(stored).data)
    warn_clipped(storage, n_clipped, image.data.size)


def _parts(path: Path) -> tuple[Path, Path]:
    stem, dot, suffix = path.name.removesuffix(".gz").rpartition(".")
    gz = path.name[len(stem) + len(dot) + len(suffix) :]
    twin = {"hdr": "img", "img": "hdr", "HDR": "IMG", "IMG": "HDR"}.get(suffix)
    if twin is None:
        return path, path
    other = path.with_name(f"{stem}.{twin}{gz}")
    if not other.is_file():
        raise InputError(f"{path} is half of a NIfTI pair and {other.name} is not beside it: copy both files.")
    return (other, path) if suffix.lower() == "img" else (path, other)


def _read_header(path: Path) -> NiftiHeader:
    try:
        with reading(path) as stream:
            start = stream.read(348)
            size = size_of_header(start)
            if size is None:
                raise InputError(
                    f"{path} has the name of a NIfTI file, but it holds {describe(path)}: "
                    "give it the suffix of what it is, or export it again."
                )
            header = NiftiHeader(start + stream.read(size - 348))
            if len(header.block) < size:
                raise EOFError("the header is not complete")
            rest = _LARGEST_HEADER if header.is_pair else _offset(header, path) - size
            return NiftiHeader(header.block, stream.read(rest))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read as NIfTI ({error}): it holds {describe(path)}.") from error


def _offset(header: NiftiHeader, path: Path) -> int:
    """Byte at which the pixels start."""
    raw = float(header.fields()["vox_offset"])
    lowest = 0 if header.is_pair else len(header.block) + 4
    offset = lowest if raw == 0 else raw
    if not (lowest <= offset <= _LARGEST_HEADER and offset == int(offset)):
        raise HeaderDataError(f"pixels start at byte {raw:g}")
    check_claim(path, int(offset))
    return int(offset)


def _four_axes(path: Path, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    if len(shape) < 2 or max(shape[4:], default=1) > 1:
        what = "a vector image (colors, displacements or tensors)" if len(shape) > 4 else "a row of numbers"
        raise InputError(f"{path} is {what} of shape {shape}; allowed are 2-D to 4-D images: split it first.")
    x, y, z, t = (*shape, 1, 1)[:4]
    return t, z, y, x


def _check_type(path: Path, storage: Storage) -> None:
    dtype = np.dtype(storage.dtype)
    if dtype.str[1:] not in _SUPPORTED:
        what = "colors" if dtype.names else dtype.name
        raise InputError(f"{path} stores {what}; allowed are integers up to 64 bit, float32/64 and complex64/128.")


def _read_pixels(path: Path, shape: tuple[int, ...], storage: Storage, offset: int) -> NDArray[Any]:
    stored_type = np.dtype(storage.dtype)
    n_frames, frame_size = shape[0], int(np.prod(shape[1:], dtype=object))
    held_type = np.dtype(np.complex64 if stored_type.kind == "c" else np.float32)
    if n_frames * frame_size * held_type.itemsize > _LARGEST_IMAGE:
        raise InputError(f"{path} claims the shape {shape}, more than 64 GiB: its header is damaged, or crop it first.")
    check_claim(path, offset + n_frames * frame_size * stored_type.itemsize)
    try:
        data = np.empty(shape, held_type)
        buffer = np.empty(frame_size * stored_type.itemsize, np.uint8)
    except MemoryError:
        raise InputError(f"{path} with the shape {shape} does not fit into memory: crop it first.") from None
    n_inexact = 0
    with reading(path) as stream:
        stream.seek(offset)
        for frame in data:
            fill(buffer, stream)
            values, n = decode(buffer.view(stored_type).reshape(shape[1:]), storage, path)
            frame[...] = values
            n_inexact += n
        read_to_the_end(stream, path)
    warn_inexact(path, n_inexact)
    return data
