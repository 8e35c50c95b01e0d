"""The shape of a U-Net (Ronneberger et al. 2015); what its levels are made of is handed in."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


def downward(in_channels: int, widths: Sequence[int]) -> list[tuple[int, int]]:
    """Channels before and after each level above the bottom, fine levels first; the bottom has the last width."""
    return list(pairwise([in_channels, *widths[:-1]]))


def upward(widths: Sequence[int]) -> list[tuple[int, int]]:
    """Channels of each level and of the next finer one, coarse levels first."""
    return list(pairwise(reversed(widths)))


class Ladder(nn.Module):
    """Down, level by level, and up again, with the features of each level handed across.

    Parameters
    ----------
    encoders, downs : sequence of nn.Module
        What features of a level pass, fine levels first, and how they get to the next level.
    bottom : nn.Module
        At the coarsest level.
    ups, decoders : sequence of nn.Module
        How features get to the next finer level, coarse levels first, and what they then pass, side by side with those
        handed across (up first).
    """

    def __init__(
        self,
        encoders: Sequence[nn.Module],
        downs: Sequence[nn.Module],
        bottom: nn.Module,
        ups: Sequence[nn.Module],
        decoders: Sequence[nn.Module],
    ) -> None:
        super().__init__()
        self.encoders, self.downs = nn.ModuleList(encoders), nn.ModuleList(downs)
        self.bottom = bottom
        self.ups, self.decoders = nn.ModuleList(ups), nn.ModuleList(decoders)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, Y, X), Y and X multiples of 2 to the number of levels, to the same size."""
        skips = []
        for encode, down in zip(self.encoders, self.downs, strict=True):
            skips.append(encode(x))
            x = down(skips[-1])
        x = self.bottom(x)
        for up, decode in zip(self.ups, self.decoders, strict=True):
            x = decode(torch.cat([up(x), skips.pop()], 1))
        return x
