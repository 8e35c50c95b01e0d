"""DRUNet (Zhang et al. 2021, IEEE TPAMI, "Plug-and-play image restoration with deep denoiser prior")."""

from itertools import pairwise

from torch import Tensor, nn

from quietmr.models.channels import check_channels, check_counts
from quietmr.models.planar import convolution, residual_pair
from quietmr.models.slicewise import Slicewise


class Drunet(nn.Module):
    """A U-Net of residual blocks without bias: scaling image and noise map by c scales the output by c.

    Parameters
    ----------
    in_channels, out_channels : int
        The published network is told the noise map, the last channel.
    width : int
        Channels at full resolution, doubled at each of four scales.
    blocks : int
        Residual blocks of each scale on each way.
    """

    def __init__(self, in_channels: int, out_channels: int, width: int = 64, blocks: int = 4) -> None:
        super().__init__()
        widths = [width * 2**scale for scale in range(4)]
        pairs = list(pairwise(widths))
        self.stem = convolution(in_channels, width, bias=False)
        self.downs = nn.ModuleList(
            nn.Sequential(*_blocks(fine, blocks), nn.Conv2d(fine, coarse, 2, 2, bias=False)) for fine, coarse in pairs
        )
        self.body = nn.Sequential(*_blocks(widths[-1], blocks))
        self.ups = nn.ModuleList(
            nn.Sequential(nn.ConvTranspose2d(coarse, fine, 2, 2, bias=False), *_blocks(fine, blocks))
            for fine, coarse in reversed(pairs)
        )
        self.head = convolution(width, out_channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, Y, X), Y and X multiples of 8, to (N, out_channels, Y, X)."""
        skips = [self.stem(x)]
        for down in self.downs:
            skips.append(down(skips[-1]))
        features = self.body(skips[-1])
        for up in self.ups:
            features = up(features + skips.pop())
        result: Tensor = self.head(features + skips.pop())
        return result


def _blocks(channels: int, count: int) -> list[nn.Module]:
    return [residual_pair(channels, bias=False) for _ in range(count)]


def build_drunet(in_channels: int = 2, out_channels: int = 1, *, width: int = 64, blocks: int = 4) -> Slicewise:
    """Build a DRUNet; see :class:`Drunet` for the arguments.

    Raises
    ------
    ModelError
        If the channels cannot be meant.
    """
    check_channels("drunet", in_channels, out_channels)
    check_counts("drunet", width=width, blocks=blocks)
    return Slicewise(Drunet(in_channels, out_channels, width, blocks), in_channels, out_channels, step=8)
