"""What changes from frame to frame, at several speeds, and how much of it a network calls noise."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def temporal_residuals(image: Tensor, windows: Sequence[int]) -> Tensor:
    """Subtract moving averages over the frames.

    Where nothing moves this is noise and nothing else, however bright the tissue is: a network sees it without the
    rounding of large numbers, which in reduced arithmetic would hide the noise on bright tissue.

    Parameters
    ----------
    image : Tensor, shape (B, C, F, Y, X)
    windows : sequence of int
        Odd numbers of frames; at the ends a window holds the frames that are there.

    Returns
    -------
    Tensor, shape (B, K, C, F, Y, X), float32
        One for each window.
    """
    image = image.float()
    there = torch.ones_like(image[:1, :1, :, :1, :1])
    return torch.stack([image - _window_sum(image, n) / _window_sum(there, n) for n in windows], dim=1)


def _window_sum(image: Tensor, n: int) -> Tensor:
    """Sum over n frames around each, as far as they are there."""
    padded = functional.pad(image, (0, 0, 0, 0, n // 2, n // 2))
    return n * functional.avg_pool3d(padded, (n, 1, 1), stride=1)


def gated(residuals: Tensor, gates: Tensor, sigma: Tensor) -> Tensor:
    """Sum residuals, each times a gate between -1 and 1 that real and imaginary part share.

    The gate of an output h of the network is ``h / (|h| + sigma)``, which does not change when image and noise map are
    scaled, as the network is homogeneous.

    Parameters
    ----------
    residuals : Tensor, shape (B, K, C, F, Y, X)
    gates : Tensor, shape (B, K, F, Y, X)
        Output of the network, in the units of the image.
    sigma : Tensor, shape (B, 1, F, Y, X)
        Noise map.

    Returns
    -------
    Tensor, shape (B, C, F, Y, X)
    """
    # Where the noise map is 0, so may the output be.
    room = (gates.abs() + sigma).clamp_min(torch.finfo(torch.float32).tiny)
    return torch.einsum("bkfyx,bkcfyx->bcfyx", gates / room, residuals)
