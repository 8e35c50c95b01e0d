"""MSANet (Gou et al. 2022, NeurIPS, "Multi-scale adaptive network for single image denoising", arXiv 2203.04313)."""

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from quietmr.models.channels import check_channels
from quietmr.models.deformable import DeformableConvolution
from quietmr.models.gates import ChannelGate, SpatialGate
from quietmr.models.planar import Branches, Residual, convolution, residual_pair
from quietmr.models.slicewise import Slicewise

_LEAKY = partial(nn.LeakyReLU, 0.2)
# Blocks of each scale, fine scales first: A adapts where it samples, B sees several distances at once.
_BODIES = ("ABABA", "ABABA", "ABBA", "BBB")


class AdaptiveFeatures(nn.Module):
    """Residual block (AFeB) whose first convolution samples where the features themselves say."""

    def __init__(self, channels: int, *, deforms: bool = True) -> None:
        super().__init__()
        self.sample = DeformableConvolution(channels, channels, channels, deforms=deforms)
        self.second = convolution(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, Y, X) to the same shape."""
        result: Tensor = x + self.second(functional.leaky_relu(self.sample(x, x), 0.2))
        return result


def multi_scale(channels: int) -> Residual:
    """Residual block (AMB): four distances in parallel, weighed by channel and by place."""
    return Residual(
        Branches(*(convolution(channels, channels // 4, dilation=n) for n in (1, 2, 3, 4))),
        ChannelGate(channels, (), pools=("mean",), bias=True, gain=2.0),
        SpatialGate((7,), maps=("mean",), bias=True, gain=2.0),
        _LEAKY(),
        convolution(channels, channels),
    )


class AdaptiveFusion(nn.Module):
    """Coarse features brought up (AFuB), plus fine ones sampled where both say, and a residual block.

    Parameters
    ----------
    coarse, fine : int
        Channels of the two.
    upsample : bool
        Whether the coarse ones have half the resolution.
    deforms : bool
        False replaces the deformable convolution by an ordinary one.
    """

    def __init__(self, coarse: int, fine: int, *, upsample: bool, deforms: bool = True) -> None:
        super().__init__()
        self.lift = nn.ConvTranspose2d(coarse, fine, 3, 2, 1, 1) if upsample else convolution(coarse, fine, 1)
        self.sample = DeformableConvolution(fine, fine, 2 * fine, deforms=deforms)
        self.tail = residual_pair(fine, _LEAKY)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """Map two images of features to one of the size of the fine one."""
        lifted = self.lift(coarse)
        result: Tensor = self.tail(lifted + self.sample(fine, torch.cat([lifted, fine], 1)))
        return result


class Msanet(nn.Module):
    """Four scales of adaptive blocks, fused from coarse to fine and at last with the image; the output is the image.

    Parameters
    ----------
    in_channels, out_channels : int
    width : int
        Channels at full resolution, doubled at each scale; a multiple of 4.
    deforms : bool
        False replaces the deformable convolutions by ordinary ones.
    """

    def __init__(self, in_channels: int, out_channels: int, width: int = 32, *, deforms: bool = True) -> None:
        super().__init__()
        widths = [width * 2**scale for scale in range(4)]
        entries = [convolution(in_channels, width, 1)]
        entries += [convolution(fine, 2 * fine, stride=2) for fine in widths[:-1]]
        self.encoders = nn.ModuleList(
            nn.Sequential(entry, residual_pair(n, _LEAKY)) for entry, n in zip(entries, widths, strict=True)
        )
        adapt = partial(AdaptiveFeatures, deforms=deforms)
        self.bodies = nn.ModuleList(
            Residual(*(adapt(n) if kind == "A" else multi_scale(n) for kind in kinds))
            for kinds, n in zip(_BODIES, widths, strict=True)
        )
        self.fusions = nn.ModuleList(
            AdaptiveFusion(2 * fine, fine, upsample=True, deforms=deforms) for fine in reversed(widths[:-1])
        )
        self.lift = convolution(in_channels, width, 1)
        self.last_fusion = AdaptiveFusion(width, width, upsample=False, deforms=deforms)
        self.head = convolution(width, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, Y, X), Y and X multiples of 8, to (N, out_channels, Y, X)."""
        features, scale = [], x
        for encode in self.encoders:
            scale = encode(scale)
            features.append(scale)
        features = [body(scale) for body, scale in zip(self.bodies, features, strict=True)]
        result = features.pop()
        for fuse in self.fusions:
            result = fuse(result, features.pop())
        made: Tensor = self.head(self.last_fusion(result, self.lift(x)))
        return made


def build_msanet(in_channels: int = 1, out_channels: int = 1, *, width: int = 32, deforms: bool = True) -> Slicewise:
    """Build an MSANet; see :class:`Msanet` for the arguments.

    Raises
    ------
    ModelError
        If the channels cannot be meant.
    """
    check_channels("msanet", in_channels, out_channels)
    return Slicewise(Msanet(in_channels, out_channels, width, deforms=deforms), in_channels, out_channels, step=8)
