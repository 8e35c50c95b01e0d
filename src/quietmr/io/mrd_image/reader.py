"""MRD images in: the image series of an HDF5 file, with its noise map where quietmr wrote it."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from quietmr.data import (
    Acquired,
    Geometry,
    Image,
    InputError,
    Meta,
    NoiseMap,
    QuietmrError,
    QuietmrWarning,
    Storage,
    System,
)
from quietmr.io.content import describe
from quietmr.io.mrd_image.grid import Grid, grid_of
from quietmr.io.mrd_image.layout import G_FACTOR_ROLE, NOISE_ROLE, READOUT_NAME, RECORD_NAME, pixel_type
from quietmr.io.mrd_image.placement import affine_of, same_place
from quietmr.io.mrd_image.record import Record, parse_record, readouts_of
from quietmr.io.mrd_image.series import Series, check_size, choose_image, image_groups, series_of
from quietmr.io.mrd_image.texts import texts_of
from quietmr.io.storage import decode, warn_inexact

# what h5py and numpy raise over damaged files
_DAMAGE = (OSError, KeyError, ValueError, TypeError, RuntimeError, OverflowError, MemoryError, AttributeError)


def read(path: Path) -> Image:
    """Read the images of an ISMRMRD (MRD 1) HDF5 file.

    Of a file of quietmr everything comes back: pixels, noise map, unit, geometry, history, headers. Of files of other
    programs (Gadgetron, python-ismrmrd-server) the series with the role ``Image`` or without a role is taken, complex
    before magnitude; its unit is ``"stored"`` and its noise unknown.

    Parameters
    ----------
    path : Path
        Existing file, .h5 or .mrd.

    Returns
    -------
    Image
        ``meta.header`` is a `quietmr.data.Acquired`.

    Raises
    ------
    InputError
        If it is raw data, other HDF5, damaged, ambiguous, or its pictures make no grid.
    """
    with _refusing_damage(path), h5py.File(path, "r") as file:
        found = [series_of(group) for group in image_groups(file, path)]
        chosen = choose_image(found, path)
        check_size(chosen.data, path)
        texts = chosen.attributes[0].get(RECORD_NAME)
        record = parse_record(texts[0]) if texts else None
        grid = grid_of(chosen.headers, chosen.data.shape[2], record)
        if record is not None and record.shape != _shape(chosen, grid):
            record = None
        data, storage = _pixels(chosen, grid, path)
        noise = _noise(found, chosen, record, path)
        xml = _xml(file, chosen.parent)
    return _image(chosen, grid, record, Meta("mrd", path, storage, _acquired(chosen, grid, record, xml)), data, noise)


def _image(
    chosen: Series, grid: Grid, record: Record | None, meta: Meta, data: NDArray[Any], noise: NoiseMap | None
) -> Image:
    geometry = _geometry(chosen, grid, record, data.shape, meta.source)
    if record is None:
        return Image(data, geometry=geometry, frames=grid.frames if len(data) > 1 else "unknown", meta=meta)
    return Image(data, geometry, record.unit, noise, record.frames, meta, record.history)


@contextmanager
def _refusing_damage(path: Path) -> Iterator[None]:
    try:
        yield
    except QuietmrError:
        raise
    except _DAMAGE as error:
        if not path.is_file() or not h5py.is_hdf5(path):
            raise InputError(
                f"{path} has the name of an MRD file (HDF5) and cannot be read as one; it holds {describe(path)}: "
                "give it the suffix of what it is."
            ) from error
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(" .:")
        raise InputError(f"{path} cannot be read as MRD images ({reason}): export or copy it again.") from error


def _shape(chosen: Series, grid: Grid) -> tuple[int, ...]:
    _, _, depth, y, x = chosen.data.shape
    t, places = grid.order.shape
    return t, places * depth, y, x


def _pixels(chosen: Series, grid: Grid, path: Path) -> tuple[NDArray[Any], Storage | None]:
    stored_type = pixel_type(chosen.data.dtype)
    if stored_type is None:
        raise ValueError("its pixels are no numbers")
    t, places = grid.order.shape
    _, _, depth, y, x = chosen.data.shape
    data = np.empty((t, places, depth, y, x), np.complex64 if stored_type.kind == "c" else np.float32)
    n_inexact = 0
    scales = [_scale(attributes) for attributes in chosen.attributes]
    for (frame, index), number in np.ndenumerate(grid.order):
        pixels = np.ascontiguousarray(chosen.data[number, 0]).view(stored_type)
        slope, intercept = scales[number]
        data[frame, index], n = decode(pixels, Storage(stored_type.str, slope, intercept), path)
        n_inexact += n
    warn_inexact(path, n_inexact)
    storage = Storage(stored_type.newbyteorder("<").str) if set(scales) == {(1.0, 0.0)} else None
    return data.reshape(t, places * depth, y, x), storage


def _scale(attributes: dict[str, list[str]]) -> tuple[float, float]:
    slope, intercept = (
        float((attributes.get(name) or [default])[0])
        for name, default in (("RescaleSlope", "1"), ("RescaleIntercept", "0"))
    )
    if not np.isfinite([slope, intercept]).all() or slope == 0:
        raise ValueError(f"its RescaleSlope is {slope} and its RescaleIntercept {intercept}")
    return slope, intercept


def _geometry(chosen: Series, grid: Grid, record: Record | None, shape: tuple[int, ...], path: Path | None) -> Geometry:
    size = chosen.data.shape[2:]
    headers = chosen.headers[grid.order[0]]
    affine = affine_of(headers, size)
    if affine is None:
        if record is not None:
            return record.geometry
        warnings.warn(
            f"{path} does not say where its pictures lie: their position and orientation are unknown.",
            QuietmrWarning,
            stacklevel=4,
        )
        steps = headers[0]["field_of_view"] / np.array(size[::-1], np.float32)
        return Geometry(np.diag([*np.where((steps > 0) & np.isfinite(steps), steps, 1.0), 1.0]))
    # the record has more digits, but whoever moved the pictures has moved the headers
    if record is not None and _agrees(affine, record.geometry.affine, shape):
        return record.geometry
    depth = float(headers[0]["field_of_view"][2]) / size[0]
    return Geometry(affine, slice_thickness=depth if depth > 0 else None)


def _agrees(affine: NDArray[np.float64], recorded: NDArray[np.float64], shape: tuple[int, ...]) -> bool:
    if shape[1] > 1:
        return same_place(affine, recorded, shape)
    # of one slice the headers tell the thickness, not the distance to a next one
    mended = affine.copy()
    mended[:3, 2] = recorded[:3, 2]
    return same_place(mended, recorded, shape)


def _noise(found: Sequence[Series], chosen: Series, record: Record | None, path: Path) -> NoiseMap | None:
    if record is None or record.noise is None:
        return None
    maps = [one for one in found if one.role in (G_FACTOR_ROLE, NOISE_ROLE) and one.parent == chosen.parent]
    facts = {name: value for name, value in record.noise.items() if name != "shape"}
    if len(maps) != 1:
        warnings.warn(
            f"{path} has lost its noise map ({len(maps)} series with the role {G_FACTOR_ROLE} or {NOISE_ROLE}): "
            "the noise of the image is unknown.",
            QuietmrWarning,
            stacklevel=3,
        )
        return None
    check_size(maps[0].data, path)
    n_maps = record.noise["shape"][0]
    order = np.argsort(maps[0].headers["image_index"], kind="stable").reshape(n_maps, -1)
    sigma, _ = _pixels(maps[0], Grid(order, record.frames), path)
    for axis, length in enumerate(record.noise["shape"]):
        first = sigma.take([0], axis=axis)
        if length == 1 and np.array_equal(np.broadcast_to(first, sigma.shape), sigma):
            sigma = first
    return NoiseMap(sigma, **facts)


def _xml(file: h5py.File, parent: str) -> str:
    stored = (file[parent] if parent else file).get("xml")
    return texts_of(stored)[0] if isinstance(stored, h5py.Dataset) and stored.shape == (1,) else ""


def _acquired(chosen: Series, grid: Grid, record: Record | None, xml: str) -> Acquired:
    headers = chosen.headers
    texts = ["".join(attributes.get(READOUT_NAME, [])) for attributes in chosen.attributes]
    readouts = readouts_of(headers, texts)[grid.order]
    fov = headers[grid.order[0, 0]]["field_of_view"].tolist()
    if record is None or record.fov is None or record.system is None:
        return Acquired(readouts, (fov[0], fov[1], fov[2]), System(), xml)
    return Acquired(readouts, record.fov, record.system, xml)
