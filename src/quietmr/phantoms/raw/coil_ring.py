"""Receive coils around the body: circular loops and their fields by the law of Biot and Savart."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import make_interp_spline
from scipy.special import ellipe, ellipk

from quietmr.phantoms.raw.grid import Axis, Grid

Points = NDArray[np.float64]

# Distance between body and coil in mm, and mean radius of a loop in distances between neighbors: they overlap a little.
_GAP = 35.0
_LOOP = 0.66
# Fields are computed on a grid of this step in loop radii and interpolated by cubic splines.
_STEP = 0.12


@dataclass(frozen=True, eq=False)
class Loop:
    """A circular coil: center and unit normal (x, y, z), radius; in mm."""

    center: Points
    normal: Points
    radius: float


def place_loops(count: int, grid: Grid, rng: np.random.Generator) -> list[Loop]:
    """Put loops in rings around the body: one ring around slices, more along z around a slab.

    Neighboring rings are turned against each other; loops are a little off their places, as hands put them.
    """
    extent = float(np.ptp(grid.z)) + grid.thickness if grid.is_3d else 0.0
    rings = _ring_count(count, grid, extent)
    gap = _GAP * grid.scale
    loops = []
    for ring, members in enumerate(np.array_split(np.arange(count), rings)):
        height = ((ring + 0.5) / rings - 0.5) * extent
        axes = np.array([grid.half_axes[0] + gap, grid.half_axes[1] + gap])
        spacing = _circumference(axes) / len(members)
        radius = _LOOP * (min(spacing, extent / rings) if rings > 1 else spacing)
        radius = min(radius, 0.55 * float(axes.min()))
        for angle in _angles(axes, len(members), 0.5 * ring):
            loops.append(_loop(angle, axes, height, radius, rng))
    return loops


def sensitivity(loop: Loop, z: Axis, y: Axis, x: Axis) -> NDArray[np.complex64]:
    """Receive field of a loop, ``B_x - i B_y`` for a main field along z, at the points of a grid, (Z, Y, X)."""
    coarse = [_coarse(axis, _STEP * loop.radius) for axis in (z, y, x)]
    points = np.stack(np.meshgrid(*reversed(coarse), indexing="ij"), axis=-1)
    field = loop_field(loop, points)
    # Real and imaginary part as a last axis: real weights times complex values would cost four times as much.
    values = np.stack([field[..., 0], -field[..., 1]], axis=-1).transpose(2, 1, 0, 3).astype(np.float32)
    for axis, (known, wanted) in enumerate(zip(coarse, (z, y, x), strict=True)):
        if known is not wanted:
            weights = make_interp_spline(known, np.eye(known.size), k=3)(wanted).astype(np.float32)
            values = np.moveaxis(np.tensordot(weights, values, axes=(1, axis)), 0, axis)
    return np.ascontiguousarray(values).view(np.complex64)[..., 0]


def loop_field(loop: Loop, points: Points) -> Points:
    """Magnetic field (..., 3) of a circular current at points (..., 3), in units of its value at the center.

    Closed form with complete elliptic integrals. Near the wire, which has a thickness, the field is bounded.
    """
    a = loop.radius
    offset = points - loop.center
    along = offset @ loop.normal
    across = offset - along[..., np.newaxis] * loop.normal
    rho = np.maximum(np.sqrt(np.square(across).sum(axis=-1)), 1e-4 * a)
    square = a**2 + rho**2 + along**2
    near = np.maximum(square - 2.0 * a * rho, (0.1 * a) ** 2)
    far = square + 2.0 * a * rho
    first, second = ellipk(1.0 - near / far), ellipe(1.0 - near / far)
    common = a / (np.pi * np.sqrt(far))
    axial = common * (first + (a**2 - rho**2 - along**2) / near * second)
    radial = common * along / rho * (square / near * second - first)
    return np.asarray(axial[..., np.newaxis] * loop.normal + (radial / rho)[..., np.newaxis] * across)


def _ring_count(count: int, grid: Grid, extent: float) -> int:
    """Rings such that loops lie about as far apart along z as around the body."""
    if extent == 0 or count < 8:
        return 1
    around = _circumference(np.array(grid.half_axes[:2]) + _GAP * grid.scale)
    return int(np.clip(round(np.sqrt(count * extent / around)), 2, count // 4))


def _circumference(axes: Points) -> float:
    """Of an ellipse with the given half axes (Ramanujan's approximation)."""
    a, b = axes
    return float(np.pi * (3 * (a + b) - np.sqrt((3 * a + b) * (a + 3 * b))))


def _angles(axes: Points, count: int, turn: float) -> Points:
    """Parameters of points at equal distances along an ellipse."""
    fine = np.linspace(0.0, 2.0 * np.pi, 2001)
    steps = np.hypot(np.diff(axes[0] * np.cos(fine)), np.diff(axes[1] * np.sin(fine)))
    path = np.concatenate([[0.0], np.cumsum(steps)])
    return np.asarray(np.interp((np.arange(count) + turn) / count * path[-1], path, fine))


def _loop(angle: float, axes: Points, height: float, radius: float, rng: np.random.Generator) -> Loop:
    off = 0.08 * radius * rng.standard_normal(3)
    place = np.array([axes[0] * np.cos(angle), axes[1] * np.sin(angle), height]) + off
    normal = np.array([-np.cos(angle) / axes[0], -np.sin(angle) / axes[1], 0.0])
    normal = normal / np.linalg.norm(normal) + 0.06 * rng.standard_normal(3)
    return Loop(place, normal / np.linalg.norm(normal), radius)


def _coarse(axis: Axis, step: float) -> Axis:
    count = int(np.ceil(np.ptp(axis) / step)) + 1
    if count + 3 >= axis.size:
        return axis
    return np.linspace(axis.min(), axis.max(), max(count, 4))
