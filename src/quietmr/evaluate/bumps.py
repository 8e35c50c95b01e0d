"""Small bumps for an image, and where in the tissue they go."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from quietmr.data import InputError

Voxel = tuple[float, float, float]
Box = tuple[slice, slice, slice]
_REACH = 3.0  # in SDs of the profile: beyond it a bump is nothing
_GAP = 2.0  # voxels between two bumps, so that a filter does not mix what is left of them
_RIM = 2  # voxels from the ends of an axis
SD_PER_FWHM = 1 / np.sqrt(8 * np.log(2))


@dataclass(frozen=True)
class Bump:
    """A ball with a Gaussian profile.

    Parameters
    ----------
    center : (Z, Y, X)
        Voxel of its peak.
    diameter : float
        Full width at half maximum in mm.
    """

    center: tuple[int, int, int]
    diameter: float

    @property
    def reach(self) -> float:
        """Where it ends, in mm from its center."""
        return reach(self.diameter)

    def profile(self, shape: Sequence[int], voxel: Voxel) -> tuple[Box, NDArray[np.float32]]:
        """Where it lies, and its values there: 1 at the peak.

        Parameters
        ----------
        shape, voxel : (Z, Y, X)
            Size of the volume, and of a voxel in mm.
        """
        box, square = _around(self.center, self.reach, shape, voxel)
        values = np.exp(-square / (2 * (self.diameter * SD_PER_FWHM) ** 2))
        return box, np.where(square <= self.reach**2, values, 0.0).astype(np.float32)


def reach(diameter: float) -> float:
    """Radius in mm of a bump with this FWHM."""
    return float(_REACH * diameter * SD_PER_FWHM)


def place_bumps(
    tissue: NDArray[np.bool_], voxel: Voxel, diameters: Iterable[float], count: int, rng: np.random.Generator
) -> list[list[Bump]]:
    """Find places for bumps of several sizes, mixed and apart from each other.

    Parameters
    ----------
    tissue : array of bool, shape (Z, Y, X)
        Every bump lies in it as far as it is higher than half of its peak.
    voxel : (Z, Y, X)
        Size of a voxel in mm.
    diameters : iterable of float
        Sizes, FWHM in mm.
    count : int
        Bumps of each size.
    rng : numpy.random.Generator

    Returns
    -------
    list of list of Bump
        As many images as are needed to hold all of them; usually one.

    Raises
    ------
    InputError
        If no tissue is large enough for a bump of some size.
    """
    depth = _depth(tissue, voxel)
    waiting = [size for size in sorted(diameters, reverse=True) for _ in range(count)]
    sheets = []
    while waiting:
        sheet, waiting = _fill(depth, voxel, waiting, rng)
        if not sheet:
            raise InputError(
                f"No tissue is large enough to hold a bump of {waiting[0]:g} mm: ask for smaller diameters, or give a "
                "larger mask or region."
            )
        sheets.append(sheet)
    return sheets


def _depth(tissue: NDArray[np.bool_], voxel: Voxel) -> NDArray[np.float32]:
    """How deep in the tissue a voxel lies, in mm; 0 near the ends of long axes."""
    inner = tissue.copy()
    for axis, n in enumerate(tissue.shape):
        if n > 4 * _RIM:
            np.moveaxis(inner, axis, 0)[[*range(_RIM), *range(-_RIM, 0)]] = False
    if tissue.all():
        return np.where(inner, np.inf, 0.0).astype(np.float32)
    depth = distance_transform_edt(tissue, sampling=voxel)
    return np.where(inner, depth, 0.0).astype(np.float32)


def _fill(
    depth: NDArray[np.float32], voxel: Voxel, waiting: list[float], rng: np.random.Generator
) -> tuple[list[Bump], list[float]]:
    """Put as many bumps as go into one image, the largest first; return them and the sizes that are left."""
    placed: list[Bump] = []
    left: list[float] = []
    gap = _GAP * min(voxel[1:])
    for size in dict.fromkeys(waiting):
        free = depth > size / 2
        for other in placed:
            _take(free, other, reach(size) + other.reach + gap, voxel)
        for number in range(waiting.count(size)):
            places = np.flatnonzero(free)
            if not places.size:
                left += [size] * (waiting.count(size) - number)
                break
            z, y, x = np.unravel_index(rng.choice(places), free.shape)
            bump = Bump((int(z), int(y), int(x)), size)
            placed.append(bump)
            _take(free, bump, 2 * bump.reach + gap, voxel)
    return placed, left


def _take(free: NDArray[np.bool_], bump: Bump, distance: float, voxel: Voxel) -> None:
    """Mark what is nearer to a bump than a distance in mm."""
    box, square = _around(bump.center, distance, free.shape, voxel)
    free[box] &= square > distance**2


def _around(
    center: tuple[int, int, int], distance: float, shape: Sequence[int], voxel: Voxel
) -> tuple[Box, NDArray[np.float64]]:
    """Box that holds everything up to a distance in mm from a voxel, and the squared distances in it."""
    ranges = [
        np.arange(max(0, int(np.ceil(c - distance / mm))), min(n - 1, int(c + distance / mm)) + 1)
        for c, n, mm in zip(center, shape, voxel, strict=True)
    ]
    z, y, x = (((axis - c) * mm) ** 2 for axis, c, mm in zip(ranges, center, voxel, strict=True))
    box = tuple(slice(int(axis[0]), int(axis[-1]) + 1) for axis in ranges)
    return (box[0], box[1], box[2]), z[:, None, None] + y[:, None] + x
