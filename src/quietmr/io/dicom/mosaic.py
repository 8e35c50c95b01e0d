"""Siemens mosaics: all slices of a volume as tiles of one picture."""

import math
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from quietmr.data import QuietmrWarning
from quietmr.io.dicom.csa import image_tags, slice_centers
from quietmr.io.dicom.elements import private_number, texts
from quietmr.io.dicom.plane import Placement, Plane, Triple
from quietmr.io.dicom.single import planes

_EVEN = 0.02
_UPRIGHT = 0.01


def is_mosaic(dataset: Dataset) -> bool:
    """Whether the picture is a Siemens mosaic."""
    return "MOSAIC" in texts(dataset, "ImageType")


def mosaic_planes(dataset: Dataset, file: int) -> list[Plane]:
    """List the tiles of a mosaic with their true places.

    The position in the header is wrong by design: it puts the middle of the mosaic where the middle of the first slice
    is. The first tile lies half the difference of their sizes further along the rows and the columns.

    Raises
    ------
    ValueError
        If the number of slices is not to be found, or the picture cannot be cut into so many tiles.
    """
    (mosaic,) = planes(dataset, file)
    tags = image_tags(dataset)
    count = _count(dataset, tags)
    side = tiles_a_side(count)
    whole = mosaic.placement
    if whole.rows % side or whole.columns % side:
        raise ValueError(f"a mosaic of {whole.rows} x {whole.columns} cannot be cut into {side} x {side} equal tiles")
    tile = replace(whole, rows=whole.rows // side, columns=whole.columns // side)
    positions = _positions(dataset, tags, whole, tile, count)
    return [
        replace(mosaic, frame=index, placement=replace(tile, position=position))
        for index, position in enumerate(positions)
    ]


def tiles_a_side(count: int) -> int:
    """Count the tiles along one side of a mosaic of ``count`` slices."""
    return math.isqrt(count - 1) + 1


def split(picture: NDArray[Any], count: int) -> NDArray[Any]:
    """Cut a mosaic into slices.

    Parameters
    ----------
    picture : array, shape (rows, columns)
        The mosaic, tiles row by row.
    count : int
        Number of slices.

    Returns
    -------
    array, shape (count, rows / side, columns / side)
        The slices in the order of the tiles; the empty tiles at the end are left out.
    """
    side = tiles_a_side(count)
    rows, columns = picture.shape[0] // side, picture.shape[1] // side
    tiles = picture.reshape(side, rows, side, columns).swapaxes(1, 2).reshape(side * side, rows, columns)
    return tiles[:count]


def join(slices: NDArray[Any], background: float) -> NDArray[Any]:
    """Put slices together as a mosaic, the inverse of `split`; empty tiles are filled with ``background``."""
    count, rows, columns = slices.shape
    side = tiles_a_side(count)
    tiles = np.full((side * side, rows, columns), background, dtype=slices.dtype)
    tiles[:count] = slices
    return tiles.reshape(side, side, rows, columns).swapaxes(1, 2).reshape(side * rows, side * columns)


def _count(dataset: Dataset, tags: dict[str, tuple[str, ...]]) -> int:
    named = tags.get("NumberOfImagesInMosaic")
    found = float(named[0]) if named else private_number(dataset, 0x0019, "SIEMENS MR HEADER", 0x0A)
    if found is None:
        raise ValueError(
            "it is a Siemens mosaic without its private header (0029,1010), which alone says how many slices it holds"
        )
    if not 1 <= found <= 65536 or found != int(found):
        raise ValueError(f"a mosaic of {found} slices")
    return int(found)


def _positions(
    dataset: Dataset, tags: dict[str, tuple[str, ...]], whole: Placement, tile: Placement, count: int
) -> list[Triple | None]:
    measures = (whole.position, whole.row_direction, whole.column_direction, whole.row_spacing, whole.column_spacing)
    if None in measures:
        return [None] * count
    position, along_row, along_column, row_spacing, column_spacing = (np.array(part) for part in measures)
    normal = np.cross(along_row, along_column)
    named = tags.get("SliceNormalVector", ())
    if len(named) == 3:
        given = np.array([float(part) for part in named])
        if not abs(abs(given @ normal) - 1) < _UPRIGHT:
            raise ValueError(f"its slice normal {named} is not perpendicular to the slices")
        normal = given
    else:
        warnings.warn(
            "This Siemens mosaic does not say in which direction its slices go: the right-hand rule was used, and the "
            "order of the slices may be upside down.",
            QuietmrWarning,
            stacklevel=2,
        )
    first = (
        position
        + along_row * column_spacing * (whole.columns - tile.columns) / 2
        + along_column * row_spacing * (whole.rows - tile.rows) / 2
    )
    step = _slice_step(dataset, normal, whole, count)
    places = first + step * np.arange(count)[:, None] * normal
    if not np.isfinite(places).all():
        raise ValueError("its Siemens CSA header gives no finite slice positions")
    return [(float(x), float(y), float(z)) for x, y, z in places]


def _slice_step(dataset: Dataset, normal: NDArray[np.float64], whole: Placement, count: int) -> float:
    centers = np.array(slice_centers(dataset))
    if 1 < count == len(centers):
        gaps = np.diff(np.sort(centers @ normal))
        if gaps.mean() > 0 and np.ptp(gaps) <= _EVEN * gaps.mean():
            return float(gaps.mean())
    step = whole.slice_spacing or whole.slice_thickness
    if step is None:
        raise ValueError("a mosaic that says neither where its slices lie nor how far apart they are")
    return step
