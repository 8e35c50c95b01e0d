"""CNN-DMRI (Tripathi, Bag 2020, Pattern Recognition Letters 135): a reconstruction from what its abstract states."""

from torch import nn

from quietmr.models.channels import check_channels, check_counts
from quietmr.models.planar import SubtractNoise, convolution, residual_pair
from quietmr.models.slicewise import Slicewise


def build_cnn_dmri(in_channels: int = 1, out_channels: int = 1, *, width: int = 64, blocks: int = 4) -> Slicewise:
    """Build an encoder and decoder around residual blocks at half the resolution; the result is taken off the image.

    Parameters
    ----------
    in_channels, out_channels : int
    width : int
        Channels at full resolution; twice as many at half of it.
    blocks : int
        Residual blocks.

    Raises
    ------
    ModelError
        If the channels cannot be meant.
    """
    check_channels("cnn-dmri", in_channels, out_channels)
    check_counts("cnn-dmri", width=width, blocks=blocks)
    wide = 2 * width
    network = nn.Sequential(
        convolution(in_channels, width),
        nn.ReLU(),
        convolution(width, wide, stride=2),
        nn.ReLU(),
        *(residual_pair(wide, norm=nn.BatchNorm2d) for _ in range(blocks)),
        nn.ConvTranspose2d(wide, width, 2, 2),
        nn.ReLU(),
        convolution(width, out_channels),
    )
    return Slicewise(SubtractNoise(network, out_channels), in_channels, out_channels, step=2)
