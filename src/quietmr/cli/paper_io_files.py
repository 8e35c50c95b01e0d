"""Pictures in and out for ``quietmr denoise --paper-io``: 8-bit luminance of one size."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from quietmr.cli.failures import UsageError
from quietmr.data import InputError
from quietmr.io import read

SIZE = 256
PICTURES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")
_SCANS = (".nii", ".nii.gz", ".hdr", ".img", ".dcm", ".ima", ".h5", ".mrd")


def find_pictures(typed: Sequence[str]) -> list[Path]:
    """Files that are meant: those named, and the pictures that lie in the folders named, in the order of their names.

    Raises
    ------
    InputError
        If something is not there, is a scan of another kind, or a folder holds no picture.
    """
    found: list[Path] = []
    for path in map(Path, typed):
        if not path.exists():
            raise InputError(f"There is no file or folder {path}: check the name.")
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        for file in inside:
            if file.name.lower().endswith(_SCANS):
                raise InputError(
                    f"{file} is a scan (NIfTI, DICOM, MRD), and --paper-io takes 8-bit pictures only, PNG, TIFF or "
                    "JPEG: denoise it without --paper-io, which keeps its values."
                )
        pictures = [file for file in inside if file.is_file() and file.suffix.lower() in PICTURES]
        if not pictures:
            what = "holds no picture" if path.is_dir() else "is no picture"
            raise InputError(f"{path} {what} (PNG, TIFF, JPEG), and --paper-io takes nothing else.")
        found += pictures
    return found


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Luminance of a picture, 8 bit, resized to 256 x 256 (bilinear), shape (256, 256).

    Raises
    ------
    InputError
        If it cannot be read, has several pages, or more than 8 bits.
    """
    image = read(path)
    storage = image.meta.storage
    if image.shape[:2] != (1, 1):
        raise InputError(f"{path} holds {image.shape[1]} pages, and --paper-io takes one picture a file: split it.")
    if storage is None or np.dtype(storage.dtype) != np.uint8:
        kind = "unknown" if storage is None else np.dtype(storage.dtype).name
        raise InputError(
            f"{path} holds values of type {kind}, and --paper-io takes 8-bit pictures: save it as 8-bit gray, with a "
            "window of your choice."
        )
    picture = PIL.Image.fromarray(image.data[0, 0].astype(np.uint8))
    return np.asarray(picture.resize((SIZE, SIZE), PIL.Image.Resampling.BILINEAR))


def to_8_bit(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Values from 0 to 1, cut there, as whole numbers from 0 to 255."""
    return np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)


def save_picture(picture: NDArray[np.uint8], path: Path) -> None:
    """Write a PNG."""
    PIL.Image.fromarray(picture).save(path, format="PNG")


def match_truths(sources: Sequence[Path], typed: str | None) -> list[Path | None]:
    """Find the reference of each picture in a folder: the picture of its name, whatever the suffix.

    Raises
    ------
    UsageError
        If that is no folder.
    InputError
        If a picture has no reference there, or two.
    """
    if typed is None:
        return [None] * len(sources)
    folder = Path(typed)
    if not folder.is_dir():
        raise UsageError(f"--truth {typed} has to be a folder of clean pictures with the names of the noisy ones.")
    clean: dict[str, list[Path]] = {}
    for file in find_pictures([typed]):
        clean.setdefault(file.stem, []).append(file)
    matched: list[Path | None] = []
    for source in sources:
        candidates = clean.get(source.stem, [])
        if len(candidates) != 1:
            raise InputError(
                f"{source.name} has {len(candidates) or 'no'} clean picture{'s' if len(candidates) > 1 else ''} of its "
                f"name in {folder}, and needs one: add it, or leave --truth out."
            )
        matched.append(candidates[0])
    return matched
