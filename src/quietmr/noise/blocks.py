"""What small square blocks of an image say: their level, their finest detail, their coarser detail."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr.noise.bands import AxisBands, Pixels, filter_along

Floats = NDArray[np.float64]
Taps = NDArray[np.float32]


@dataclass(frozen=True)
class Blocks:
    """Statistics of equal square blocks, one entry per block; the unit is that of the image, squared where so named."""

    level: Floats  # mean magnitude of the admitted pixels
    second: Floats  # mean squared magnitude
    fourth: Floats  # mean fourth power of the magnitude
    present: Floats  # share of pixels that are present
    fine: Floats  # variance per real channel in the top band of k-space, as of white noise
    edge: Floats  # the same at the top of one axis and the bottom of the other, mean of both
    middle: Floats  # the same in the middle of one axis and the bottom of the other
    whole: Floats  # share of pixels whose filter footprint lies on present pixels only
    place: Floats  # middle of the block, shape (n, 3): (z, y, x) from 0 to 1

    @property
    def count(self) -> int:
        """Number of blocks."""
        return self.level.size

    def subset(self, chosen: NDArray[Any]) -> "Blocks":
        """Blocks picked by a boolean or index array."""
        return Blocks(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def divided_by(self, relative: Floats) -> "Blocks":
        """Blocks of the image divided by a factor for each."""
        square = relative**2
        return replace(
            self,
            level=self.level / relative,
            second=self.second / square,
            fourth=self.fourth / square**2,
            fine=self.fine / square,
            edge=self.edge / square,
            middle=self.middle / square,
        )


@dataclass(frozen=True)
class Plane:
    """One slice: the pixels whose noise is sought, the magnitude they lie on, and which of them count.

    ``admitted`` pixels are finite and inside the mask; ``present`` ones are besides neither zero nor at an end of the
    range, where values are cut off. The others must hold finite numbers all the same. ``height`` is its place
    along z, from 0 to 1.
    """

    detail: Pixels
    magnitude: NDArray[np.float32]
    admitted: NDArray[np.bool_]
    present: NDArray[np.bool_]
    height: float = 0.5


def _eroded(present: NDArray[np.bool_], bands: Sequence[AxisBands]) -> NDArray[np.bool_]:
    """Mark pixels whose whole filter footprint is present."""
    for axis, band in enumerate(bands):
        rows = np.moveaxis(present, axis, 0)
        length = rows.shape[0] - 2 * band.reach
        kept = rows[:length].copy()
        for shift in range(1, 2 * band.reach + 1):
            kept &= rows[shift : shift + length]
        present = np.moveaxis(kept, 0, axis)
    return present


def _sums(plane: NDArray[Any], side: int) -> Floats:
    """Sum over blocks; the blocks stand centred, so that a flip changes nothing but a pixel of offset."""
    rows, columns = (n // side for n in plane.shape)
    top, left = (n % side // 2 for n in plane.shape)
    part = plane[top : top + rows * side, left : left + columns * side]
    total: Floats = part.reshape(rows, side, columns, side).sum(axis=(1, 3), dtype=np.float64).ravel()
    return total


def _power(pixels: Pixels) -> NDArray[np.float32]:
    """Squared value per real channel."""
    if pixels.dtype.kind == "c":
        half: NDArray[np.float32] = 0.5 * (pixels.real**2 + pixels.imag**2)
        return half
    return np.square(pixels)


def _filtered(pixels: Pixels, first: NDArray[np.float32], second: NDArray[np.float32], reach: Sequence[int]) -> Pixels:
    """Filter both axes and cut to the pixels that the longest filters reach."""
    for axis, taps in enumerate((first, second)):
        cut = reach[axis] - taps.size // 2
        pixels = filter_along(pixels, taps, axis)
        pixels = np.moveaxis(np.moveaxis(pixels, axis, 0)[cut : pixels.shape[axis] - cut], 0, axis)
    return pixels


def _both_ways(pixels: Pixels, sharp: Sequence[Taps], smooth: Sequence[Taps], reach: Sequence[int]) -> Taps:
    """Mean power of the sharp filter along one axis with the smooth one along the other."""
    down = _power(_filtered(pixels, sharp[0], smooth[1], reach))
    across = _power(_filtered(pixels, smooth[0], sharp[1], reach))
    return 0.5 * (down + across)


def _plane_statistics(plane: Plane, bands: Sequence[AxisBands], side: int) -> Floats:
    y, x = bands
    reach = (y.reach, x.reach)
    inner = tuple(slice(r, n - r) for r, n in zip(reach, plane.detail.shape, strict=True))
    whole = _eroded(plane.present, bands)
    fine = _power(_filtered(plane.detail, y.high.taps, x.high.taps, reach))
    edge = _both_ways(plane.detail, (y.high.taps, x.high.taps), (y.low.taps, x.low.taps), reach)
    middle = _both_ways(plane.detail, (y.middle.taps, x.middle.taps), (y.low.taps, x.low.taps), reach)
    admitted = plane.admitted[inner]
    square = np.square(plane.magnitude[inner] * admitted)
    seen, footprint = _sums(admitted, side), _sums(whole, side)
    per_seen, per_whole = 1 / np.maximum(seen, 1), 1 / np.maximum(footprint, 1)
    return np.stack(
        [
            _sums(np.sqrt(square), side) * per_seen,
            _sums(square, side) * per_seen,
            _sums(square * square, side) * per_seen,
            _sums(plane.present[inner], side) / side**2,
            _sums(fine * whole, side) * per_whole,
            _sums(edge * whole, side) * per_whole,
            _sums(middle * whole, side) * per_whole,
            footprint / side**2,
        ]
    )


def _places(plane: Plane, bands: Sequence[AxisBands], side: int) -> Floats:
    """Middles of the blocks of a plane."""
    middles = []
    for size, band in zip(plane.detail.shape, bands, strict=True):
        inner = size - 2 * band.reach
        middles.append((band.reach + inner % side // 2 + side * (np.arange(inner // side) + 0.5)) / size)
    y, x = np.meshgrid(*middles, indexing="ij")
    return np.stack([np.full(y.size, plane.height), y.ravel(), x.ravel()], axis=1)


def block_statistics(planes: Iterable[Plane], bands: Sequence[AxisBands], side: int) -> Blocks:
    """Cut planes into blocks of ``side`` x ``side`` pixels and measure each.

    Parameters
    ----------
    planes : iterable of Plane
        Slices of one shape.
    bands : two AxisBands
        Filters along rows and columns.
    side : int
        Block size in pixels.

    Returns
    -------
    Blocks
        All blocks of all planes in which anything is present.
    """
    tables, places = [], []
    for plane in planes:
        tables.append(_plane_statistics(plane, bands, side))
        places.append(_places(plane, bands, side))
    blocks = Blocks(*[*np.concatenate(tables, axis=1), np.concatenate(places)])
    return blocks.subset(blocks.present > 0)
