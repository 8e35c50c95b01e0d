"""The perceptual loss (Johnson et al. 2016)."""

import torch
from torch import Tensor

from quietmr.data import InputError
from quietmr.training.pixel_losses import brightness, peak
from quietmr.training.vgg import Vgg16Features

_BLOCKS = 4


def perceptual(output: Tensor, target: Tensor, features: Vgg16Features) -> Tensor:
    """Mean absolute difference of VGG16 features of the magnitude, frame by frame, over four blocks (SNRAware).

    Each sample is divided by the largest magnitude of its target, at least 1 (one noise SD where images come in noise
    units), because the weights were trained on values from 0 to 1. (The reference feeds SNR units, hundreds, as they
    are, without the mean and SD of ImageNet.)

    Parameters
    ----------
    output, target : Tensor, shape (B, C, F, Y, X)
    features : Vgg16Features
        Moved to the device of the images.

    Raises
    ------
    InputError
        If a frame is smaller than 8 x 8.
    """
    return torch.stack(_differences(output, target, features, _BLOCKS)).mean()


def vgg_relu2_2(output: Tensor, target: Tensor, features: Vgg16Features) -> Tensor:
    """Mean absolute difference of what the second block of VGG16 gives (``relu2_2``), frame by frame.

    Units, parameters and errors are those of :func:`perceptual`, but for the smallest frame, 2 x 2.
    """
    return _differences(output, target, features, 2)[-1]


def _differences(output: Tensor, target: Tensor, features: Vgg16Features, blocks: int) -> list[Tensor]:
    """Mean absolute difference after each of the first blocks."""
    smallest = 2 ** (blocks - 1)
    if min(output.shape[-2:]) < smallest:
        raise InputError(
            f"A loss of {blocks} blocks of VGG16 halves frames {blocks - 1} times, and {output.shape[-2]} x "
            f"{output.shape[-1]} is too small: train patches of at least {smallest} x {smallest}."
        )
    span = peak(target)[:, 0]
    features = features.to(output.device)
    found = features(_frames(brightness(output) / span), blocks)
    wanted = features(_frames(brightness(target) / span), blocks)
    return [(a - b).abs().mean() for a, b in zip(found, wanted, strict=True)]


def _frames(image: Tensor) -> Tensor:
    """(B, F, Y, X) to (B F, 1, Y, X)."""
    return image.flatten(0, 1)[:, None]
