"""U-Net backbone (Ronneberger et al. 2015) as a loop over levels of resolution."""

import torch
from torch import Tensor, nn

from quietmr.models.snraware.convolution import Down, Up
from quietmr.models.snraware.hrnet import BlockFactory


class UNet(nn.Module):
    """Go down level by level, through a bridge, and up again beside what was kept of each level.

    Parameters
    ----------
    width, levels : int
        Level k has ``width * 2**k`` channels; the bridge has as many as the lowest level at half its resolution.
    block : callable
        Makes a block from channels in, channels out and level.
    """

    def __init__(self, width: int, levels: int, block: BlockFactory) -> None:
        super().__init__()
        self.out_channels = width
        self.multiple = 2**levels
        kept = [width << level for level in range(levels)]
        upper = [kept[max(level - 1, 0)] for level in range(levels)]
        self.encoder = nn.ModuleList(block(upper[level], kept[level], level) for level in range(levels))
        self.down = nn.ModuleList(Down(channels, channels) for channels in kept)
        self.bridge = block(kept[-1], kept[-1], levels)
        self.up = nn.ModuleList(Up(channels, channels) for channels in kept)
        self.decoder = nn.ModuleList(block(2 * kept[level], upper[level], level) for level in range(levels))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, width, F, Y, X) to the same shape; Y and X are multiples of ``multiple``."""
        skips = []
        for block, down in zip(self.encoder, self.down, strict=True):
            skips.append(block(x))
            x = down(skips[-1])
        x = self.bridge(x)
        for block, up, skip in zip(reversed(self.decoder), reversed(self.up), reversed(skips), strict=True):
            x = block(torch.cat([up(x), skip], 1))
        return x
