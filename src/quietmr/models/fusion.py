"""Two kinds of features become one: the adaptive fusion of MSANet (Gou et al. 2022), which DAS-FFDNet takes over."""

import torch
from torch import Tensor, nn

from quietmr.models.deformable import DeformableConvolution
from quietmr.models.planar import convolution, leaky, residual_pair


class AdaptiveFusion(nn.Module):
    """Some features, plus others sampled where both kinds say, and a residual block.

    Parameters
    ----------
    channels : int
        Of both kinds.
    gated : bool
        Multiply what was sampled by a gate found from both kinds.
    deforms : bool
        False replaces the deformable convolution by an ordinary one.
    """

    def __init__(self, channels: int, *, gated: bool = False, deforms: bool = True) -> None:
        super().__init__()
        self.sample = DeformableConvolution(channels, channels, 2 * channels, deforms=deforms)
        self.gate = convolution(2 * channels, channels) if gated else None
        self.tail = residual_pair(channels, leaky)

    def forward(self, kept: Tensor, sampled: Tensor) -> Tensor:
        """Map two (N, C, Y, X) to one."""
        both = torch.cat([kept, sampled], 1)
        found = self.sample(sampled, both)
        if self.gate is not None:
            found = found * torch.sigmoid(self.gate(both))
        result: Tensor = self.tail(kept + found)
        return result
