"""From samples to pixels: the grid of k-space, the grid of the image, and where it lies in the patient."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Encoding, Geometry, InputError

Shape = tuple[int, int, int]
# finest zero-filled interpolation, in pixels for each sample
_FINEST = 8


@dataclass(frozen=True)
class Grid:
    """Sizes along (z, y, x).

    Zero-filled interpolation is nothing but a finer image grid for the same samples, and a lower resolution one that
    fewer samples reach; so the size of the image is chosen here, and no image is resized afterwards.

    Attributes
    ----------
    kspace : (z, y, x)
        Matrix of full sampling, readout oversampling included.
    full : (z, y, x)
        Pixels over the encoded field of view.
    kept : (z, y, x)
        Pixels of the image: the center of ``full``.
    voxel : (z, y, x)
        Size of a pixel in mm.
    """

    kspace: Shape
    full: Shape
    kept: Shape
    voxel: tuple[float, float, float]

    @property
    def native_readout(self) -> int:
        """Samples along x that remain of ``kspace`` when the oversampling has been removed."""
        return max(1, round(self.kspace[2] * self.kept[2] / self.full[2]))

    @property
    def fov(self) -> tuple[float, float, float]:
        """Field of view of the image along (x, y, z) in mm."""
        z, y, x = (n * size for n, size in zip(self.kept, self.voxel, strict=True))
        return x, y, z

    def coordinates(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Position of the pixels along z, y (over the encoded field of view) and x (over the kept one), -0.5 to 0.5.

        In these units a step of one sample in k-space turns the phase by 2 pi times the position.
        """
        z, y = ((np.arange(n) - n // 2) / n for n in self.full[:2])
        x = np.arange(self.kept[2]) - self.kept[2] // 2
        return z, y, x * self.kspace[2] / (self.full[2] * self.native_readout)

    def crop(self, image: NDArray[Any]) -> NDArray[Any]:
        """Cut z and y of (..., Z, Y, X) from the encoded to the wanted field of view."""
        for axis, (n, m) in enumerate(zip(self.full[:2], self.kept[:2], strict=True)):
            start = n // 2 - m // 2
            image = image.take(range(start, start + m), axis=axis - 3) if m < n else image
        return image


def image_grid(encoding: Encoding, matrix: Shape | None = None) -> Grid:
    """Choose the grid of the image.

    Parameters
    ----------
    encoding : Encoding
    matrix : (z, y, x), optional
        Pixels wanted over the protocol's field of view; the protocol's own matrix if left out.

    Returns
    -------
    Grid

    Raises
    ------
    InputError
        If matrix or field of view of the protocol are no positive numbers, or the wanted matrix is smaller than 2 or
        more than 8 times that of the protocol.
    """
    kspace = _reversed(encoding.matrix)
    for name, n, m in zip("zyx", _reversed(encoding.recon_matrix), kspace, strict=True):
        if m > 1 and n > _FINEST * m:
            raise InputError(
                f"The header wants an image of {n} pixels along {name} from {m} samples: it is damaged, or belongs to "
                "another scan."
            )
    wanted = _reversed(encoding.recon_matrix) if matrix is None else matrix
    for name, n, m in zip("zyx", wanted, _reversed(encoding.recon_matrix), strict=True):
        least, most = (1, 1) if m == 1 else (2, _FINEST * m)
        if not least <= n <= most:
            raise InputError(
                f"An image of {n} pixels along {name} was asked for; the protocol has {m}: give {least} to {most}."
            )
    full, kept, voxel = zip(
        *(
            _axis(k, encoding.fov[2 - axis], wanted[axis], encoding.recon_fov[2 - axis])
            for axis, k in enumerate(kspace)
        ),
        strict=True,
    )
    return Grid(kspace, full, kept, voxel)


def _reversed(sizes: tuple[int, int, int]) -> Shape:
    x, y, z = sizes
    return z, y, x


def _axis(n_kspace: int, fov: float, n_wanted: int, fov_wanted: float) -> tuple[int, int, float]:
    if n_kspace == 1:
        return 1, 1, fov_wanted
    part = min(1.0, fov_wanted / fov)
    full = max(n_wanted, round(n_wanted / part))
    return full, n_wanted, fov / full


def slice_geometry(grid: Grid, headers: NDArray[np.void], time_step: float | None = None) -> Geometry:
    """Where the voxels are: affine from the position and the directions of the readouts.

    Parameters
    ----------
    grid : Grid
    headers : array, shape (Z,), dtype READOUT
        One header for each slice in the order of the image; a single one for a 3-D scan. ``position`` is the center of
        the slice (or slab) in the patient system of DICOM.
    time_step : float, optional
        Seconds from frame to frame.

    Returns
    -------
    Geometry
        With the identity as directions if the headers hold none (zero vectors).

    Raises
    ------
    InputError
        If positions or directions are not finite.
    """
    if not all(np.isfinite(headers[name]).all() for name in ("position", "read_dir", "phase_dir", "slice_dir")):
        raise InputError(
            "The headers of the readouts hold positions or directions that are no numbers: convert the raw file again."
        )
    directions = _directions(headers[0])
    gap = _slice_distance(headers, directions[:, 2], grid.voxel[0])
    step = np.array([grid.voxel[2], grid.voxel[1], gap])
    # index n // 2 of the image is the center of the field of view; of a stack of slices, the first one is the origin
    n_stack = grid.kept[0] if len(headers) == 1 else 1
    center = np.array([grid.kept[2] // 2, grid.kept[1] // 2, n_stack // 2])
    affine = np.eye(4)
    affine[:3, :3] = directions * step
    affine[:3, 3] = headers[0]["position"].astype(float) - affine[:3, :3] @ center
    # LPS (DICOM, ISMRMRD) to RAS+
    affine[:2] *= -1
    return Geometry(affine, slice_thickness=grid.voxel[0], time_step=time_step)


def _directions(header: np.void) -> NDArray[np.float64]:
    columns = np.stack([header[name].astype(float) for name in ("read_dir", "phase_dir", "slice_dir")], axis=1)
    if abs(np.linalg.det(columns)) < 0.9:
        return np.eye(3)
    return columns


def _slice_distance(headers: NDArray[np.void], normal: NDArray[np.float64], thickness: float) -> float:
    if len(headers) < 2:
        return thickness
    along = headers["position"].astype(float) @ normal
    distance = float(np.diff(along).mean())
    return distance if abs(distance) > 1e-3 else thickness
