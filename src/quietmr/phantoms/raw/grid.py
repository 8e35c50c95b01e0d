"""Where things are: the grid on which objects are drawn, twice as fine as the encoded one, and the body's size."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quietmr.phantoms.raw.protocol import RawProtocol

Axis = NDArray[np.float64]

# Half axes (x, y, z) in mm of the bodies; the disk fills a part of whatever field of view it gets.
_BODIES = {"heart": (178.0, 125.0, 300.0), "brain": (82.0, 104.0, 100.0)}
_DISK = 0.37
# A body reaches at most this far from the middle, in fields of view.
_REACH = 0.465
# Distance between slices, in slice thicknesses.
_SLICE_STEP = 1.25


@dataclass(frozen=True, eq=False)
class Grid:
    """Coordinates in mm from the isocenter of the fine grid, and how the encoded grid lies in it.

    Attributes
    ----------
    z, y, x : array, 1-D
        Positions of the fine voxels. Slices of a 2-D scan are not refined along z.
    half_axes : (x, y, z)
        Of the body in mm.
    scale : float
        Size of the body against nature; below 1 where the field of view is too small for it.
    is_3d : bool
        True if z is encoded.
    thickness : float
        Of a fine voxel along z in mm.
    """

    z: Axis
    y: Axis
    x: Axis
    half_axes: tuple[float, float, float]
    scale: float
    is_3d: bool
    thickness: float

    @property
    def shape(self) -> tuple[int, int, int]:
        """Size of the fine grid (Z, Y, X)."""
        return self.z.size, self.y.size, self.x.size

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Size of a fine voxel along (Z, Y, X) in mm."""
        return self.thickness, float(self.y[1] - self.y[0]), float(self.x[1] - self.x[0])

    def encoded(self) -> tuple[Axis, Axis, Axis]:
        """Positions (z, y, x) of the voxels of the encoded grid."""
        z = _every_second(self.z) if self.is_3d else self.z
        return z, _every_second(self.y), _every_second(self.x)

    def at_encoded(self, fine: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Values (Z, Y, X) of the fine grid at the voxels of the encoded one."""
        start_y, start_x = (n // 2 % 2 for n in fine.shape[1:])
        planes = fine[fine.shape[0] // 2 % 2 :: 2] if self.is_3d else fine
        return planes[:, start_y::2, start_x::2]


def lay_grid(protocol: RawProtocol) -> Grid:
    """Lay the fine grid into the field of view of a protocol (readout oversampling not included)."""
    fov = protocol.field_of_view
    x, y, z = (_fine(n, size) for n, size in zip(protocol.matrix, fov, strict=True))
    thickness = fov[2] / protocol.matrix[2] / 2.0
    if not protocol.is_3d:
        z, thickness = slice_positions(protocol), fov[2]
    if protocol.subject == "disk":
        depth = _DISK * fov[2] if protocol.is_3d else 4.0 * (np.abs(z).max() + fov[2])
        return Grid(z, y, x, (_DISK * fov[0], _DISK * fov[1], float(depth)), 1.0, protocol.is_3d, thickness)
    body = _BODIES[protocol.subject]
    scale = min(1.0, _REACH * fov[0] / body[0], _REACH * fov[1] / body[1])
    half_axes = (scale * body[0], scale * body[1], scale * body[2])
    return Grid(z, y, x, half_axes, scale, protocol.is_3d, thickness)


def slice_positions(protocol: RawProtocol) -> Axis:
    """Distance of each slice from the isocenter along the slice direction in mm."""
    middle = (protocol.slices - 1) / 2
    return np.asarray((np.arange(protocol.slices) - middle) * _SLICE_STEP * protocol.field_of_view[2])


def _fine(count: int, size: float) -> Axis:
    return np.asarray((np.arange(2 * count) - count) * size / (2 * count))


def _every_second(axis: Axis) -> Axis:
    # Position 0 belongs to both grids: index n of 2 n fine voxels is index n // 2 of n encoded ones.
    return axis[axis.size // 2 % 2 :: 2]
