"""Mask and noise map, which lie on the grid of the scan."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image, InputError, Meta, NoiseKind, NoiseMap, Storage
from quietmr.io import read
from quietmr.io.same_grid import check_same_grid


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


def map_image(image: Image, values: NDArray[np.float32]) -> Image:
    """Make an image of measured values (T, Z, Y, X) on the grid of the scan."""
    return Image(values, image.geometry, frames=image.frames, meta=Meta(storage=Storage("<f4")))


def check_copy(before: Image, after: Image, scan: Path, copy: Path) -> None:
    """Refuse two images that cannot be a scan and its denoised copy.

    Raises
    ------
    InputError
        If they lie on different grids, or only one is complex.
    """
    check_same_grid(before, after, copy, "denoised image")
    if before.is_complex != after.is_complex:
        kinds = ["complex" if image.is_complex else "real" for image in (before, after)]
        raise InputError(
            f"{scan} is {kinds[0]} and {copy} is {kinds[1]}: give both as they are denoised, or both as magnitudes."
        )


def _on_grid(path: Path, image: Image, what: str) -> Image:
    other = read(path)
    check_same_grid(image, other, path, what, one_frame=True)
    return other
