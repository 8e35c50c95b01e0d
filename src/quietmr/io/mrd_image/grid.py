"""From pictures one by one to frames and slices."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Frames
from quietmr.io.mrd_image.record import Record

_EVEN = 0.02
_SAME_PLACE_MM = 0.05
_COUNTERS = ("contrast", "set", "phase", "repetition", "average")
_MEANINGS: dict[str, Frames] = {"contrast": "echo", "phase": "time", "repetition": "repetition"}


@dataclass(frozen=True, eq=False)
class Grid:
    """Which picture is where.

    Parameters
    ----------
    order : array, shape (T, P), int
        Number of the picture of each frame and place.
    frames : str
        What the frames count.
    """

    order: NDArray[np.intp]
    frames: Frames


def grid_of(headers: NDArray[np.void], depth: int, record: Record | None) -> Grid:
    """Sort pictures into frames and places.

    Files of quietmr number their pictures with frames outermost. In others, places are told apart by their positions
    along the slice direction (by slice number where there are none), and the frames of a place are sorted by contrast,
    set, phase, repetition, average, image number.

    Parameters
    ----------
    headers : array, shape (N,), dtype IMAGE_HEADER
        Of one series.
    depth : int
        Slices of one picture.
    record : Record, optional
        Of quietmr.

    Raises
    ------
    ValueError
        If the pictures make no complete, even grid.
    """
    if record is not None:
        known = _as_numbered(headers, depth, record)
        if known is not None:
            return Grid(known, record.frames)
    labels = _places(headers)
    counts = np.bincount(labels)
    if depth > 1 and len(counts) > 1:
        raise ValueError(f"{len(counts)} slabs of {depth} slices each are no single volume: keep one slab per file")
    if counts.min() != counts.max():
        raise ValueError(
            f"the places have {counts.min()} to {counts.max()} pictures each, which make no complete grid of slices "
            "and frames: add the missing ones or keep one stack per file"
        )
    keys = [headers[name] for name in ("image_index", *reversed(_COUNTERS))]
    order = np.lexsort([*keys, labels]).reshape(len(counts), -1).T
    _check_even(headers[order[0]])
    return Grid(order, _meaning(headers))


def _as_numbered(headers: NDArray[np.void], depth: int, record: Record) -> NDArray[np.intp] | None:
    t, z = record.shape[:2]
    numbers = headers["image_index"].astype(np.intp)
    if (
        z % depth
        or len(headers) != t * (z // depth)
        or not np.array_equal(np.sort(numbers), np.arange(1, len(headers) + 1))
    ):
        return None
    return np.argsort(numbers).reshape(t, z // depth)


def _places(headers: NDArray[np.void]) -> NDArray[np.intp]:
    normals = headers["slice_dir"].astype(np.float64)
    depths = np.einsum("ni,i->n", headers["position"].astype(np.float64), normals[0])
    if not np.isfinite(depths).all() or not normals[0].any() or np.ptp(depths) <= _SAME_PLACE_MM:
        return np.unique(headers["slice"], return_inverse=True)[1].reshape(-1)
    if np.abs(normals - normals[0]).max() > 1e-3:
        raise ValueError("the pictures have different directions: keep one stack of parallel slices per file")
    order = np.argsort(depths, kind="stable")
    labels = np.empty(len(depths), np.intp)
    labels[order] = np.concatenate([[0], np.cumsum(np.diff(depths[order]) > _SAME_PLACE_MM)])
    return labels


def _check_even(headers: NDArray[np.void]) -> None:
    steps = np.diff(headers["position"].astype(np.float64), axis=0)
    if len(steps) > 1 and np.abs(steps - steps.mean(axis=0)).max() > max(
        _EVEN * float(np.linalg.norm(steps.mean(axis=0))), _SAME_PLACE_MM
    ):
        raise ValueError(
            "the slices are not evenly spaced on one line, so they make no volume: keep one stack per file"
        )


def _meaning(headers: NDArray[np.void]) -> Frames:
    varying = [name for name in _COUNTERS if np.ptp(headers[name].astype(np.int64)) > 0]
    return _MEANINGS.get(varying[0], "unknown") if len(varying) == 1 else "unknown"
