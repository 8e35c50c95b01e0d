"""DnCNN (Zhang et al. 2017, IEEE TIP, "Beyond a Gaussian denoiser")."""

from torch import nn

from quietmr.models.channels import check_channels, check_counts
from quietmr.models.planar import SubtractNoise, convolution
from quietmr.models.slicewise import Slicewise


def plain_stack(in_channels: int, out_channels: int, width: int, layers: int, *, norm: bool) -> nn.Sequential:
    """3 x 3 convolutions with ReLU between them and, but for the first and the last, batch normalization.

    Weights are drawn after He et al. 2015, as published: what torch draws would fade in a deep stack without norms.
    """
    parts: list[nn.Module] = [convolution(in_channels, width), nn.ReLU()]
    for _ in range(layers - 2):
        parts += [convolution(width, width), *([nn.BatchNorm2d(width)] if norm else []), nn.ReLU()]
    stack = nn.Sequential(*parts, convolution(width, out_channels))
    for layer in stack:
        if isinstance(layer, nn.Conv2d) and not layer.weight.is_meta:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return stack


def build_dncnn(
    in_channels: int = 1, out_channels: int = 1, *, width: int = 64, layers: int = 17, norm: bool = True
) -> Slicewise:
    """Build a DnCNN; its output is the image minus the noise that it predicts.

    Parameters
    ----------
    in_channels, out_channels : int
        The published network is blind (equal numbers); with one more channel in, it is told the noise map.
    width : int
        Channels inside.
    layers : int
        17 for one noise level, 20 for many, in the paper.
    norm : bool
        Batch normalization.

    Raises
    ------
    ModelError
        If the channels cannot be meant, or there are fewer than 2 layers.
    """
    check_channels("dncnn", in_channels, out_channels)
    check_counts("dncnn", width=width)
    check_counts("dncnn", 2, layers=layers)
    stack = plain_stack(in_channels, out_channels, width, layers, norm=norm)
    return Slicewise(SubtractNoise(stack, out_channels), in_channels, out_channels)
