"""From the places of frames to slice levels and their affine: where the grid of the series lies."""

import warnings
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quietmr.data import InputError, QuietmrWarning
from quietmr.io.dicom.plane import Placement, Plane

# frames closer than this along the normal lie in one slice: positions are written with few digits
_SAME_PLACE_MM = 0.05
_SAME_PLACE_THICKNESS = 0.02
_SAME_DIRECTION = 1e-3
_SAME_SPACING = 1e-3
_EVEN = 0.02
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def check_alike(planes: Sequence[Plane], source: Path) -> None:
    """Refuse a series whose frames do not share one matrix, orientation, pixel spacing, and part of the signal.

    Raises
    ------
    InputError
        If they differ; the message counts who has what.
    """
    _refuse_mixture(planes, source, "matrix sizes", lambda plane: f"{plane.placement.rows} x {plane.placement.columns}")
    _refuse_mixture(planes, source, "parts of the complex signal", lambda plane: plane.component)
    first = planes[0].placement
    for name, spread in (
        ("orientations", [_turn(plane.placement, first) for plane in planes]),
        ("pixel spacings", [_stretch(plane.placement, first) for plane in planes]),
    ):
        others = sum(value > 1 for value in spread)
        if others:
            raise InputError(
                f"{source} mixes {name}: {others} of {len(planes)} frames differ from the first one; "
                "give one folder per stack of parallel slices."
            )


def _refuse_mixture(planes: Sequence[Plane], source: Path, what: str, key: Callable[[Plane], Hashable]) -> None:
    counts = Counter(key(plane) for plane in planes)
    if len(counts) > 1:
        listing = ", ".join(f"{value} ({count} frames)" for value, count in counts.most_common(10))
        raise InputError(f"{source} mixes {what}: {listing}; give one folder per kind.")


def _turn(placement: Placement, other: Placement) -> float:
    mine = (placement.row_direction, placement.column_direction)
    theirs = (other.row_direction, other.column_direction)
    if None in mine or None in theirs:
        return 0.0 if mine == theirs else np.inf
    return float(np.abs(np.array(mine) - np.array(theirs)).max()) / _SAME_DIRECTION


def _stretch(placement: Placement, other: Placement) -> float:
    mine = (placement.row_spacing, placement.column_spacing)
    theirs = (other.row_spacing, other.column_spacing)
    if None in mine or None in theirs:
        return 0.0 if mine == theirs else np.inf
    return float(np.abs(np.array(mine) / np.array(theirs) - 1).max()) / _SAME_SPACING


def slice_levels(planes: Sequence[Plane], source: Path) -> tuple[list[list[Plane]], NDArray[np.float64]]:
    """Group frames by slice and find the affine of the grid.

    Parameters
    ----------
    planes : sequence of Plane
        All frames of the series, alike as `check_alike` asks.
    source : Path
        File or folder to name in messages.

    Returns
    -------
    levels : list of lists of Plane
        One list a slice, sorted along the slice normal (the cross product of row and column direction).
    affine : array, shape (4, 4)
        From voxel index (x, y, z, 1) to RAS+ mm; the step along z comes from the positions of the slices.

    Raises
    ------
    InputError
        If slices are missing, unevenly spaced, or not on one line.
    """
    first = planes[0].placement
    if any(plane.placement.position is None for plane in planes) or first.row_direction is None:
        return _without_places(planes, source)
    positions = np.array([plane.placement.position for plane in planes], dtype=np.float64)
    normal = np.cross(np.array(first.row_direction), np.array(first.column_direction))
    depths = positions @ normal
    order = np.argsort(depths, kind="stable")
    cuts = np.flatnonzero(np.diff(depths[order]) > _tolerance(first)) + 1
    groups = np.split(order, cuts)
    centers = np.array([positions[group].mean(axis=0) for group in groups])
    _check_still(positions, groups, centers, first, source)
    step = _step(centers, normal, first, source)
    affine = _affine(centers[0], step, first)
    return [[planes[index] for index in group] for group in groups], affine


def _tolerance(placement: Placement) -> float:
    thickness = placement.slice_thickness
    return _SAME_PLACE_MM if thickness is None else min(_SAME_PLACE_MM, _SAME_PLACE_THICKNESS * thickness)


def _check_still(
    positions: NDArray[np.float64],
    groups: list[NDArray[np.intp]],
    centers: NDArray[np.float64],
    first: Placement,
    source: Path,
) -> None:
    limit = max(_tolerance(first), 0.1 * min(first.row_spacing or 1.0, first.column_spacing or 1.0))
    for group, center in zip(groups, centers, strict=True):
        off = float(np.linalg.norm(positions[group] - center, axis=1).max())
        if off > limit:
            raise InputError(
                f"{source} holds frames of one slice at places up to {2 * off:.3g} mm apart: "
                "give one folder per place, or register the frames first."
            )


def _step(
    centers: NDArray[np.float64], normal: NDArray[np.float64], first: Placement, source: Path
) -> NDArray[np.float64]:
    count = len(centers)
    if count == 1:
        return normal * (first.slice_spacing or first.slice_thickness or 1.0)
    gaps = np.diff(centers @ normal)
    usual = float(np.median(gaps))
    if np.abs(gaps - usual).max() > max(_EVEN * usual, _tolerance(first)):
        raise InputError(f"{source} {_gap_sentence(gaps, usual, centers @ normal)}")
    step: NDArray[np.float64] = (centers[-1] - centers[0]) / (count - 1)
    off_line = np.linalg.norm(centers - centers[0] - np.arange(count)[:, None] * step, axis=1).max()
    if off_line > max(_EVEN * usual, _tolerance(first)):
        raise InputError(
            f"{source} holds parallel slices that do not lie on one line (up to {off_line:.3g} mm beside it): "
            "give one folder per stack."
        )
    return step


def _gap_sentence(gaps: NDArray[np.float64], usual: float, depths: NDArray[np.float64]) -> str:
    widest = int(np.argmax(gaps))
    missing = round(float(gaps[widest] / usual)) - 1
    if missing >= 1 and abs(gaps[widest] / usual - missing - 1) < 0.1:
        return (
            f"lacks {missing} slice{'s' if missing > 1 else ''} between {depths[widest]:.4g} and "
            f"{depths[widest + 1]:.4g} mm along the slice normal (the others are {usual:.4g} mm apart): "
            "add the missing files, or give one folder per gapless stack."
        )
    return (
        f"has unevenly spaced slices ({gaps.min():.4g} to {gaps.max():.4g} mm apart), which no image grid can hold: "
        "give one folder per evenly spaced stack."
    )


def _affine(origin: NDArray[np.float64], step: NDArray[np.float64], first: Placement) -> NDArray[np.float64]:
    if first.row_spacing is None or first.column_spacing is None:
        warnings.warn(
            "The DICOM header has no PixelSpacing: pixels are taken as 1 mm, so sizes and shapes may be wrong.",
            QuietmrWarning,
            stacklevel=2,
        )
    lps = np.eye(4)
    # x counts columns: along a row, by the distance between columns
    lps[:3, 0] = np.array(first.row_direction) * (first.column_spacing or 1.0)
    lps[:3, 1] = np.array(first.column_direction) * (first.row_spacing or 1.0)
    lps[:3, 2] = step
    lps[:3, 3] = origin
    affine: NDArray[np.float64] = _LPS_TO_RAS @ lps
    return affine


def _without_places(planes: Sequence[Plane], source: Path) -> tuple[list[list[Plane]], NDArray[np.float64]]:
    if len({plane.file for plane in planes}) > 1:
        raise InputError(
            f"{source} holds files that do not say where their slices lie (no ImagePositionPatient or "
            "ImageOrientationPatient), so they cannot be put in order: give one of the files, or the original export."
        )
    warnings.warn(
        f"{source} does not say where its slices lie: they are stacked in the order of the file, and their position "
        "and orientation are unknown.",
        QuietmrWarning,
        stacklevel=2,
    )
    first = planes[0].placement
    size = [first.column_spacing, first.row_spacing, first.slice_spacing or first.slice_thickness]
    return [[plane] for plane in planes], np.diag([*(length or 1.0 for length in size), 1.0])
