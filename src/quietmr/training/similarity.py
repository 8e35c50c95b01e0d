"""Structural similarity as a loss."""

import torch
from torch import Tensor
from torch.nn import functional

from quietmr.training.edge_losses import along
from quietmr.training.pixel_losses import brightness, peak

_TAPS, _WIDTH, _K1, _K2 = 11, 1.5, 0.01, 0.03


def ssim(output: Tensor, target: Tensor) -> Tensor:
    """1 - SSIM of the magnitude (Wang et al. 2004), frame by frame.

    Gaussian window of SD 1.5 and 11 taps (fewer on a shorter axis), K1 0.01, K2 0.03, where the window fits. The data
    range of a sample is the largest magnitude of its target, at least 1: one noise SD where images come in noise units.

    Parameters
    ----------
    output, target : Tensor, shape (B, C, F, Y, X)

    Returns
    -------
    Tensor, scalar
        0 for equal magnitudes, at most 2.
    """
    return 1 - similarity(output, target, (1, 2)).mean()


def ssim3d(output: Tensor, target: Tensor) -> Tensor:
    """1 - SSIM with a window over frames too; everything else as for :func:`ssim`."""
    return 1 - similarity(output, target, (0, 1, 2)).mean()


def similarity(output: Tensor, target: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Map of the structural similarity where the window fits.

    Parameters
    ----------
    output, target : Tensor, shape (B, C, F, Y, X)
    axes : tuple of int
        Axes of the window: 0 (F), 1 (Y), 2 (X).

    Returns
    -------
    Tensor, shape (B, 1, F', Y', X')
    """
    x, y = brightness(output)[:, None], brightness(target)[:, None]
    span = peak(target)
    c1, c2 = (_K1 * span).square(), (_K2 * span).square()
    moments = torch.cat([x, y, x * x, y * y, x * y])
    for axis in axes:
        moments = _window_mean(moments, axis)
    mean_x, mean_y, square_x, square_y, product = moments.chunk(5)
    means, covariance = mean_x * mean_y, product - mean_x * mean_y
    powers, variances = mean_x.square() + mean_y.square(), square_x + square_y
    return (2 * means + c1) * (2 * covariance + c2) / ((powers + c1) * (variances - powers + c2))


def _window_mean(image: Tensor, axis: int) -> Tensor:
    size = image.shape[2 + axis]
    taps = min(_TAPS, size - 1 + size % 2)
    place = torch.arange(taps, dtype=image.dtype, device=image.device) - taps // 2
    window = torch.exp(-0.5 * (place / _WIDTH).square())
    return functional.conv3d(image, along(window / window.sum(), axis))
