"""Inference as the reference code of SNRAware does it: overlapping patches, one call each, linear blending.

The image is padded by the overlap on the left, and on the right up to whole strides (symmetrically); patches follow
each other by patch less overlap; their results are weighted with ramps as long as the overlap and divided by the summed
weights (research/snraware.md, 3.4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Axis = tuple[int, int, int]

PATCH: Axis = (16, 64, 64)
OVERLAP: Axis = (8, 16, 16)


def corners(shape: Axis) -> list[Axis]:
    """First voxels (F, Y, X) of all patches, in the padded image."""
    strides = [patch - overlap for patch, overlap in zip(PATCH, OVERLAP, strict=True)]
    starts = [range(0, -(-n // stride) * stride, stride) for n, stride in zip(shape, strides, strict=True)]
    return [(f, y, x) for f, y, x in product(*starts)]


def padded(image: Array) -> Array:
    """Mirror an image (C, F, Y, X) to the size that the patches cover."""
    widths = [(0, 0)]
    for n, patch, overlap in zip(image.shape[1:], PATCH, OVERLAP, strict=True):
        stride = patch - overlap
        widths.append((overlap, -(-n // stride) * stride - n))
    return np.pad(image, widths, mode="symmetric")


def patches(image: Array) -> Iterator[Array]:
    """Cut the patches (C, F, Y, X) of an image."""
    whole = padded(image)
    for corner in corners(image.shape[1:]):
        yield np.ascontiguousarray(whole[(slice(None), *_window(corner))])


def denoise_by_patches(run: Callable[[Array], Array], image: Array) -> Array:
    """Denoise an image (C, F, Y, X) patch by patch."""
    weight = _ramps()
    total, result = np.zeros(padded(image[:1]).shape, np.float32), None
    for corner, patch in zip(corners(image.shape[1:]), patches(image), strict=True):
        made = run(patch)
        if result is None:
            result = np.zeros((len(made), *total.shape[1:]), np.float32)
        where = (slice(None), *_window(corner))
        result[where] += weight * made
        total[where] += weight
    assert result is not None, "there is a patch"
    kept = tuple(slice(overlap, overlap + n) for n, overlap in zip(image.shape[1:], OVERLAP, strict=True))
    return (result / total)[(slice(None), *kept)]


def _window(corner: Axis) -> tuple[slice, slice, slice]:
    f, y, x = (slice(start, start + patch) for start, patch in zip(corner, PATCH, strict=True))
    return f, y, x


def _ramps() -> Array:
    """Weight of the voxels of a patch: linear over the overlap at each end, never 0."""
    axes = []
    for patch, overlap in zip(PATCH, OVERLAP, strict=True):
        ramp = np.minimum(1.0, (np.arange(patch) + 1) / (overlap + 1))
        axes.append(np.minimum(ramp, ramp[::-1]))
    f, y, x = axes
    return (f[:, None, None] * y[:, None] * x).astype(np.float32)
