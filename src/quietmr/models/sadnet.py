"""SADNet (Chang et al. 2020, ECCV, "Spatial-adaptive network for single image denoising")."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from quietmr.models.channels import check_channels, check_counts
from quietmr.models.deformable import DeformableResidual
from quietmr.models.planar import Branches, Residual, convolution, leaky, residual_pair
from quietmr.models.slicewise import Slicewise

_GROUPS = 8


class _Offsets(nn.Module):
    """Features that offsets are found from: those of this level, refined with those of the coarser one."""

    def __init__(self, channels: int, width: int, *, coarsest: bool) -> None:
        super().__init__()
        self.own = convolution(channels, width)
        self.merge = None if coarsest else convolution(2 * width, width)
        self.last = convolution(width, width)

    def forward(self, x: Tensor, coarser: Tensor | None) -> Tensor:
        found = functional.leaky_relu(self.own(x), 0.2)
        if self.merge is not None and coarser is not None:
            # A way of one coarse pixel is one of two fine pixels.
            finer = 2 * functional.interpolate(coarser, scale_factor=2, mode="bilinear", align_corners=False)
            found = functional.leaky_relu(self.merge(torch.cat([found, finer], 1)), 0.2)
        return functional.leaky_relu(self.last(found), 0.2)


class _Decoder(nn.Module):
    """One level on the way up: offsets first, then the adaptive block."""

    def __init__(self, channels: int, offset_width: int, *, coarsest: bool, deforms: bool) -> None:
        super().__init__()
        self.up = None if coarsest else nn.ConvTranspose2d(2 * channels, channels, 2, 2)
        self.merge = None if coarsest else convolution(2 * channels, channels, 1)
        self.offsets = _Offsets(channels, offset_width, coarsest=coarsest)
        groups = _GROUPS if channels % _GROUPS == 0 else 1
        self.block = DeformableResidual(channels, offset_width, groups=groups, gain=1.0, deforms=deforms)

    def forward(self, x: Tensor, skip: Tensor | None, coarser: Tensor | None) -> tuple[Tensor, Tensor]:
        if self.up is not None and self.merge is not None and skip is not None:
            x = self.merge(torch.cat([self.up(x), skip], 1))
        offsets = self.offsets(x, coarser)
        return self.block(x, offsets), offsets


class Sadnet(nn.Module):
    """Four scales; on the way up, residual blocks that sample where the features say.

    Parameters
    ----------
    in_channels, out_channels : int
    width : int
        Channels at full resolution, doubled at each scale.
    offset_width : int
        Channels of the features that offsets are found from.
    deforms : bool
        False replaces the deformable convolutions by ordinary ones.
    """

    def __init__(
        self, in_channels: int, out_channels: int, width: int = 32, offset_width: int = 32, *, deforms: bool = True
    ) -> None:
        super().__init__()
        self.out_channels = out_channels
        widths = [width * 2**scale for scale in range(4)]
        self.stem = convolution(in_channels, width, 1) if in_channels != width else nn.Identity()
        self.encoders = nn.ModuleList(residual_pair(n, leaky) for n in widths)
        self.downs = nn.ModuleList(nn.Sequential(nn.Conv2d(fine, 2 * fine, 2, 2), leaky()) for fine in widths[:-1])
        self.context = _context(widths[-1], 2 * width)
        self.decoders = nn.ModuleList(
            _Decoder(n, offset_width, coarsest=n == widths[-1], deforms=deforms) for n in reversed(widths)
        )
        self.head = convolution(width, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, Y, X), Y and X multiples of 8, to (N, out_channels, Y, X)."""
        skips = [self.encoders[0](self.stem(x))]
        for down, encode in zip(self.downs, self.encoders[1:], strict=True):
            skips.append(encode(down(skips[-1])))
        features, offsets = self.decoders[0](self.context(skips.pop()), None, None)
        for decode in self.decoders[1:]:
            features, offsets = decode(features, skips.pop(), offsets)
        found: Tensor = self.head(features)
        return x[:, : self.out_channels] + found


def _context(channels: int, narrow: int) -> Residual:
    dilated = [nn.Sequential(convolution(narrow, narrow, dilation=n), leaky()) for n in (1, 2, 3, 4)]
    return Residual(convolution(channels, narrow, 1), Branches(*dilated), convolution(4 * narrow, channels, 1))


def build_sadnet(
    in_channels: int = 1, out_channels: int = 1, *, width: int = 32, offset_width: int = 32, deforms: bool = True
) -> Slicewise:
    """Build a SADNet; see :class:`Sadnet` for the arguments.

    Raises
    ------
    ModelError
        If the channels cannot be meant.
    """
    check_channels("sadnet", in_channels, out_channels)
    check_counts("sadnet", width=width, offset_width=offset_width)
    network = Sadnet(in_channels, out_channels, width, offset_width, deforms=deforms)
    return Slicewise(network, in_channels, out_channels, step=8)
