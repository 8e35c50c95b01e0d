"""Between the affine of an image and the places that MRD gives each picture."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Geometry, OutputError

# from RAS+ (nibabel, quietmr) to the patient system of DICOM and MRD, and back
TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_SQUARE = 1e-3


def center_index(size: tuple[int, int, int]) -> NDArray[np.int_]:
    """Voxel (x, y, z) at the position of an MRD image: that of the center of k-space, n // 2 (size is z, y, x)."""
    z, y, x = size
    return np.array([x // 2, y // 2, z // 2])


def place(headers: NDArray[np.void], geometry: Geometry, size: tuple[int, int, int], thickness: float | None) -> None:
    """Set position, directions and field of view of pictures from the affine.

    Parameters
    ----------
    headers : array, shape (T, P), dtype IMAGE_HEADER
        Changed in place; P is the number of pictures that make one frame (slices, or one volume).
    geometry : Geometry
        Where the voxels are.
    size : (z, y, x)
        Voxels of one picture.
    thickness : float, optional
        Of one slice in mm; None takes the distance between slices.

    Raises
    ------
    OutputError
        If rows and columns are not perpendicular, or the voxels have no size.
    """
    lps = TO_LPS @ geometry.affine
    lengths = np.linalg.norm(lps[:3, :3], axis=0)
    if not (lengths > 0).all():
        raise OutputError("MRD needs voxels of a size greater than 0 along each axis: correct the affine.")
    directions = lps[:3, :3] / lengths
    if abs(directions[:, 0] @ directions[:, 1]) > _SQUARE:
        raise OutputError(
            "MRD has no place for rows and columns that are not perpendicular: resample, or write .nii.gz."
        )
    normal = np.cross(directions[:, 0], directions[:, 1])
    headers["read_dir"], headers["phase_dir"] = directions[:, 0], directions[:, 1]
    headers["slice_dir"] = normal * np.sign(normal @ directions[:, 2] or 1.0)
    z, y, x = size
    depth = lengths[2] * z if z > 1 or not thickness else thickness
    headers["field_of_view"] = lengths[0] * x, lengths[1] * y, depth
    for index in range(headers.shape[1]):
        i, j, k = center_index(size)
        headers["position"][:, index] = (lps @ [i, j, k + index * z, 1])[:3]


def affine_of(headers: NDArray[np.void], size: tuple[int, int, int]) -> NDArray[np.float64] | None:
    """Find the affine (RAS+) of pictures that lie behind one another; None if the headers give no directions.

    Parameters
    ----------
    headers : array, shape (P,), dtype IMAGE_HEADER
        The pictures of one frame in order.
    size : (z, y, x)
        Voxels of one picture.
    """
    first = headers[0]
    names = ("read_dir", "phase_dir", "slice_dir")
    directions = np.stack([first[name].astype(np.float64) for name in names], axis=1)
    lengths = np.linalg.norm(directions, axis=0)
    fov = first["field_of_view"].astype(np.float64)
    z, y, x = size
    steps = fov / [x, y, z]
    if not np.isfinite([*lengths, *steps]).all() or lengths.min() < _SQUARE or min(steps[:2]) <= 0:
        return None
    directions /= lengths
    lps = np.eye(4)
    lps[:3, :3] = directions * np.where(steps > 0, steps, 1.0)
    if len(headers) > 1:
        positions = headers["position"].astype(np.float64)
        lps[:3, 2] = (positions[-1] - positions[0]) / (len(headers) - 1)
    lps[:3, 3] = first["position"] - lps[:3, :3] @ center_index(size)
    sound = np.isfinite(lps).all() and abs(np.linalg.det(lps[:3, :3])) > 0
    return TO_LPS @ lps if sound else None


def same_place(one: NDArray[np.float64], other: NDArray[np.float64], shape: tuple[int, ...]) -> bool:
    """Whether two affines put every corner of a grid (T, Z, Y, X) at the same place, to 1 % of a voxel."""
    ends: list[Any] = [(0, length - 1) for length in shape[:0:-1]]
    corners = np.stack([*np.meshgrid(*ends), np.ones((2, 2, 2))], axis=-1).reshape(-1, 4)
    limit = 0.01 * float(np.linalg.norm(other[:3, :3], axis=0).min())
    return bool(np.abs(corners @ (one - other).T).max() <= max(limit, 1e-4))
