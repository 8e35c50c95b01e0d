"""DICOM in: a file or the folder of one series becomes an image."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Geometry, Image, Meta, QuietmrWarning, Storage
from quietmr.io.dicom.enhanced import enhanced_planes, is_enhanced
from quietmr.io.dicom.find import FoundFile, find_series
from quietmr.io.dicom.guard import refusing_damage, third_party_silent
from quietmr.io.dicom.header import DicomHeader, SourceFile
from quietmr.io.dicom.levels import check_alike, slice_levels
from quietmr.io.dicom.mosaic import is_mosaic, mosaic_planes, split
from quietmr.io.dicom.order import in_order, time_step
from quietmr.io.dicom.pixels import pixel_format, stored_frames, warn_if_lossy
from quietmr.io.dicom.plane import Plane
from quietmr.io.dicom.single import planes
from quietmr.io.storage import decode, warn_inexact


def read(path: Path) -> Image:
    """Read a DICOM file, or a folder that holds one series.

    Handles classic files (one slice each), enhanced multi-frame files, and Siemens mosaics; uncompressed, RLE and
    JPEG 2000 at once, other compressions with the extra ``quietmr[dicom]``. One file of a larger series is read as what
    it holds, at its true place.

    Parameters
    ----------
    path : Path
        File or folder; suffixes do not matter.

    Returns
    -------
    Image
        float32, shape (T, Z, Y, X), RescaleSlope and RescaleIntercept applied. Z follows the slice normal (the cross
        product of the two directions of ImageOrientationPatient), Y the rows, X the columns, as they are stored. The
        affine is RAS+, its slice step measured between slice positions. ``frames`` and the time step say what T counts.

    Raises
    ------
    InputError
        If there is not exactly one gapless MR series, or a file is damaged, in color, inverted or a screenshot.
    MissingExtraError
        If the library for a compression is not installed.
    """
    with third_party_silent():
        return _read(path)


def _read(path: Path) -> Image:
    found = find_series(path)
    files, frames = _describe(found)
    check_alike(frames, path)
    levels, affine = slice_levels(frames, path)
    levels, meaning = in_order(levels, path)
    # (slice, frame) to (frame, slice)
    grid = list(zip(*levels, strict=True))
    data = _pixels(found, files, grid)
    first = grid[0][0]
    _warn_about_part(first.component, path)
    header = DicomHeader(
        files=files,
        file=_table(grid, "file").astype(np.intp),
        frame=_table(grid, "frame").astype(np.intp),
        slope=_table(grid, "slope"),
        intercept=_table(grid, "intercept"),
        affine=affine,
        value_range=(float(data.min()), float(data.max())),
        is_folder=path.is_dir(),
    )
    step = time_step(levels) if meaning in ("time", "repetition", "direction") else None
    return Image(
        data,
        geometry=Geometry(affine, slice_thickness=first.placement.slice_thickness, time_step=step),
        frames=meaning,
        meta=Meta(
            format="dicom",
            source=path,
            storage=Storage(files[first.file].layout.dtype.str, first.slope, first.intercept),
            header=header,
        ),
    )


def _table(grid: Sequence[Sequence[Plane]], field: str) -> NDArray[np.float64]:
    return np.array([[getattr(plane, field) for plane in row] for row in grid], dtype=np.float64)


def _describe(found: Sequence[FoundFile]) -> tuple[tuple[SourceFile, ...], list[Plane]]:
    files, frames = [], []
    for index, item in enumerate(found):
        with refusing_damage(item.path):
            layout = pixel_format(item.dataset, item.path)
            if is_mosaic(item.dataset):
                here = mosaic_planes(item.dataset, index)
            elif is_enhanced(item.dataset):
                here = enhanced_planes(item.dataset, index)
            else:
                here = planes(item.dataset, index)
            n_tiles = len(here) if is_mosaic(item.dataset) else 0
            warn_if_lossy(item.dataset, item.path)
        files.append(SourceFile(item.name, item.dataset, layout, n_tiles, here[0].intercept))
        frames.extend(here)
    return tuple(files), frames


def _pixels(
    found: Sequence[FoundFile], files: Sequence[SourceFile], grid: Sequence[Sequence[Plane]]
) -> NDArray[np.float32]:
    first = grid[0][0].placement
    data = np.empty((len(grid), len(grid[0]), first.rows, first.columns), dtype=np.float32)
    places: dict[int, list[tuple[int, int, Plane]]] = {}
    for t, row in enumerate(grid):
        for z, plane in enumerate(row):
            places.setdefault(plane.file, []).append((t, z, plane))
    for index, wanted in places.items():
        stored = _slices(found[index], files[index])
        n_inexact = 0
        for t, z, plane in wanted:
            scale = Storage(files[index].layout.dtype.str, plane.slope, plane.intercept)
            data[t, z], missed = decode(stored[plane.frame], scale, found[index].path)
            n_inexact += missed
        warn_inexact(found[index].path, n_inexact)
    return data


def _slices(found: FoundFile, file: SourceFile) -> NDArray[Any]:
    stored = stored_frames(found, file.layout)
    return split(stored[0], file.n_tiles) if file.n_tiles else stored


def _warn_about_part(component: str, path: Path) -> None:
    if component != "magnitude":
        warnings.warn(
            f"{path} holds the {component} part of the complex signal, not magnitudes: the noise laws of magnitude "
            "images do not hold for it.",
            QuietmrWarning,
            stacklevel=2,
        )
