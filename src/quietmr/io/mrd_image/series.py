"""The image series of an HDF5 file, and which of them is the image."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from quietmr.data import InputError
from quietmr.io.mrd_image.attributes import parse_attributes
from quietmr.io.mrd_image.layout import (
    COMPLEX,
    IMAGE_HEADER,
    IMAGE_ROLE,
    MAGNITUDE,
    PARTS,
    PHASE,
    REAL,
    RGB,
    ROLE_NAMES,
    pixel_type,
)
from quietmr.io.mrd_image.texts import texts_of
from quietmr.io.raw.hdf5_file import check_sound

_MOST_LISTED = 8
_LARGEST_IMAGE = 64 * 2**30
# the first of these that a file holds is the image
_PREFERRED = (COMPLEX, MAGNITUDE, REAL)


@dataclass(frozen=True, eq=False)
class Series:
    """One image series of a file.

    Parameters
    ----------
    name : str
        Path of its group in the file.
    data : h5py.Dataset
        Pixels, (N, channels, z, y, x).
    headers : array, shape (N,), dtype IMAGE_HEADER
        Fields that the file lacks are 0.
    attributes : tuple of dict
        Of each picture.
    role : str
        What DataRole says; empty if nothing.
    kind : int
        Image type as ISMRMRD numbers them.
    """

    name: str
    data: Any
    headers: NDArray[np.void]
    attributes: tuple[dict[str, list[str]], ...]
    role: str
    kind: int

    @property
    def parent(self) -> str:
        """Path of the group that holds the series."""
        return self.name.rpartition("/")[0]

    def __str__(self) -> str:
        n, _, *size = self.data.shape
        role = f" {self.role}" if self.role else ""
        return f"/{self.name}{role} ({n} of {' x '.join(map(str, size))})"


def image_groups(file: h5py.File, path: Path) -> list[h5py.Group]:
    """Find the groups that hold images.

    Raises
    ------
    InputError
        If there is none; the message says what the file holds instead.
    """
    groups: list[h5py.Group] = []
    raw: list[str] = []

    def look(name: str, item: object) -> None:
        if isinstance(item, h5py.Group) and all(isinstance(item.get(part), h5py.Dataset) for part in PARTS):
            groups.append(item)
        elif isinstance(item, h5py.Dataset) and {"head", "data"} <= set(item.dtype.names or ()):
            raw.append(name)

    file.visititems(look)
    if groups:
        return groups
    if raw:
        raise InputError(
            f"{path} holds raw data (readouts in /{raw[0]}), not images: reconstruct it first with 'quietmr recon'."
        )
    if isinstance(file.get("kspace"), h5py.Dataset):
        raise InputError(
            f"{path} holds raw data (k-space in the layout of fastMRI), not images: reconstruct it first with "
            "'quietmr recon'."
        )
    held = ", ".join(sorted(file)[:_MOST_LISTED]) or "nothing"
    raise InputError(
        f"{path} is HDF5 without MRD images (groups with header, attributes and data; it holds: {held}): "
        "convert it to MRD or NIfTI."
    )


def series_of(group: h5py.Group) -> Series:
    """Read headers and attributes of a series, not its pixels.

    Raises
    ------
    ValueError
        If they are damaged or do not belong together.
    """
    data, stored, texts = group["data"], group["header"], group["attributes"]
    if data.ndim != 5 or not data.size or not data.shape[:1] == stored.shape == texts.shape:
        raise ValueError(
            f"pixels {data.shape}, headers {stored.shape}, attributes {texts.shape} do not belong together"
        )
    for part in (stored, texts):
        check_sound(part)
    # HDF5 may crash over references and lists where none belong
    if stored.dtype.hasobject:
        raise ValueError(f"headers are {stored.dtype}, expected numbers")
    pixels = pixel_type(data.dtype)
    if pixels is None:
        raise ValueError(f"pixels are {data.dtype}, expected integers, floats or complex numbers")
    headers = _headers(stored[()])
    attributes = tuple(parse_attributes(text) for text in texts_of(texts))
    role = next((values[0] for name in ROLE_NAMES if (values := attributes[0].get(name))), "")
    kind = int(headers["image_type"][0])
    if not kind:
        kind = COMPLEX if pixels.kind == "c" else MAGNITUDE
    return Series(group.name.strip("/"), data, headers, attributes, role, kind)


def _headers(stored: NDArray[Any]) -> NDArray[np.void]:
    names = stored.dtype.names or ()
    needed = {"position", "read_dir", "phase_dir", "slice_dir", "field_of_view", "slice"}
    if not needed <= set(names):
        raise ValueError(f"its headers lack {', '.join(sorted(needed - set(names)))}")
    headers = np.zeros(len(stored), IMAGE_HEADER)
    for name in IMAGE_HEADER.names or ():
        if name in names:
            headers[name] = stored[name]
    return headers


def choose_image(found: Sequence[Series], path: Path) -> Series:
    """Choose the series that is the image: by its role, then complex before magnitude before real.

    Raises
    ------
    InputError
        If none or several could be meant, or it holds colors or several channels.
    """
    listing = "; ".join(str(one) for one in found[:_MOST_LISTED])
    fit = [one for one in found if one.role.lower() == IMAGE_ROLE.lower()] or [one for one in found if not one.role]
    if not fit and len(found) == 1:
        fit = list(found)
    by_kind = [[one for one in fit if one.kind == kind] for kind in _PREFERRED]
    best = next((group for group in by_kind if group), [])
    if not best and fit:
        what = {RGB: "colors", PHASE: "phase"}.get(fit[0].kind, "no magnitude, real or complex pixels")
        raise InputError(f"{path} holds {what} ({listing}): give a file with magnitude or complex images.")
    if len(best) != 1:
        raise InputError(
            f"{path} holds {len(found)} image series and {'several' if best else 'none'} could be the image "
            f"({listing}): keep one image series per file (attribute DataRole 'Image')."
        )
    chosen = best[0]
    if chosen.data.shape[1] != 1:
        raise InputError(f"{path} holds {chosen.data.shape[1]} channels in /{chosen.name}: combine the coils first.")
    return chosen


def check_size(data: Any, path: Path) -> None:
    """Refuse pixels that the file cannot hold, before memory is asked for.

    Raises
    ------
    InputError
        If there are more of them than 64 GiB, or than is stored.
    """
    n_bytes = int(np.prod(data.shape, dtype=object)) * data.dtype.itemsize
    if n_bytes > _LARGEST_IMAGE:
        raise InputError(f"{path} claims pixels {data.shape}, more than 64 GiB: it is damaged, or crop it first.")
    check_sound(data)
