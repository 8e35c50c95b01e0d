"""Complex series with g-maps in plain HDF5: what other groups write in five lines of h5py to train on.

Each group at the top of the file is one case (docs/training.md)::

    /CASE/image   complex, (Y, X), (T, Y, X) or (T, Z, Y, X)
    /CASE/gmap    real, the noise of the image: (Y, X), or the axes of the image, of which T and Z may be 1
    /CASE/gmaps   optional: those of other accelerations, one axis in front of the ones above
    /CASE attribute noise_sd   optional: noise SD per real channel where gmap is 1; 1 = SNR units

Nothing in a file is followed out of it (links, external pixels), and nothing is run: no pickle, no filter plugins.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image, InputError, NoiseMap
from quietmr.io.content import describe
from quietmr.io.mrd_image.layout import pixel_type
from quietmr.io.raw.hdf5_file import check_sound, opened

_LARGEST = 64 * 2**30
# deflate, shuffle, fletcher32, szip, n-bit, scale-offset and h5py's lzf: all of them compiled in
_FILTERS = {1, 2, 3, 4, 5, 6, 32000}


@dataclass(frozen=True, eq=False)
class Case:
    """One complex series.

    Attributes
    ----------
    name : str
        Of its group.
    image : Image
        Complex, with its noise map: noise_sd * gmap.
    gmaps : array, shape (N, T or 1, Z or 1, Y, X), float32
        g-maps of other accelerations; N may be 0.
    """

    name: str
    image: Image
    gmaps: NDArray[np.float32]


def holds_series(path: Path) -> bool:
    """Whether a file is HDF5 with a case in it; never raises over damage."""
    try:
        if not path.is_file() or not h5py.is_hdf5(path):
            return False
        with opened(path) as file:
            return any(_dataset(file.get(name), "image") is not None for name in _own(file))
    except (InputError, OSError):
        return False


def case_names(path: Path) -> list[str]:
    """List the cases of a file.

    Raises
    ------
    InputError
        If it is not HDF5, is damaged or empty.
    """
    if not path.is_file() or not h5py.is_hdf5(path):
        held = describe(path) if path.is_file() else "no file"
        raise InputError(f"{path} is {held}, expected HDF5 with complex series: write it as docs/training.md says.")
    with opened(path) as file:
        names = list(file)
    if not names:
        raise InputError(f"{path} holds nothing: write a group with 'image' and 'gmap' for each series.")
    return names


def read_case(path: Path, name: str) -> Case:
    """Read one case.

    Parameters
    ----------
    path : Path
    name : str
        Of `case_names`.

    Raises
    ------
    InputError
        If the file is damaged, there is no such case, its shapes or types are not those of the layout, or a value is
        not finite.
    """
    with opened(path) as file:
        return _case(file[name] if name in _own(file) else None, f"/{name}", path)


def _own(group: h5py.Group) -> list[str]:
    """Names of what a group holds itself: links elsewhere are not followed."""
    return [name for name in group if isinstance(group.get(name, getlink=True), h5py.HardLink)]


def _dataset(group: object, name: str) -> h5py.Dataset | None:
    if not isinstance(group, h5py.Group) or name not in _own(group):
        return None
    found = group[name]
    return found if isinstance(found, h5py.Dataset) else None


def _case(group: object, name: str, path: Path) -> Case:
    stored, gmap = _dataset(group, "image"), _dataset(group, "gmap")
    if stored is None or gmap is None:
        raise InputError(f"{path} has no 'image' and 'gmap' in {name}: each group at its top is one series with both.")
    kind = pixel_type(stored.dtype)
    if kind is None or kind.kind != "c":
        raise InputError(f"{path} has the type {stored.dtype} in {name}/image: write complex64.")
    if not 2 <= stored.ndim <= 4 or stored.size == 0:
        raise InputError(
            f"{path} has the shape {stored.shape} in {name}/image: write (Y, X), (T, Y, X) or (T, Z, Y, X)."
        )
    data = _numbers(stored, path, kind)
    sd = _noise_sd(group, name, path)
    own = _maps(gmap, data.shape, path)
    others = _dataset(group, "gmaps")
    many = np.zeros((0, *own.shape), np.float32) if others is None else _several(others, data.shape, path)
    picture = data.reshape(_four(data.shape))
    with np.errstate(over="ignore"):
        sigma = np.float32(sd) * own
    if not np.isfinite(sigma).all():
        raise InputError(f"{path} has a noise_sd of {sd:g} and a g-map up to {own.max():g} in {name}: correct them.")
    noise = NoiseMap(sigma, kind="complex", origin="given")
    image = Image(
        picture,
        unit="snr" if sd == 1 else "stored",
        noise=noise,
        frames="time" if len(picture) > 1 else "unknown",
    )
    return Case(name[1:], image, many)


def _four(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape (T, Z, Y, X) of an image with two to four axes."""
    return shape if len(shape) == 4 else (shape[0] if len(shape) == 3 else 1, 1, *shape[-2:])


def _several(stored: h5py.Dataset, shape: tuple[int, ...], path: Path) -> NDArray[np.float32]:
    if stored.ndim < 3 or len(stored) == 0:
        raise _misfit(stored, shape, path)
    return np.stack([_checked(one, stored, shape, path) for one in _numbers(stored, path)])


def _maps(stored: h5py.Dataset, shape: tuple[int, ...], path: Path) -> NDArray[np.float32]:
    return _checked(_numbers(stored, path), stored, shape, path)


def _checked(gmap: NDArray[Any], stored: h5py.Dataset, shape: tuple[int, ...], path: Path) -> NDArray[np.float32]:
    """Give a g-map four axes, of which T and Z may be 1."""
    leading = shape[-gmap.ndim : -2] if gmap.ndim <= len(shape) else None
    fits = leading is not None and gmap.shape[-2:] == shape[-2:]
    if leading is None or not fits or any(n not in (1, m) for n, m in zip(gmap.shape[:-2], leading, strict=True)):
        raise _misfit(stored, shape, path)
    if gmap.min() < 0 or gmap.max() == 0:
        raise InputError(f"{path} has a g-map in {stored.name} that is negative somewhere or 0 everywhere: correct it.")
    full = (1,) * (4 - gmap.ndim) + gmap.shape if len(shape) == 4 else _four(gmap.shape)
    return np.asarray(gmap.reshape(full), np.float32)


def _misfit(stored: h5py.Dataset, shape: tuple[int, ...], path: Path) -> InputError:
    wanted = "one axis for the maps, then " if stored.name.endswith("gmaps") else ""
    return InputError(
        f"{path} has the shape {stored.shape} in {stored.name} and the image {shape}: write {wanted}(Y, X), or the "
        "axes of the image, of which T and Z may be 1."
    )


def _numbers(stored: h5py.Dataset, path: Path, kind: np.dtype[Any] | None = None) -> NDArray[Any]:
    """Read numbers as complex64 (those of type ``kind``) or float32."""
    if kind is None and (stored.dtype.kind not in "fiu" or stored.ndim < 2 or stored.size == 0):
        raise InputError(f"{path} has {stored.dtype} of shape {stored.shape} in {stored.name}: write float32.")
    settings = stored.id.get_create_plist()
    filters = {settings.get_filter(i)[0] for i in range(settings.get_nfilters())}
    if stored.is_virtual or stored.external or not filters <= _FILTERS:
        raise InputError(
            f"{path} holds {stored.name} in other files, or compressed by a plugin: write the numbers into the file, "
            "plain or with gzip."
        )
    if stored.size * stored.dtype.itemsize > _LARGEST:
        raise InputError(
            f"{path} claims {stored.shape} in {stored.name}, more than 64 GiB: it is damaged, or split it."
        )
    check_sound(stored)
    numbers = stored[()] if kind is None else np.ascontiguousarray(stored[()]).view(kind)
    with np.errstate(over="ignore"):
        converted = numbers.astype(np.float32 if kind is None else np.complex64)
    if not np.isfinite(converted).all():
        raise InputError(f"{path} has values in {stored.name} that are not finite (NaN or infinite): repair it.")
    return np.asarray(converted)


def _noise_sd(group: Any, name: str, path: Path) -> float:
    if "noise_sd" not in group.attrs:
        return 1.0
    attribute = group.attrs.get_id("noise_sd")
    # texts and references in a damaged file may crash the library: look at the type first
    value = float(group.attrs["noise_sd"]) if attribute.dtype.kind in "fiu" and attribute.shape == () else 0.0
    if not 1e-30 < value < 1e30:
        raise InputError(
            f"{path} has a noise_sd of {name} that is no usable number above 0: write the SD per real channel."
        )
    return value
