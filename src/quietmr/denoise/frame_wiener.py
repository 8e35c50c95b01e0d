"""The noisy frames once more, filtered along time as a pilot says that patches vary.

A small patch of a sequence is a matrix V of frames and pixels; P is what a pilot found there. How the frames vary
together is C = P P^H / n, and nearest to the truth, among all mixtures of frames, is C (C + 2 I)^-1 V (Wiener; 2 is the
noise variance of a complex value, 1 for each channel). Nothing is mixed in the plane, so edges stay.
"""

import torch
from torch import Tensor

from quietmr.denoise.channels import Picture
from quietmr.denoise.frame_patches import filter_patches

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
    return filter_patches(
        [series, pilot], _SIDE, _STEP, lambda noisy, guide: (wiener(noisy, guide), torch.ones(len(noisy)))
    )


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
