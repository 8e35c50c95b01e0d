"""Which integers a derived series stores, and what they mean."""

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydicom.valuerep import format_number_as_ds

from quietmr.data import OutputError, QuietmrWarning, Storage
from quietmr.io.dicom.header import DicomHeader
from quietmr.io.dicom.pixels import PixelFormat

# below so many steps over the range of the values, steps of the old size would show
_ENOUGH_STEPS = 256
_MOST_STEPS = 65535
_ON_GRID = 1e-3


@dataclass(frozen=True, eq=False)
class Quantization:
    """How a derived series is stored.

    Parameters
    ----------
    bits_allocated, bits_stored : int
        Bits that a pixel takes and uses; as in the source where ``keeps_scale`` and the values fit.
    signed : bool
        Two's complement or not.
    slope, intercept : array, shape (T, Z)
        ``value = stored * slope + intercept`` for each slice.
    keeps_scale : bool
        Whether slope and intercept are those of the source.
    """

    bits_allocated: int
    bits_stored: int
    signed: bool
    slope: NDArray[np.float64]
    intercept: NDArray[np.float64]
    keeps_scale: bool

    def storage(self, t: int, z: int) -> Storage:
        """Type and scale of one slice."""
        kind = f"<{'i' if self.signed else 'u'}{self.bits_allocated // 8}"
        return Storage(kind, float(self.slope[t, z]), float(self.intercept[t, z]))


@dataclass(frozen=True)
class _Extent:
    """Smallest and largest value of the slices that share one scale, in steps of that scale."""

    low: float
    high: float
    on_grid: bool


def quantize(data: NDArray[np.float32], header: DicomHeader, *, same_unit: bool) -> Quantization:
    """Choose the stored type and scale of a derived series.

    The source's own type and scale are kept if the values fit, then the same scale with 16 bits. Where they do not fit
    (negative values in an unsigned type), steps of the old size mean nothing (SNR units) or too few would be left
    (noise maps), 16-bit unsigned numbers with a new slope and intercept are taken: steps of the old size divided by a
    power of two, as fine as 16 bits allow.

    Parameters
    ----------
    data : array, shape (T, Z, Y, X)
        Values to store.
    header : DicomHeader
        How the source was stored.
    same_unit : bool
        Whether the values are still in the units of the source.

    Raises
    ------
    OutputError
        If a value is not finite.
    """
    if not np.isfinite(data).all():
        raise OutputError(
            f"{np.count_nonzero(~np.isfinite(data))} voxels are NaN or infinite, which DICOM cannot store: "
            "replace them first, or write .nii.gz."
        )
    groups = list(_groups(header))
    extents = [_extent(data, where, slope, intercept) for where, slope, intercept in groups]
    for layout in _candidates(header):
        if all(_fits(extent, layout, same_unit=same_unit) for extent in extents):
            return Quantization(
                layout.bits_allocated,
                layout.bits_stored,
                layout.signed,
                header.slope,
                header.intercept,
                keeps_scale=True,
            )
    slope, intercept = header.slope.copy(), header.intercept.copy()
    for (where, old_slope, old_intercept), extent in zip(groups, extents, strict=True):
        slope[where], intercept[where] = _rescaled(extent, old_slope, old_intercept)
    return Quantization(16, 16, signed=False, slope=slope, intercept=intercept, keeps_scale=False)


def _groups(header: DicomHeader) -> Iterator[tuple[NDArray[np.bool_], float, float]]:
    scales = np.stack([header.slope, header.intercept], axis=-1)
    for slope, intercept in np.unique(scales.reshape(-1, 2), axis=0):
        yield (header.slope == slope) & (header.intercept == intercept), float(slope), float(intercept)


def _candidates(header: DicomHeader) -> Iterator[PixelFormat]:
    layouts = [file.layout for file in header.files]
    first = layouts[0]
    if all(
        (layout.bits_allocated, layout.bits_stored, layout.signed)
        == (first.bits_allocated, first.bits_stored, first.signed)
        for layout in layouts
    ):
        yield first
    if all(layout.signed == first.signed for layout in layouts):
        yield replace(first, bits_allocated=16, bits_stored=16)


def _extent(data: NDArray[np.float32], where: NDArray[np.bool_], slope: float, intercept: float) -> _Extent:
    low, high, on_grid = np.inf, -np.inf, True
    for t, z in np.argwhere(where):
        values = data[t, z].astype(np.float64)
        steps = (values - intercept) / slope
        # what float32 cannot resolve is no distance from the grid
        slack = _ON_GRID + float(np.abs(values).max()) * 2.0**-23 / abs(slope)
        on_grid = on_grid and bool(np.abs(steps - np.rint(steps)).max() <= slack)
        low, high = min(low, float(steps.min())), max(high, float(steps.max()))
    return _Extent(low, high, on_grid)


def _fits(extent: _Extent, layout: PixelFormat, *, same_unit: bool) -> bool:
    low, high = layout.limits
    # numbers are rounded to even: half a step above the largest is too much
    inside = low - 0.5 < extent.low and extent.high < high + 0.5
    return inside and (extent.on_grid or (same_unit and extent.high - extent.low >= _ENOUGH_STEPS))


def _rescaled(extent: _Extent, slope: float, intercept: float) -> tuple[float, float]:
    step = abs(slope)
    low, high = sorted((intercept + slope * extent.low, intercept + slope * extent.high))
    start = _start(low, high, step, intercept)
    span = high - start or step
    halvings = math.floor(math.log2(_MOST_STEPS * step / span))
    if halvings >= 0:
        return _as_written(step / 2.0**halvings), start
    coarser = span / step / _MOST_STEPS
    warnings.warn(
        f"The values span {span / step:.3g} steps of the source's pixel scale, more than 16 bits hold: they are stored "
        f"in steps {coarser:.3g} times coarser.",
        QuietmrWarning,
        stacklevel=2,
    )
    return _as_written(span / _MOST_STEPS), start


def _start(low: float, high: float, step: float, intercept: float) -> float:
    if high - low < step:
        return _as_written(low)
    # on the grid of the source, untouched values stay exact
    start = intercept + step * math.floor((low - intercept) / step)
    written = _as_written(start)
    return written if written <= low else _as_written(start - step)


def _as_written(number: float) -> float:
    return float(format_number_as_ds(float(number)))
