"""MSANet (Gou et al. 2022, NeurIPS, "Multi-scale adaptive network for single image denoising", arXiv 2203.04313)."""

from collections.abc import Sequence
from functools import partial

from torch import Tensor, nn

from quietmr.data import ModelError
from quietmr.models.channels import check_channels, check_counts
from quietmr.models.deformable import DeformableResidual
from quietmr.models.fusion import AdaptiveFusion
from quietmr.models.gates import ChannelGate, SpatialGate
from quietmr.models.ladder import upward
from quietmr.models.planar import Branches, Residual, convolution, leaky, residual_pair
from quietmr.models.slicewise import Slicewise

BODIES = ("ABABA", "ABABA", "ABBA", "BBB")


def multi_scale(channels: int) -> Residual:
    """Residual block (AMB): four distances in parallel, weighed by channel and by place."""
    return Residual(
        Branches(*(convolution(channels, channels // 4, dilation=n) for n in (1, 2, 3, 4))),
        ChannelGate(channels, (), pools=("mean",), bias=True, gain=2.0),
        SpatialGate((7,), maps=("mean",), bias=True, gain=2.0),
        leaky(),
        convolution(channels, channels),
    )


class Msanet(nn.Module):
    """Scales of adaptive blocks, fused from coarse to fine and at last with the image; the output is the image.

    Parameters
    ----------
    in_channels, out_channels : int
    width : int
        Channels at full resolution, doubled at each scale; a multiple of 4.
    bodies : sequence of str
        Blocks of each scale, fine scales first: A adapts where it samples, B sees several distances at once.
    deforms : bool
        False replaces the deformable convolutions by ordinary ones.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        width: int = 32,
        bodies: Sequence[str] = BODIES,
        *,
        deforms: bool = True,
    ) -> None:
        super().__init__()
        widths = [width * 2**scale for scale in range(len(bodies))]
        entries = [convolution(in_channels, width, 1)]
        entries += [convolution(fine, 2 * fine, stride=2) for fine in widths[:-1]]
        self.encoders = nn.ModuleList(
            nn.Sequential(entry, residual_pair(n, leaky)) for entry, n in zip(entries, widths, strict=True)
        )
        adapt = partial(DeformableResidual, deforms=deforms)
        self.bodies = nn.ModuleList(
            Residual(*(adapt(n) if kind == "A" else multi_scale(n) for kind in kinds))
            for kinds, n in zip(bodies, widths, strict=True)
        )
        ups: list[nn.Module] = [nn.ConvTranspose2d(coarse, fine, 3, 2, 1, 1) for coarse, fine in upward(widths)]
        self.lifts = nn.ModuleList([*ups, convolution(width, width, 1)])
        self.fusions = nn.ModuleList(AdaptiveFusion(n, deforms=deforms) for n in [*reversed(widths[:-1]), width])
        self.copy = convolution(in_channels, width, 1)
        self.head = convolution(width, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, Y, X), Y and X multiples of 2 to the scales but one, to (N, out_channels, Y, X)."""
        features, scale = [], x
        for encode in self.encoders:
            scale = encode(scale)
            features.append(scale)
        features = [body(scale) for body, scale in zip(self.bodies, features, strict=True)]
        result = features.pop()
        features.insert(0, self.copy(x))
        for lift, fuse in zip(self.lifts, self.fusions, strict=True):
            result = fuse(lift(result), features.pop())
        made: Tensor = self.head(result)
        return made


def build_msanet(
    in_channels: int = 1,
    out_channels: int = 1,
    *,
    width: int = 32,
    bodies: Sequence[str] = BODIES,
    deforms: bool = True,
) -> Slicewise:
    """Build an MSANet; see :class:`Msanet` for the arguments.

    Raises
    ------
    ModelError
        If the channels cannot be meant, 4 does not divide the width, or a block is unknown.
    """
    check_channels("msanet", in_channels, out_channels)
    check_counts("msanet", scales=len(bodies))
    if width < 1 or width % 4:
        raise ModelError(f"'msanet' sees four distances with a quarter of its width each: {width} is no multiple of 4.")
    if set("".join(bodies)) - set("AB"):
        raise ModelError(f"'msanet' is made of blocks A and B, got {', '.join(bodies)}.")
    network = Msanet(in_channels, out_channels, width, bodies, deforms=deforms)
    return Slicewise(network, in_channels, out_channels, step=2 ** (len(bodies) - 1))
