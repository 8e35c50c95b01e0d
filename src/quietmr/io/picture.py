"""Pictures in (PNG, TIFF, JPEG, BMP) and out (PNG, TIFF)."""

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL import ImageOps

from quietmr.data import Geometry, Image, InputError, Meta, QuietmrWarning, Storage
from quietmr.io.atomic import replacing
from quietmr.io.content import describe
from quietmr.io.picture_pixels import check_depth, pixels_of, stored_pixels
from quietmr.io.storage import decode, warn_inexact

_KINDS = {".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP"}
_MM_PER_INCH = 25.4
_ORIENTATION_TAG = 274
_X_RESOLUTION_TAG = 282
_QUARTER_TURNS = range(5, 9)
_MOST_PIXELS = 2**31
_DAMAGE = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, OverflowError, struct.error)


@dataclass(frozen=True)
class PictureHeader:
    """What a picture carries beside its pixels: dots per inch along x and y, None if not given."""

    dpi: tuple[float, float] | None = None


def read(path: Path) -> Image:
    """Read a gray picture; row 0 is Y index 0, the pages of a TIFF are slices (Z).

    Colors become luminance (ITU-R 601, as `PIL.Image.Image.convert` does it) with a warning, unless all channels are
    equal. A picture that is turned by an EXIF orientation is turned upright, and written back upright without the tag.
    Dots per inch give the voxel size (25.4 / dpi mm); without them it is 1 mm. Nothing is resized or rescaled. Other
    metadata (color profile, comments) are not kept.

    Parameters
    ----------
    path : Path
        Existing file, .png, .tif, .tiff, .jpg, .jpeg or .bmp.

    Returns
    -------
    Image
        Shape (1, pages, rows, columns).

    Raises
    ------
    InputError
        If the content is not what the suffix says, damaged, animated, too large, or of a type that cannot be kept
        (16-bit color, signed 8-bit, unsigned 32-bit).
    """
    kind = _KINDS[path.suffix.lower()]
    # from a stream, not by name: Pillow maps named TIFFs into memory with rows of the wrong length if they are turned
    with _guarded(path, kind), path.open("rb") as stream, PIL.Image.open(stream, formats=[kind]) as picture:
        if kind != "TIFF" and getattr(picture, "n_frames", 1) > 1:
            raise InputError(f"{path} is an animation or holds several pictures: save the wanted one by itself.")
        dpi = _dpi(picture)
        pages = _pages(picture, kind, path)
    if any(page.shape != pages[0].shape or page.dtype != pages[0].dtype for page in pages):
        raise InputError(f"{path} has pages of different size or type, which make no stack of slices: split it first.")
    stack = np.stack(pages)
    storage = Storage(stack.dtype.str)
    data, n_inexact = decode(stack[np.newaxis], storage, path)
    warn_inexact(path, n_inexact)
    geometry = Geometry(np.diag([*(_MM_PER_INCH / d for d in dpi), 1.0, 1.0])) if dpi else Geometry()
    meta = Meta(format=kind.lower(), source=path, storage=storage, header=PictureHeader(dpi))
    return Image(data, geometry=geometry, meta=meta)


def write(image: Image, path: Path) -> None:
    """Write a PNG (one slice, 8 or 16 bit) or a TIFF (any number of slices; 8, 16, 32 bit or float32, uncompressed).

    8 bit in is 8 bit out, 16 bit in is 16 bit out; other integers become 16 bit where they fit, everything else float32
    (TIFF only). The pixel size is written as dots per inch if the geometry has one.

    Parameters
    ----------
    image : Image
        One frame.
    path : Path
        File to make or to replace, .png, .tif or .tiff.

    Raises
    ------
    OutputError
        If the format has no place for the image (frames, complex values, slices or fractions in PNG), or the disk
        refuses.
    """
    kind = _KINDS[path.suffix.lower()]
    first, *others = (PIL.Image.fromarray(page) for page in stored_pixels(image, kind))
    dpi = _dpi_of(image)
    options: dict[str, Any] = {} if dpi is None else {"dpi": dpi}
    if others:
        options |= {"save_all": True, "append_images": others}
    with replacing(path) as temporary:
        first.save(temporary, format=kind, **options)


@contextmanager
def _guarded(path: Path, kind: str) -> Iterator[None]:
    """Turn what Pillow raises and warns on damaged files into one error or one warning of quietmr."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
            yield
    except PIL.UnidentifiedImageError as error:
        raise InputError(
            f"{path} has the name of a {kind} picture and cannot be read as one; it holds {describe(path)}: "
            "correct the suffix, or save it again."
        ) from error
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning, MemoryError) as error:
        raise InputError(f"{path} claims to be too large a picture ({error}): crop it or save it again.") from error
    except _DAMAGE as error:
        raise InputError(f"{path} is a damaged or unusual {kind} picture ({error}): save it again.") from error
    _pass_on(path, caught)


def _pass_on(path: Path, caught: list[warnings.WarningMessage]) -> None:
    own = [str(entry.message) for entry in caught if issubclass(entry.category, QuietmrWarning)]
    foreign = {str(entry.message).strip() for entry in caught if not issubclass(entry.category, QuietmrWarning)}
    if foreign:
        own.append(f"{path} has damaged metadata, which is ignored: {min(foreign)}")
    for text in dict.fromkeys(own):
        warnings.warn(text, QuietmrWarning, stacklevel=2)


def _pages(picture: PIL.Image.Image, kind: str, path: Path) -> list[NDArray[Any]]:
    n_pages = getattr(picture, "n_frames", 1)
    width, height = picture.size
    if n_pages * width * height > _MOST_PIXELS:
        raise InputError(f"{path} claims {n_pages} pages of {width} x {height} pixels, too many: split it first.")
    pages = []
    for index in range(n_pages):
        if index:
            picture.seek(index)
        check_depth(picture, path)
        picture.load()
        # Pillow turns a TIFF by itself while it loads
        upright = picture if kind == "TIFF" else ImageOps.exif_transpose(picture)
        pages.append(pixels_of(upright, kind, path))
    return pages


def _dpi(picture: PIL.Image.Image) -> tuple[float, float] | None:
    dpi = picture.info.get("dpi")
    # Pillow makes up 1 dpi for a TIFF that says nothing
    silent = picture.format == "TIFF" and _X_RESOLUTION_TAG not in picture.getexif()
    if silent or not isinstance(dpi, tuple) or len(dpi) != 2:
        return None
    x, y = (float(value) for value in dpi)
    if not (0 < x < np.inf and 0 < y < np.inf):
        return None
    return (y, x) if picture.getexif().get(_ORIENTATION_TAG) in _QUARTER_TURNS else (x, y)


def _dpi_of(image: Image) -> tuple[float, float] | None:
    if isinstance(image.meta.header, PictureHeader):
        return image.meta.header.dpi
    if np.array_equal(image.geometry.affine, np.eye(4)):
        return None
    x, y, _ = image.geometry.voxel_size
    return (_MM_PER_INCH / x, _MM_PER_INCH / y) if x > 0 and y > 0 else None
