"""Losses that compare edges."""

import torch
from torch import Tensor
from torch.nn import functional

from quietmr.training.pixel_losses import brightness, modulus

# (taps, SD in voxels) along F, Y and X of the three scales of the reference.
_SCALES = (
    ((3, 0.25), (3, 0.25), (3, 0.25)),
    ((5, 0.5), (5, 0.5), (5, 0.5)),
    ((5, 0.5), (7, 1.0), (7, 1.0)),
)


def gradient(output: Tensor, target: Tensor) -> Tensor:
    """Mean length of the error of the first differences along x, y and the frames.

    A difference of a complex image is complex: an edge of the phase counts as one of the magnitude does. Axes with a
    single sample have no edges and do not count.

    Parameters
    ----------
    output, target : Tensor, shape (B, C, F, Y, X)

    Returns
    -------
    Tensor, scalar
    """
    error = output - target
    slopes = [modulus(error.diff(dim=axis)).mean() for axis in (2, 3, 4) if error.shape[axis] > 1]
    return torch.stack(slopes).mean() if slopes else 0 * error.sum()


def mixed_derivative(output: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error of the mixed third derivative d3 / dx dy dt of the magnitude, at three scales.

    What the reference code of SNRAware calls its gradient loss: the product of derivatives of Gaussians along all three
    axes, each with unit sum of absolute values. It is blind to every edge that lies along an axis, and to single
    frames; for edges take :func:`gradient`. Borders are repeated.

    Parameters
    ----------
    output, target : Tensor, shape (B, C, F, Y, X)
    """
    error = (brightness(output) - brightness(target))[:, None]
    scales = []
    for scale in _SCALES:
        response = error
        for axis, (taps, width) in enumerate(scale):
            response = _derivative(response, axis, taps, width)
        scales.append(response.abs().mean())
    return torch.stack(scales).mean()


def _derivative(image: Tensor, axis: int, taps: int, width: float) -> Tensor:
    """Filter by the derivative of a Gaussian along one of the three last axes of (B, 1, F, Y, X)."""
    place = torch.arange(taps, dtype=image.dtype, device=image.device) - taps // 2
    kernel = place * torch.exp(-0.5 * (place / width).square())
    kernel = kernel / kernel.abs().sum()
    margin = [taps // 2 if i // 2 == 2 - axis else 0 for i in range(6)]
    return functional.conv3d(functional.pad(image, margin, mode="replicate"), along(kernel, axis))


def along(kernel: Tensor, axis: int) -> Tensor:
    """Turn taps into a kernel (1, 1, F, Y, X) that acts along one of the three last axes."""
    return kernel.reshape([1, 1, *(-1 if a == axis else 1 for a in range(3))])
