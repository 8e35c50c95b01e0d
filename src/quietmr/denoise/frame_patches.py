"""Overlapping patches of a sequence, each a matrix of frames and pixels, and their weighted mean."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from quietmr.denoise.channels import Picture

# From patches (B, F, N), one stack for each sequence, to the same patches filtered and the weight (B,) of each.
PatchFilter = Callable[..., tuple[Tensor, Tensor]]


def filter_patches(sequences: list[Picture], side: int, step: int, work: PatchFilter) -> Picture:
    """Filter patches of the same place in some sequences, one row of patches at a time.

    Parameters
    ----------
    sequences : list of array, shape (F, Y, X), complex64
    side, step : int
        Pixels of a patch and between two patches, along Y and X; smaller sequences have smaller patches.
    work : callable

    Returns
    -------
    array, shape (F, Y, X), complex64
        Weighted mean of all patches that cover a pixel.
    """
    tensors = [torch.from_numpy(np.ascontiguousarray(sequence, np.complex64)) for sequence in sequences]
    frames, *size = sequences[0].shape
    sides = [min(side, n) for n in size]
    rows, columns = ([*range(0, n - wide, step), n - wide] for n, wide in zip(size, sides, strict=True))
    total, weights = torch.zeros_like(tensors[0]), torch.zeros(size)
    for y in rows:
        parts = [(slice(y, y + sides[0]), slice(x, x + sides[1])) for x in columns]
        stacks = (torch.stack([tensor[:, *part].flatten(1) for part in parts]) for tensor in tensors)
        for part, patch, weight in zip(parts, *work(*stacks), strict=True):
            total[:, *part] += weight * patch.view(frames, *sides)
            weights[part] += weight
    return np.asarray((total / weights).numpy(), np.complex64)
