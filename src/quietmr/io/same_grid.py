"""Whether two images lie on one grid: same voxels at the same place in the patient."""

from pathlib import Path

import numpy as np

from quietmr.data import Image, InputError

# Two grids are one if no corner of the volume is further apart than this part of a voxel.
_TOLERANCE = 0.1


def check_same_grid(image: Image, other: Image, path: Path | None, what: str, *, one_frame: bool = False) -> None:
    """Refuse an image that does not lie on the grid of another.

    Parameters
    ----------
    image : Image
        The scan.
    other : Image
        What is to belong to it.
    path : Path, optional
        Where ``other`` was read from, for the message.
    what : str
        What ``other`` is, for the message ("mask", "phase" ...).
    one_frame : bool
        Whether a single frame may serve for all frames of the scan.

    Raises
    ------
    InputError
        If the shapes differ, or the voxels lie more than a tenth of a voxel apart.
    """
    name = f"The {what} {path}" if path is not None else f"The {what}"
    frames = {1, image.shape[0]} if one_frame else {image.shape[0]}
    if other.shape[1:] != image.shape[1:] or other.shape[0] not in frames:
        raise InputError(
            f"{name} has shape {other.shape} (T, Z, Y, X), the scan {image.shape}: give a {what} on the grid of the "
            "scan."
        )
    apart = _distance(image, other)
    if apart > _TOLERANCE * min(size for size in image.geometry.voxel_size if size > 0):
        raise InputError(
            f"{name} has the shape of the scan but lies {apart:.3g} mm away from it (another affine): resample it to "
            "the grid of the scan."
        )


def _distance(image: Image, other: Image) -> float:
    """Largest distance in mm between the corners of the two volumes."""
    depth, height, width = image.shape[1:]
    corners = [(x, y, z, 1) for x in (0, width - 1) for y in (0, height - 1) for z in (0, depth - 1)]
    moved = np.array(corners, dtype=np.float64) @ (image.geometry.affine - other.geometry.affine).T
    return float(np.linalg.norm(moved[:, :3], axis=1).max())
