"""Resolution as scanners make it: the part of k-space that is kept."""

from typing import TypeVar

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Value = TypeVar("Value", np.float32, np.complex64)


def crop_kspace(image: NDArray[Value], shape: tuple[int, int, int]) -> NDArray[Value]:
    """Downsample the last three axes by keeping the center of k-space.

    Parameters
    ----------
    image : array, shape (..., F, Y, X)
        Magnitude, or complex.
    shape : (F', Y', X')
        Size of the result, at most that of the image. White noise loses the root of the factor by which voxels grow,
        and what a scanner had interpolated beyond the kept part is gone.

    Returns
    -------
    array, shape (..., F', Y', X'), same type
        Magnitude of a magnitude; a uniform image keeps its value. The cut is sharp, as that of a scanner: it rings at
        edges.
    """
    cuts = [(axis, m) for axis, m in zip((-3, -2, -1), shape, strict=True) if image.shape[axis] != m]
    if not cuts:
        return image
    axes = [axis for axis, _ in cuts]
    kept = scipy.fft.fftshift(scipy.fft.fftn(image, axes=axes), axes=axes)
    for axis, m in cuts:
        # Frequency 0 stands at n // 2 before and has to stand at m // 2 after.
        start = image.shape[axis] // 2 - m // 2
        kept = kept.take(range(start, start + m), axis)
    smaller = scipy.fft.ifftn(scipy.fft.ifftshift(kept, axes=axes), axes=axes)
    scale = np.prod(shape) / np.prod(image.shape[-3:])
    cut = smaller if np.iscomplexobj(image) else np.abs(smaller)
    return np.asarray(cut * scale, dtype=image.dtype)


def keep_kspace(image: NDArray[np.float32], parts: tuple[float, float, float]) -> NDArray[np.float32]:
    """Downsample by keeping a part of k-space along F, Y, X (1 = all); see :func:`crop_kspace`."""
    f, y, x = (max(1, round(n * part)) for n, part in zip(image.shape[-3:], parts, strict=True))
    return crop_kspace(image, (f, y, x))
