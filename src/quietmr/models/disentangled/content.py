"""What an image shows, without its noise."""

import torch
from torch import Tensor, nn

from quietmr.models.planar import Norm, residual_pair
from quietmr.models.translation import contracting


def shared_block(width: int, norm: Norm) -> nn.Module:
    """Build a residual block that both domains share: the last one of the encoders, the first one of the generators."""
    return residual_pair(4 * width, norm=norm, padding_mode="reflect")


class ContentEncoder(nn.Module):
    """Content of the images of a domain.

    Parameters
    ----------
    width : int
        Channels at full resolution.
    norm : callable
    shared : nn.Module
        Last block, the same object for both domains.
    """

    def __init__(self, width: int, norm: Norm, shared: nn.Module) -> None:
        super().__init__()
        self.own = contracting(1, width, norm, nn.LeakyReLU(0.01), "reflect")
        self.blocks = nn.Sequential(*(residual_pair(4 * width, norm=norm, padding_mode="reflect") for _ in range(3)))
        self.shared = shared

    def forward(self, x: Tensor) -> Tensor:
        """Encode images from -1 to 1: (N, 1, Y, X) to (N, 4 width, Y / 4, X / 4).

        In training, white noise of SD 1 is added, so that generators cannot live on small differences.
        """
        content: Tensor = self.shared(self.blocks(self.own(x)))
        return content + torch.randn_like(content) if self.training else content
