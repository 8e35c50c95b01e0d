"""From the object on the fine grid to the samples of the encoded k-space."""

import numpy as np
from numpy.typing import NDArray

from quietmr.phantoms.raw.grid import Grid
from quietmr.signal.fourier import to_image, to_kspace


def encode(scene: NDArray[np.complex64], grid: Grid, oversampling: int) -> NDArray[np.complex64]:
    """Sample the k-space of one coil.

    Parameters
    ----------
    scene : array, shape (Z, Y, X) of the fine grid
        Object times sensitivity.
    grid : Grid
    oversampling : int
        Of the readout: the field of view along x is so many times that of the grid.

    Returns
    -------
    array, shape (Z, Y, oversampling * X) of the encoded grid, complex64
        Orthonormal k-space (along z for 3-D only): its transform has the brightness of ``scene``.
    """
    kspace = _cut(scene, 1)
    if grid.is_3d:
        kspace = _cut(kspace, 0)
    fine = kspace.shape[2]
    # Outside the field of view of the grid there is nothing: wider, not finer.
    wide = np.zeros((*kspace.shape[:2], fine * oversampling), np.complex64)
    start = wide.shape[2] // 2 - fine // 2
    wide[..., start : start + fine] = kspace
    return _cut(wide, 2)


def image_of(kspace: NDArray[np.complex64], grid: Grid) -> NDArray[np.complex64]:
    """Image of a k-space that `encode` made, without the oversampled margins: (Z, Y, X) of the encoded grid."""
    axes = (0, 1, 2) if grid.is_3d else (1, 2)
    wide = to_image(kspace, axes)
    count = grid.x.size // 2
    start = wide.shape[2] // 2 - count // 2
    return np.asarray(wide[..., start : start + count], dtype=np.complex64)


def _cut(data: NDArray[np.complex64], axis: int) -> NDArray[np.complex64]:
    """Transform along an axis and keep the central half of k-space, at constant brightness."""
    count = data.shape[axis] // 2
    kspace = np.moveaxis(to_kspace(data, (axis,)), axis, 0)
    start = count - count // 2
    # Orthonormal transforms of half the length make the brightness larger by the root of 2.
    return np.asarray(np.moveaxis(kspace[start : start + count], 0, axis) * np.float32(np.sqrt(0.5)))
