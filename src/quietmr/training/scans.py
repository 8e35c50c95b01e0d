"""Real scans as training scenes, prepared so that their own noise and the scanner's interpolation do little harm."""

from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image, InputError
from quietmr.io import read
from quietmr.signal.kspace import keep_kspace
from quietmr.training.scan_files import find_scans
from quietmr.training.scan_recipe import ScanRecipe

Scene = NDArray[np.float32]
Value = TypeVar("Value", np.float32, np.complex64)

# Brightest tissue: this percentile of the voxels above this part of the 99.9th percentile.
_TISSUE, _FOREGROUND = 99.0, 0.05
# A held-out part has at most this many slices, so that judging stays quick.
_MOST_SLICES = 12
# From this many slices on the held-out part is a block of slices, else a band of rows.
_MANY_SLICES = 8


def tissue_level(volume: NDArray[np.float32]) -> float:
    """Brightness of the brightest tissue: 99th percentile of the foreground; 0 if there is none."""
    foreground = volume > _FOREGROUND * np.percentile(volume, 99.9)
    return float(np.percentile(volume[foreground], _TISSUE)) if foreground.any() else 0.0


def normalize(volume: Scene) -> Scene:
    """Scale so that the brightest tissue (99th percentile of the foreground) is 1."""
    level = tissue_level(volume)
    return np.asarray(volume / level if level > 0 else volume, dtype=np.float32)


def load_clean(settings: ScanRecipe) -> list[Scene]:
    """Read scans that count as free of noise; each frame becomes a scene of its own.

    Returns
    -------
    list of array, shape (F, Y, X), float32
        Magnitude, brightest tissue = 1, in-plane k-space cropped to ``settings.keep``.

    Raises
    ------
    InputError
        If there is no scan or a file cannot be read.
    """
    return [scene for path in find_scans(settings) for scene in clean_frames(read(path), path, settings.keep)]


def clean_frames(image: Image, path: Path, keep: float) -> list[Scene]:
    """Make a clean scene (F, Y, X) of each frame of a scan, with a part of its in-plane k-space."""
    return [normalize(keep_kspace(frame, (1, keep, keep))) for frame in magnitude_of(image, path)]


def magnitude_of(image: Image, path: Path) -> NDArray[np.float32]:
    """Magnitude of a scan, shape (T, F, Y, X), refused if some of it is not finite."""
    if not np.isfinite(image.data).all():
        raise InputError(f"{path} has values that are not finite (NaN or infinite): leave it out or repair it.")
    return np.asarray(np.abs(image.data), dtype=np.float32)


def split_axis(scan: NDArray[Any]) -> int:
    """Axis along which a part of a scan (..., F, Y, X) is held out: slices if there are 8 or more, else rows."""
    return -3 if scan.shape[-3] >= _MANY_SLICES else -2


def split(scan: NDArray[Value], part: float, axis: int | None = None) -> tuple[list[NDArray[Value]], NDArray[Value]]:
    """Divide a scan into what training sees and what judges it.

    Parameters
    ----------
    scan : array, shape (..., F, Y, X)
    part : float
        Held-out part, 0 to 0.5.
    axis : int, optional
        -3 or -2; that of :func:`split_axis` if left out.

    Returns
    -------
    training : list of array
        The pieces on both sides of the held-out block; without a held-out part the whole scan.
    held_out : array
        A block of slices (at most 12) or of rows, at three quarters of the way; empty for part 0.
    """
    axis = split_axis(scan) if axis is None else axis
    n = scan.shape[axis]
    wide = 0 if part == 0 else max(1, round(n * part))
    if axis == -3:
        wide = min(wide, _MOST_SLICES)
    start = (n - wide) * 3 // 4
    before, held_out, after = np.split(scan, [start, start + wide], axis=axis)
    if wide == 0:
        return [scan], held_out
    return [piece for piece in (before, after) if piece.size], held_out
