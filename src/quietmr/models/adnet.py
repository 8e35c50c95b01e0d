"""ADNet (Tian et al. 2020, Neural Networks, "Attention-guided CNN for image denoising")."""

import torch
from torch import Tensor, nn

from quietmr.models.channels import check_channels, check_counts
from quietmr.models.planar import convolution
from quietmr.models.slicewise import Slicewise

_DILATED = (2, 5, 9, 12)


class Adnet(nn.Module):
    """Sixteen convolutions, some of them dilated; image and their result together weigh what is taken off the image.

    Parameters
    ----------
    in_channels, out_channels : int
    width : int
    layers : int
    """

    def __init__(self, in_channels: int, out_channels: int, width: int = 64, layers: int = 16) -> None:
        super().__init__()
        self.out_channels = out_channels
        parts: list[nn.Module] = []
        for number in range(1, layers):
            dilation = 2 if number in _DILATED else 1
            before = in_channels if number == 1 else width
            parts += [convolution(before, width, dilation=dilation, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        self.body = nn.Sequential(*parts, convolution(width, out_channels, bias=False))
        self.gate = convolution(2 * out_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, Y, X) to (N, out_channels, Y, X)."""
        image, found = x[:, : self.out_channels], self.body(x)
        noise: Tensor = found * self.gate(torch.tanh(torch.cat([image, found], 1)))
        return image - noise


def build_adnet(in_channels: int = 1, out_channels: int = 1, *, width: int = 64, layers: int = 16) -> Slicewise:
    """Build an ADNet; see :class:`Adnet` for the arguments.

    Raises
    ------
    ModelError
        If the channels cannot be meant.
    """
    check_channels("adnet", in_channels, out_channels)
    check_counts("adnet", width=width, layers=layers)
    return Slicewise(Adnet(in_channels, out_channels, width, layers), in_channels, out_channels)
