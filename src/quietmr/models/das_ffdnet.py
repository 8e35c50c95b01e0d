"""DAS-FFDNet (Intelligent Data Analysis, doi 10.3233/IDA-240613): a reconstruction, no code was published.

A shallow branch of dual residual blocks and a deep U-Net with recursive attention, fused by a deformable convolution.
The attention is RMCSAM (Liu et al. 2022, doi 10.1587/transinf.2021EDP7166) and the fusion that of MSANet (Gou et al.
2022), both as published; block and U-Net are filled in by us (docs/models_papers.md says where).
"""

from torch import Tensor, nn

from quietmr.data import ModelError
from quietmr.models.channels import check_channels, check_counts
from quietmr.models.fusion import AdaptiveFusion
from quietmr.models.gates import ChannelGate, MeanGate, SpatialGate
from quietmr.models.ladder import Ladder, downward, upward
from quietmr.models.planar import Residual, convolution
from quietmr.models.slicewise import Slicewise

_NORMS = ("batch", "none")


class DualResidualBlock(Residual):
    """A residual unit that widens and narrows, around one at the wider width; both weigh their result.

    ``u = relu(conv(x)); v = u + gate(conv(relu(conv(u)))); y = x + gate(conv(v))`` with a gate from the channel means:
    the paper's "autocorrelation weight", global average pooling and a sigmoid.

    Parameters
    ----------
    channels : int
    expansion : int
        How much wider the inside is.
    """

    def __init__(self, channels: int, expansion: int = 2) -> None:
        wide = expansion * channels
        inner = Residual(convolution(wide, wide), nn.ReLU(), convolution(wide, wide), MeanGate())
        super().__init__(convolution(channels, wide), nn.ReLU(), inner, convolution(wide, channels), MeanGate())


class RecursiveAttention(nn.Module):
    """RMCSAM: channel and spatial gates side by side, ``x = channel(x) + spatial(x)``, three times with shared weights.

    Parameters
    ----------
    channels : int
    recursions : int
    norm : str
        "batch", as published, or "none", of the spatial gate.
    """

    def __init__(self, channels: int, recursions: int = 3, norm: str = "batch") -> None:
        super().__init__()
        self.recursions = recursions
        self.channel = ChannelGate(channels, (8, 16, 32), bias=True)
        self.spatial = SpatialGate((7, 5, 3), maps=("max", "mean"), norm=norm == "batch")
        # Two gates of a half give the input back; gates near 1 would make it 8 times as large after three recursions.
        for last in (network[2] for network in self.channel.networks if isinstance(network, nn.Sequential)):
            for weight in last.parameters():
                nn.init.uniform_(weight, -0.02, 0.02)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, Y, X) to the same shape."""
        for _ in range(self.recursions):
            x = self.channel(x) + self.spatial(x)
        return x


class DasFfdnet(nn.Module):
    """The two branches and their fusion; the result is added to the image.

    Parameters
    ----------
    in_channels, out_channels : int
    width : int
        Channels of both branches at full resolution.
    blocks : int
        Dual residual blocks, 0 to 4 in the paper, which chose 3.
    levels : int
        How often the U-Net halves the image.
    norm : str
        "batch" or "none", of the spatial gates.
    deforms : bool
        False replaces the deformable convolution by an ordinary one.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        width: int = 64,
        blocks: int = 3,
        levels: int = 3,
        *,
        norm: str = "batch",
        deforms: bool = True,
    ) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.stem = convolution(in_channels, width)
        self.shallow = Residual(*(DualResidualBlock(width) for _ in range(blocks)), convolution(width, width))
        self.deep = _attentive_unet(in_channels, width, levels, norm)
        self.fusion = AdaptiveFusion(width, gated=True, deforms=deforms)
        self.head = convolution(width, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, Y, X), Y and X multiples of 2 to the levels, to (N, out_channels, Y, X)."""
        found: Tensor = self.head(self.fusion(self.deep(x), self.shallow(self.stem(x))))
        return x[:, : self.out_channels] + found


def _attentive_unet(in_channels: int, width: int, levels: int, norm: str) -> Ladder:
    widths = [width * 2**number for number in range(levels + 1)]

    def level(before: int, after: int) -> nn.Sequential:
        first, second = convolution(before, after), convolution(after, after)
        return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), RecursiveAttention(after, norm=norm))

    return Ladder(
        [level(before, after) for before, after in downward(in_channels, widths)],
        [nn.MaxPool2d(2) for _ in range(levels)],
        level(*widths[-2:]),
        [nn.ConvTranspose2d(coarse, fine, 2, 2) for coarse, fine in upward(widths)],
        [level(2 * fine, fine) for _, fine in upward(widths)],
    )


def build_das_ffdnet(
    in_channels: int = 1,
    out_channels: int = 1,
    *,
    width: int = 64,
    blocks: int = 3,
    levels: int = 3,
    norm: str = "batch",
    deforms: bool = True,
) -> Slicewise:
    """Build a DAS-FFDNet; see :class:`DasFfdnet` for the arguments.

    Raises
    ------
    ModelError
        If the channels cannot be meant, the norm is unknown, or a count is too small.
    """
    check_channels("das-ffdnet", in_channels, out_channels)
    if norm not in _NORMS:
        raise ModelError(f"'das-ffdnet' has no norm '{norm}'; known ones: {', '.join(_NORMS)}.")
    check_counts("das-ffdnet", width=width, levels=levels)
    check_counts("das-ffdnet", 0, blocks=blocks)
    network = DasFfdnet(in_channels, out_channels, width, blocks, levels, norm=norm, deforms=deforms)
    return Slicewise(network, in_channels, out_channels, step=2**levels)
