"""Which lines of an undersampled scan make the image and which serve calibration, for files without flags."""

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Flag

_SHORTEST_BLOCK = 4


def acceleration_of(lines: NDArray[np.int64]) -> int:
    """Distance between acquired lines: the commonest gap above 1, or 1 if there is no gap.

    Parameters
    ----------
    lines : array, shape (N,)
        Numbers of the acquired lines, increasing.
    """
    gaps = np.diff(lines)
    gaps = gaps[gaps > 1]
    return int(np.bincount(gaps).argmax()) if gaps.size else 1


def flags_of(lines: NDArray[np.int64], center: int, acceleration: int) -> NDArray[np.uint64]:
    """Flag lines: those of the central block off the lattice only calibrate, those on it do both.

    Parameters
    ----------
    lines : array, shape (N,)
        Numbers of the acquired lines, increasing.
    center : int
        Line of k = 0.
    acceleration : int
        Distance of the lattice; with 1 there is nothing to calibrate.

    Returns
    -------
    array, shape (N,), uint64
        0, ``Flag.CALIBRATION`` or ``Flag.CALIBRATION_AND_IMAGING``.
    """
    flags = np.zeros(lines.shape, np.uint64)
    block = _central_block(lines, center)
    if acceleration == 1 or block.sum() < _SHORTEST_BLOCK:
        return flags
    # the lattice is told by the lines around the block
    offset = int(np.bincount(lines[~block] % acceleration).argmax())
    on_lattice = lines % acceleration == offset
    flags[block & ~on_lattice] = Flag.CALIBRATION
    flags[block & on_lattice] = Flag.CALIBRATION_AND_IMAGING
    return flags


def _central_block(lines: NDArray[np.int64], center: int) -> NDArray[np.bool_]:
    """Lines without a gap around the center."""
    runs = np.concatenate([[0], np.cumsum(np.diff(lines) > 1)])
    return np.asarray(runs == runs[np.abs(lines - center).argmin()])
