"""The noisy frames once more, filtered along time as a pilot says that patches vary.

A small patch of a sequence is a matrix V of frames and pixels; P is what a pilot found there. How the frames vary
together is C = P P^H / n, and nearest to the truth, among all mixtures of frames, is C (C + 2 I)^-1 V (Wiener; 2 is the
noise variance of a complex value, 1 for each channel). Nothing is mixed in the plane, so edges stay.
"""

import numpy as np
import torch
from torch import Tensor

from quietmr.denoise.channels import Picture

_SIDE, _STEP = 5, 2  # of the patches, in pixels
_NOISE = 2.0


def filter_frames(series: Picture, pilot: Picture) -> Picture:
    """Filter a complex sequence along its frames.

    Parameters
    ----------
    series : array, shape (F, Y, X), complex64
        In units of the noise SD per real channel.
    pilot : array, shape (F, Y, X), complex64
        The same with little noise.

    Returns
    -------
    array, shape (F, Y, X), complex64
    """
    frames, *size = series.shape
    noisy, guide = (torch.from_numpy(np.ascontiguousarray(array, np.complex64)) for array in (series, pilot))
    sides = [min(_SIDE, n) for n in size]
    rows, columns = ([*range(0, n - side, _STEP), n - side] for n, side in zip(size, sides, strict=True))
    total, weights = torch.zeros_like(noisy), torch.zeros(size)
    for y in rows:
        parts = [(slice(y, y + sides[0]), slice(x, x + sides[1])) for x in columns]
        stacks = (torch.stack([array[:, *part].flatten(1) for part in parts]) for array in (noisy, guide))
        for part, patch in zip(parts, wiener(*stacks), strict=True):
            total[:, *part] += patch.view(frames, *sides)
            weights[part] += 1.0
    return np.asarray((total / weights).numpy(), np.complex64)


def wiener(noisy: Tensor, guide: Tensor) -> Tensor:
    """Mix the frames of patches, shape (B, F, N), as their guides vary; the smaller of F and N is inverted."""
    _, frames, pixels = guide.shape
    level = _NOISE * torch.eye(min(frames, pixels), dtype=guide.dtype)
    if frames <= pixels:
        # C and (C + 2 I)^-1 commute.
        spread = guide @ guide.mH / pixels
        mixed: Tensor = torch.linalg.solve(spread + level, spread @ noisy)
    else:
        small = guide.mH @ guide / pixels
        mixed = guide @ torch.linalg.solve(small + level, guide.mH @ noisy) / pixels
    return mixed
