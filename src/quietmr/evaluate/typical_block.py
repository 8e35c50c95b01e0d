"""The part of an image that stands for all of it when a measurement on the whole would take too long."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image, InputError, mask_over

Region = tuple[slice, slice, slice]
# Rows and columns per slice of a block; so 131072 voxels are 64 x 64 x 32.
_FLATNESS = 2.0


def typical_block(image: Image, mask: NDArray[np.bool_], voxels: int = 131_072) -> Region:
    """Choose the block that holds most of a mask.

    Parameters
    ----------
    image : Image
    mask : array of bool, broadcastable to (T, Z, Y, X)
        Tissue.
    voxels : int
        Largest size, all frames counted.

    Returns
    -------
    (slice, slice, slice)
        Along Z, Y, X; the whole image if that is no larger.

    Raises
    ------
    InputError
        If the mask does not fit the image or is empty.
    """
    frames, *size = image.shape
    inside = mask_over(mask, image.shape).any(axis=0)
    if not inside.any():
        raise InputError("The mask is empty, so no block is typical of it: mark the tissue of interest.")
    shape = _block_shape((size[0], size[1], size[2]), max(1, voxels // frames))
    sums = np.zeros([n + 1 for n in inside.shape], np.int64)
    sums[1:, 1:, 1:] = inside.cumsum(0, np.int64).cumsum(1).cumsum(2)
    for axis, n in enumerate(shape):
        # What lies in a block is a difference of cumulative sums along each axis.
        ends, starts = (np.take(sums, range(first, sums.shape[axis] - n + first), axis) for first in (n, 0))
        sums = ends - starts
    first = np.unravel_index(int(sums.argmax()), sums.shape)
    z, y, x = (slice(int(start), int(start) + n) for start, n in zip(first, shape, strict=True))
    return z, y, x


def crop(image: Image, region: Region) -> Image:
    """Cut an image and its noise map to a region; the geometry keeps its voxel size only."""
    where = (slice(None), *region)
    noise = image.noise
    if noise is not None:
        noise = replace(noise, sigma=noise.over(image.shape)[where])
    return image.replace(data=image.data[where], noise=noise)


def _block_shape(size: tuple[int, int, int], voxels: int) -> tuple[int, int, int]:
    """Largest block of at most so many voxels, with twice as many rows and columns as slices where they are there."""
    for side in range(max(size[1], size[2], int(_FLATNESS * size[0])), 0, -1):
        block = (min(size[0], max(1, int(side / _FLATNESS))), min(size[1], side), min(size[2], side))
        if block[0] * block[1] * block[2] <= voxels:
            return block
    return 1, 1, 1
