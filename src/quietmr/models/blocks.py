"""Building blocks shared by the networks."""

from torch import Tensor, nn

from quietmr.models.volume_convolution import VolumeConvolution


def conv3(in_channels: int, out_channels: int, stride: tuple[int, int, int] = (1, 1, 1)) -> nn.Conv3d:
    """3 x 3 x 3 convolution without bias, zero padded so that stride 1 keeps the size."""
    return VolumeConvolution(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)


class ResidualBlock(nn.Module):
    """``x + conv(act(conv(relu(x))))`` without bias or normalization: homogeneous of degree one.

    Parameters
    ----------
    channels : int
    slope : float
        Slope of the inner activation below zero: 0 is ReLU. Its input is a sum over non-negative features; once the
        weights of a ReLU unit lean negative it is off for every image and no gradient brings it back, which orthogonal
        updates (Muon) were seen to do to most units of inner blocks. Any slope above 0 keeps the unit alive.
    """

    def __init__(self, channels: int, slope: float = 0.0) -> None:
        super().__init__()
        self.first = conv3(channels, channels)
        self.second = conv3(channels, channels)
        self.activation = nn.ReLU()
        self.inner = nn.LeakyReLU(slope)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, F, Y, X) to the same shape."""
        out: Tensor = self.second(self.inner(self.first(self.activation(x))))
        return x + out
