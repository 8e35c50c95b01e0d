"""Voxels without a number."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from quietmr.data import InputError


def fill_nonfinite(data: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Replace NaN and Inf by the nearest number in the same volume, so that filters are not poisoned.

    Parameters
    ----------
    data : array, shape (T, Z, Y, X)

    Returns
    -------
    filled : array, shape (T, Z, Y, X)
        The input itself if all of it is finite.
    bad : array of bool, shape (T, Z, Y, X)
        Where it was filled.

    Raises
    ------
    InputError
        If a frame holds no number at all.
    """
    bad = ~np.isfinite(data)
    if not bad.any():
        return data, bad
    filled = data.copy()
    for t in np.flatnonzero(bad.any(axis=(1, 2, 3))):
        if bad[t].all():
            raise InputError(f"Frame {t} of the image holds no finite number (all NaN or infinite): leave it out.")
        nearest = distance_transform_edt(bad[t], return_distances=False, return_indices=True)
        filled[t] = data[t][tuple(nearest)]
    return filled, bad
