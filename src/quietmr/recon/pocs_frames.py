"""Partial Fourier filled by projection onto convex sets, on finished frames."""

import warnings

import numpy as np
import torch
from numpy.typing import NDArray

from quietmr.data import InputError, QuietmrWarning
from quietmr.recon.grid import Grid
from quietmr.recon.partial_fourier import pocs
from quietmr.recon.windows import Cuts


def fill_partial_fourier(pictures: NDArray[np.complex64], grid: Grid, cuts: Cuts) -> NDArray[np.complex64]:
    """Fill the missing side of k-space of each frame.

    Parameters
    ----------
    pictures : array, shape (T, Z, Y, X), complex64
        Zero-filled without taper.
    grid : Grid
    cuts : three spans or None
        What was measured along kz, ky, kx where k-space was cut off (`windows.cut_spans`).

    Returns
    -------
    array, shape (T, Z, Y, X), complex64
        Sharper; its noise is not that of the g-map any more, which a warning says. The input if nothing was missing.

    Raises
    ------
    InputError
        If lines or partitions cover more than the image (phase oversampling) and were cut short.
    """
    sampled: list[NDArray[np.bool_] | None] = []
    for axis, (n, span) in enumerate(zip(grid.kspace, cuts, strict=True)):
        if span is None:
            sampled.append(None)
            continue
        if axis < 2 and grid.kept[axis] != grid.full[axis]:
            raise InputError(
                "POCS was asked for a scan with phase oversampling and partial Fourier in the same direction: use "
                "--partial-fourier zero-fill."
            )
        # the readout has lost its oversampling, so its samples lie further apart
        step = n / grid.native_readout if axis == 2 else 1
        k = (np.arange(grid.kept[axis]) - grid.kept[axis] // 2) * step + n // 2
        sampled.append((k >= span[0]) & (k <= span[1]))
    z, y, x = sampled
    if z is None and y is None and x is None:
        return pictures
    warnings.warn(
        "POCS has filled the missing part of k-space: the noise is correlated and no longer that of the g-factor map, "
        "so the image is not in SNR units.",
        QuietmrWarning,
        stacklevel=3,
    )
    return np.asarray(pocs(torch.from_numpy(pictures), (z, y, x)).numpy())
