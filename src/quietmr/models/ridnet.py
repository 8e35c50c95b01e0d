"""RIDNet (Anwar, Barnes 2019, ICCV, "Real image denoising with feature attention"), without its color mean."""

from torch import Tensor, nn

from quietmr.models.channels import check_channels, check_counts
from quietmr.models.gates import ChannelGate
from quietmr.models.planar import Branches, Residual, convolution, residual_pair
from quietmr.models.slicewise import Slicewise


def attention_block(width: int) -> nn.Sequential:
    """Build one enhancement attention module: two dilated pairs merged, two residual blocks, a channel gate."""

    def pair(first: int, second: int) -> nn.Sequential:
        layers = (convolution(width, width, dilation=n) for n in (first, second))
        return nn.Sequential(*(part for layer in layers for part in (layer, nn.ReLU())))

    merged = Residual(Branches(pair(1, 2), pair(3, 4)), convolution(2 * width, width), nn.ReLU())
    enhanced = Residual(
        convolution(width, width),
        nn.ReLU(),
        convolution(width, width),
        nn.ReLU(),
        convolution(width, width, 1),
        after=nn.ReLU(),
    )
    gate = ChannelGate(width, (16,), pools=("mean",), bias=True)
    return nn.Sequential(merged, residual_pair(width, after=nn.ReLU()), enhanced, gate)


class Ridnet(nn.Module):
    """Attention blocks one behind the other, added to the image.

    Parameters
    ----------
    in_channels, out_channels : int
    width : int
    blocks : int
    """

    def __init__(self, in_channels: int, out_channels: int, width: int = 64, blocks: int = 4) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.stem = nn.Sequential(convolution(in_channels, width), nn.ReLU())
        self.body = nn.Sequential(*(attention_block(width) for _ in range(blocks)))
        self.head = convolution(width, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, Y, X) to (N, out_channels, Y, X)."""
        found: Tensor = self.head(self.body(self.stem(x)))
        return x[:, : self.out_channels] + found


def build_ridnet(in_channels: int = 1, out_channels: int = 1, *, width: int = 64, blocks: int = 4) -> Slicewise:
    """Build a RIDNet; see :class:`Ridnet` for the arguments.

    Raises
    ------
    ModelError
        If the channels cannot be meant.
    """
    check_channels("ridnet", in_channels, out_channels)
    check_counts("ridnet", width=width, blocks=blocks)
    return Slicewise(Ridnet(in_channels, out_channels, width, blocks), in_channels, out_channels)
