"""Mask and noise map, which lie on the grid of the scan."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image, InputError, Meta, NoiseKind, NoiseMap, Storage
from quietmr.io import read

# Two grids are one if no corner of the volume is further apart than this part of a voxel.
_TOLERANCE = 0.1


def read_mask(path: Path, image: Image) -> NDArray[np.bool_]:
    """Read a mask: nonzero inside.

    Returns
    -------
    array of bool, shape (1 or T, Z, Y, X)

    Raises
    ------
    InputError
        If it lies on another grid, is empty, or holds NaN.
    """
    mask = _on_grid(path, image, "mask")
    if not np.isfinite(mask.data).all():
        raise InputError(f"The mask {path} holds NaN or infinite values: it must be 0 outside and 1 inside.")
    inside: NDArray[np.bool_] = mask.data != 0
    if not inside.any():
        raise InputError(f"The mask {path} is zero everywhere: it must be nonzero inside.")
    return inside


def read_noise_map(path: Path, image: Image) -> NoiseMap:
    """Read a map of sigma (SD per real channel, in the units of the scan).

    Raises
    ------
    InputError
        If it lies on another grid, or holds complex, negative or non-finite values.
    """
    noise = _on_grid(path, image, "noise map")
    if noise.is_complex:
        raise InputError(f"The noise map {path} is complex: it must hold the SD of the noise per real channel.")
    if not np.isfinite(noise.data).all() or (noise.data < 0).any():
        raise InputError(f"The noise map {path} holds negative, NaN or infinite values: sigma is 0 or more everywhere.")
    return NoiseMap(noise.data, kind_of(image), "given")


def given_noise(sigma: float, image: Image) -> NoiseMap:
    """Make a noise map of one given level (SD per real channel, in the units of the scan)."""
    return NoiseMap(np.array(sigma, dtype=np.float32), kind_of(image), "given")


def kind_of(image: Image) -> NoiseKind:
    """Law of the noise that a given level is taken to mean: complex, signed (Gaussian) or magnitude (Rician) values."""
    if image.is_complex:
        return "complex"
    return "gaussian" if (image.data < 0).any() else "rician"


def noise_image(image: Image, noise: NoiseMap) -> Image:
    """Make an image of sigma on the grid of the scan, one frame if it is the same for all."""
    shape = (noise.sigma.shape[0], *image.shape[1:])
    return Image(noise.over(image.shape)[: shape[0]], image.geometry, meta=Meta(storage=Storage("<f4")))


def _on_grid(path: Path, image: Image, what: str) -> Image:
    other = read(path)
    if other.shape[1:] != image.shape[1:] or other.shape[0] not in (1, image.shape[0]):
        raise InputError(
            f"The {what} {path} has shape {other.shape} (T, Z, Y, X), the scan {image.shape}: "
            f"give a {what} on the grid of the scan."
        )
    apart = _distance(image, other)
    if apart > _TOLERANCE * min(size for size in image.geometry.voxel_size if size > 0):
        raise InputError(
            f"The {what} {path} has the shape of the scan but lies {apart:.3g} mm away from it "
            f"(another affine): resample it to the grid of the scan."
        )
    return other


def _distance(image: Image, other: Image) -> float:
    """Largest distance in mm between the corners of the two volumes."""
    depth, height, width = image.shape[1:]
    corners = [(x, y, z, 1) for x in (0, width - 1) for y in (0, height - 1) for z in (0, depth - 1)]
    moved = np.array(corners, dtype=np.float64) @ (image.geometry.affine - other.geometry.affine).T
    return float(np.linalg.norm(moved[:, :3], axis=1).max())
