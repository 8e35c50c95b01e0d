"""Pixels of pictures: from Pillow's modes to gray values, and to the types that PNG and TIFF can hold."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from quietmr.data import Image, InputError, OutputError, QuietmrWarning, Storage
from quietmr.io.storage import encode, warn_clipped

_COLORS = {"P", "PA", "LA", "RGB", "RGBA", "CMYK", "YCbCr"}
_TRANSPARENT = {"PA", "LA", "RGBA"}
_UNSIGNED_16 = {"I;16", "I;16B", "I;16L", "I;16N"}
_PHOTOMETRIC, _BITS, _SAMPLE_FORMAT = 262, 258, 339
_WHITE_IS_ZERO, _UNSIGNED, _SIGNED = 0, 1, 2


def check_depth(picture: PIL.Image.Image, path: Path) -> None:
    """Refuse pictures whose values Pillow would change while it reads them.

    Raises
    ------
    InputError
        16-bit color (cut to 8 bit), and TIFF with signed 8-bit, unsigned 32-bit or white-is-zero values of more than 8
        bit (read wrongly).
    """
    tags: Any = getattr(picture, "tag_v2", {})
    bits = max(tags.get(_BITS, (8,)))
    sample = tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))[0]
    color = picture.mode in _COLORS
    problem = ""
    if color and (bits > 8 or any(";16" in str(tile[3]) for tile in getattr(picture, "tile", ()))):
        problem = "16-bit colors"
    elif bits == 8 and sample == _SIGNED:
        problem = "signed 8-bit values"
    elif bits == 32 and sample == _UNSIGNED:
        problem = "unsigned 32-bit values"
    elif bits > 8 and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        problem = f"{bits}-bit values where 0 is white"
    if problem:
        raise InputError(f"{path} holds {problem}; allowed are 8- and 16-bit gray, 8-bit color and float32 pictures.")


def pixels_of(picture: PIL.Image.Image, kind: str, path: Path) -> NDArray[Any]:
    """Gray values of a loaded picture.

    Parameters
    ----------
    picture : PIL.Image.Image
        Any mode of the formats that quietmr reads.
    kind : str
        Format it came from, ``"PNG"`` ...
    path : Path
        File to name in messages.

    Returns
    -------
    array, shape (rows, columns), uint8, uint16, int32 or float32
        1-bit pictures give 0 and 255.

    Raises
    ------
    InputError
        If the mode has no meaning as gray values.
    """
    mode = picture.mode
    if mode in _COLORS:
        return _luminance(picture, path)
    if "transparency" in picture.info:
        _warn(path, "has a transparent color, which is read like any other")
    if mode in ("1", "L"):
        return np.asarray(picture.convert("L"))
    if mode in _UNSIGNED_16 or (mode == "I" and kind == "PNG"):
        return np.asarray(picture).astype(np.uint16)
    if mode in ("I", "F"):
        return np.asarray(picture).astype(np.int32 if mode == "I" else np.float32)
    raise InputError(f"{path} has pixels of mode {mode}; allowed are gray and RGB: save it as gray.")


def _luminance(picture: PIL.Image.Image, path: Path) -> NDArray[np.uint8]:
    if picture.mode in _TRANSPARENT or picture.has_transparency_data:
        rgba = np.asarray(picture.convert("RGBA"))
        if (rgba[..., 3] < 255).any():
            _warn(path, "is partly transparent; its transparency is ignored")
        color = PIL.Image.fromarray(np.ascontiguousarray(rgba[..., :3]))
    else:
        color = picture.convert("RGB")
    channels = np.asarray(color)
    if (channels == channels[..., :1]).all():
        return channels[..., 0].copy()
    _warn(path, "is in color; its luminance is taken")
    return np.asarray(color.convert("L"))


def _warn(path: Path, what: str) -> None:
    warnings.warn(f"{path} {what}.", QuietmrWarning, stacklevel=3)


def stored_pixels(image: Image, kind: str) -> NDArray[Any]:
    """Pixels of an image as they go into a picture.

    Parameters
    ----------
    image : Image
        One frame; one slice for PNG.
    kind : {"PNG", "TIFF"}
        Format to write.

    Returns
    -------
    array, shape (Z, Y, X), uint8, uint16, int32 or float32
        The latter two for TIFF only.

    Raises
    ------
    OutputError
        If the format has no place for the image.
    """
    n_frames, n_slices = image.shape[:2]
    if image.is_complex:
        raise OutputError(f"A {kind} picture cannot hold complex values: take the magnitude, or write NIfTI.")
    if n_frames > 1 or (n_slices > 1 and kind == "PNG"):
        raise OutputError(
            f"A {kind} picture cannot hold {n_frames} frames of {n_slices} slices: write NIfTI"
            f"{'' if n_frames > 1 else ' or TIFF'}."
        )
    storage = Storage(_type_for(image, kind))
    stored, n_clipped = encode(image.data[0], storage)
    warn_clipped(storage, n_clipped, stored.size)
    return stored


def _type_for(image: Image, kind: str) -> str:
    own = image.meta.storage or Storage()
    dtype = np.dtype(own.dtype)
    if dtype.kind in "iu" and (own.slope, own.intercept) == (1, 0):
        if dtype.str[1:] in ("u1", "u2"):
            return "=" + dtype.str[1:]
        wide = kind == "TIFF"
        candidates = ["=i4"] if wide and dtype.str[1:] == "i4" else ["=u2", "=i4"] if wide else ["=u2"]
        for candidate in candidates:
            if _fits(image.data, candidate):
                return candidate
    if kind == "TIFF":
        return "=f4"
    raise OutputError(
        f"PNG holds whole numbers from 0 to 65535; this image is of type {dtype.name} with slope {own.slope:g}, "
        f"intercept {own.intercept:g}, values from {image.data.min():g} to {image.data.max():g}: write .tif or .nii.gz."
    )


def _fits(values: NDArray[Any], dtype: str) -> bool:
    limits = np.iinfo(dtype)
    return bool(np.rint(values.min()) >= limits.min and np.rint(values.max()) <= limits.max)
