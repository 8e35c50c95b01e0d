"""The perceptual loss (Johnson et al. 2016)."""

import torch
from torch import Tensor

from quietmr.data import InputError
from quietmr.training.pixel_losses import brightness, peak
from quietmr.training.vgg import Vgg16Features

_SMALLEST = 8


def perceptual(output: Tensor, target: Tensor, features: Vgg16Features) -> Tensor:
    """Mean absolute difference of VGG16 features of the magnitude, frame by frame, over four blocks.

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
    if min(output.shape[-2:]) < _SMALLEST:
        raise InputError(
            f"The perceptual loss halves frames three times, and {output.shape[-2]} x {output.shape[-1]} is too small: "
            "train patches of at least 8 x 8."
        )
    span = peak(target)[:, 0]
    features = features.to(output.device)
    found = features(_frames(brightness(output) / span))
    wanted = features(_frames(brightness(target) / span))
    return torch.stack([(a - b).abs().mean() for a, b in zip(found, wanted, strict=True)]).mean()


def _frames(image: Tensor) -> Tensor:
    """(B, F, Y, X) to (B F, 1, Y, X)."""
    return image.flatten(0, 1)[:, None]
