"""Losses that compare image and truth voxel by voxel: magnitudes (1 channel) or complex images (2 channels)."""

import torch
from torch import Tensor

from quietmr.data import InputError

# In the units of the images. Below it the phase of an estimate counts less and less: its gradient would grow without
# bound towards magnitude 0. A tenth of the noise SD where images come in noise units.
_PHASE_FLOOR = 0.1


def modulus(image: Tensor) -> Tensor:
    """Length of the vector of channels: (B, C, F, Y, X) to (B, F, Y, X); its gradient at 0 is 0."""
    length: Tensor = torch.linalg.vector_norm(image, dim=1)
    return length


def brightness(image: Tensor) -> Tensor:
    """Magnitude that a reader looks at: (B, C, F, Y, X) to (B, F, Y, X); a single channel keeps its sign."""
    return image[:, 0] if image.shape[1] == 1 else modulus(image)


def mse(output: Tensor, target: Tensor) -> Tensor:
    """Mean over voxels of the squared distance in the complex plane.

    Parameters
    ----------
    output, target : Tensor, shape (B, C, F, Y, X)
        C is 1 (magnitude) or 2 (real, imaginary).

    Returns
    -------
    Tensor, scalar
    """
    return (output - target).square().sum(1).mean()


def l1(output: Tensor, target: Tensor) -> Tensor:
    """Mean over voxels of the distance in the complex plane; shapes as for :func:`mse`."""
    return modulus(output - target).mean()


def peak(target: Tensor) -> Tensor:
    """Largest magnitude of each sample, at least 1 (one noise SD where images come in noise units): (B, 1, 1, 1, 1)."""
    return brightness(target).detach().abs().amax((1, 2, 3)).clamp_min(1).reshape(-1, 1, 1, 1, 1)


def peak_mse(output: Tensor, target: Tensor) -> Tensor:
    """As :func:`mse`, each sample divided by the largest magnitude of its target: what papers on 0 to 1 minimize."""
    return mse(output / peak(target), target / peak(target))


def peak_l1(output: Tensor, target: Tensor) -> Tensor:
    """As :func:`l1`, each sample divided by the largest magnitude of its target."""
    return l1(output / peak(target), target / peak(target))


def charbonnier(output: Tensor, target: Tensor, width: float = 1e-3) -> Tensor:
    """Mean over voxels of ``sqrt(distance^2 + width^2) - width``: quadratic below ``width``, linear above.

    Charbonnier et al. 1994; the default width is that of SNRAware. Shapes as for :func:`mse`.
    """
    return (((output - target).square().sum(1) + width**2).sqrt() - width).mean()


def phase_distance(output: Tensor, target: Tensor) -> Tensor:
    """Mean distance of the target from the line through 0 and the output, mirrored beyond a right angle.

    The first term of the perpendicular loss (Terpstra et al. 2022, Medical Image Analysis, "⊥-loss"). It says
    nothing about the magnitude of the output: zero for every positive multiple of the target, twice the mean magnitude
    of the target for the opposite phase. SNRAware uses it alone.

    Parameters
    ----------
    output, target : Tensor, shape (B, 2, F, Y, X)

    Raises
    ------
    InputError
        If the images are not complex.
    """
    if output.shape[1] != 2:
        raise InputError(
            f"The perpendicular loss compares phases and the network gives {output.shape[1]} channel: train a complex "
            "network (out_channels: 2), or take another loss."
        )
    real, imaginary = output.unbind(1)
    true_real, true_imaginary = target.unbind(1)
    length = (output.square().sum(1) + _PHASE_FLOOR**2).sqrt()
    across = (real * true_imaginary - imaginary * true_real).abs() / length
    along = real * true_real + imaginary * true_imaginary
    return torch.where(along >= 0, across, 2 * modulus(target) - across).mean()


def perpendicular(output: Tensor, target: Tensor) -> Tensor:
    """Perpendicular loss: :func:`phase_distance` plus the mean absolute error of the magnitude (Terpstra et al. 2022).

    Raises
    ------
    InputError
        If the images are not complex.
    """
    return phase_distance(output, target) + (modulus(output) - modulus(target)).abs().mean()
