"""FFDNet (Zhang, Zuo, Zhang 2018, IEEE TIP): fast, and told the noise level at each place."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from quietmr.models.channels import check_channels, check_counts
from quietmr.models.dncnn import plain_stack
from quietmr.models.slicewise import Slicewise


class Ffdnet(nn.Module):
    """A plain stack of convolutions on 2 x 2 pixels folded into channels, with the noise map; the output is the image.

    Parameters
    ----------
    out_channels : int
        Channels of the image; the noise map comes as one more, the last. A map that is the same everywhere is a
        noise level.
    width : int
    layers : int
    norm : bool
        Batch normalization, which the original merges into the convolutions after training.
    """

    def __init__(self, out_channels: int, width: int = 64, layers: int = 15, *, norm: bool = False) -> None:
        super().__init__()
        self.stack = plain_stack(4 * out_channels + 1, 4 * out_channels, width, layers, norm=norm)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, out_channels + 1, Y, X), Y and X even, to (N, out_channels, Y, X)."""
        folded = functional.pixel_unshuffle(x[:, :-1], 2)
        result: Tensor = self.stack(torch.cat([folded, functional.avg_pool2d(x[:, -1:], 2)], 1))
        return functional.pixel_shuffle(result, 2)


def build_ffdnet(
    in_channels: int = 2, out_channels: int = 1, *, width: int = 64, layers: int = 15, norm: bool = False
) -> Slicewise:
    """Build an FFDNet; see :class:`Ffdnet` for the arguments.

    Raises
    ------
    ModelError
        If it would not be told the noise map.
    """
    check_channels("ffdnet", in_channels, out_channels, blind=False)
    check_counts("ffdnet", width=width)
    check_counts("ffdnet", 2, layers=layers)
    return Slicewise(Ffdnet(out_channels, width, layers, norm=norm), in_channels, out_channels, step=2)
