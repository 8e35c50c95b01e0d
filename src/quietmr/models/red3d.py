"""The generator of RED-WGAN (Ran et al. 2019, Medical Image Analysis): a 3-D encoder and decoder at full resolution."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from quietmr.models.channels import MAGNITUDE, check_channels, check_counts, seen
from quietmr.models.volume_convolution import VolumeConvolution


class Red3d(nn.Module):
    """3 x 3 x 3 convolutions to more and back to fewer channels, with additive skips, the image included.

    The last step cuts off what is negative.

    Parameters
    ----------
    in_channels, out_channels : int
        Blind as published; with one more channel in, it is told the noise map.
    widths : sequence of int
        Channels of the encoder.

    Raises
    ------
    ModelError
        If it is asked for complex images.
    """

    def __init__(self, in_channels: int = 1, out_channels: int = 1, widths: Sequence[int] = (32, 64, 128, 256)) -> None:
        super().__init__()
        why = "its output is never negative"
        check_channels("red3d", in_channels, out_channels, images=(MAGNITUDE,), why=why)
        check_counts("red3d", levels=len(widths), width=min(widths, default=0))
        self.in_channels, self.out_channels = in_channels, out_channels
        steps = list(zip([in_channels, *widths[:-1]], widths, strict=True))
        self.encoders = nn.ModuleList(
            nn.Sequential(_convolution(before, after), *_activation(after)) for before, after in steps
        )
        self.decoders = nn.ModuleList(_convolution(after, before) for before, after in reversed(steps[1:]))
        self.activations = nn.ModuleList(_activation(before) for before, _ in reversed(steps[1:]))
        self.head = _convolution(widths[0], out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Denoise (B, in_channels, F, Y, X): (B, out_channels, F, Y, X), any size.

        Raises
        ------
        ModelError
            If the channels are not those of the network.
        """
        features = x = seen(x, self.in_channels, self.out_channels)
        skips = []
        for encode in self.encoders:
            features = encode(features)
            skips.append(features)
        skips.pop()
        for decode, activate in zip(self.decoders, self.activations, strict=True):
            features = activate(decode(features) + skips.pop())
        return torch.relu(x[:, : self.out_channels] + self.head(features))


def _convolution(in_channels: int, out_channels: int) -> nn.Conv3d:
    return VolumeConvolution(in_channels, out_channels, 3, padding=1)


def _activation(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm3d(channels), nn.LeakyReLU(0.01))
