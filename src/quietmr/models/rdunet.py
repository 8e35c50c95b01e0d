"""RDUNet (Gurrola-Ramos, Dalmau, Alarcon 2021, IEEE Access, "A residual dense U-Net neural network")."""

import torch
from torch import Tensor, nn

from quietmr.models.channels import check_channels, check_counts
from quietmr.models.ladder import Ladder, upward
from quietmr.models.planar import convolution
from quietmr.models.slicewise import Slicewise


def _unit(layer: nn.Module, channels: int) -> nn.Sequential:
    """Put a PReLU, with a slope for each channel, behind a layer."""
    return nn.Sequential(layer, nn.PReLU(channels))


class _DenseBlock(nn.Module):
    """Three convolutions that each see all features before them, one back to the width, the input added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.growing = nn.ModuleList(_unit(convolution(channels + i * half, half), half) for i in range(3))
        self.last = _unit(convolution(channels + 3 * half, channels), channels)

    def forward(self, x: Tensor) -> Tensor:
        features = x
        for layer in self.growing:
            features = torch.cat([features, layer(features)], 1)
        result: Tensor = x + self.last(features)
        return result


class Rdunet(nn.Module):
    """A U-Net of dense residual blocks, added to the image.

    Parameters
    ----------
    in_channels, out_channels : int
    width : int
        Channels at full resolution, doubled at each of four scales; even.
    """

    def __init__(self, in_channels: int, out_channels: int, width: int = 128) -> None:
        super().__init__()
        self.out_channels = out_channels
        widths = [width * 2**scale for scale in range(4)]
        self.stem = nn.Sequential(
            _unit(convolution(in_channels, width), width), _unit(convolution(width, width), width)
        )
        self.body = Ladder(
            [_blocks(n) for n in widths[:-1]],
            [_unit(nn.Conv2d(n, 2 * n, 2, 2), 2 * n) for n in widths[:-1]],
            _blocks(widths[-1]),
            [_unit(nn.ConvTranspose2d(coarse, coarse, 2, 2), coarse) for coarse, _ in upward(widths)],
            [nn.Sequential(_unit(convolution(3 * fine, fine), fine), *_blocks(fine)) for _, fine in upward(widths)],
        )
        self.head = nn.Sequential(
            _unit(convolution(width, width), width), _unit(convolution(width, out_channels), out_channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, Y, X), Y and X multiples of 8, to (N, out_channels, Y, X)."""
        found: Tensor = self.head(self.body(self.stem(x)))
        return x[:, : self.out_channels] + found


def _blocks(channels: int) -> nn.Sequential:
    return nn.Sequential(_DenseBlock(channels), _DenseBlock(channels))


def build_rdunet(in_channels: int = 1, out_channels: int = 1, *, width: int = 128) -> Slicewise:
    """Build an RDUNet; see :class:`Rdunet` for the arguments.

    Raises
    ------
    ModelError
        If the channels cannot be meant.
    """
    check_channels("rdunet", in_channels, out_channels)
    check_counts("rdunet", 2, width=width)
    return Slicewise(Rdunet(in_channels, out_channels, width), in_channels, out_channels, step=8)
