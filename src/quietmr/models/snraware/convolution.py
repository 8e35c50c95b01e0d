"""Convolutions and changes of resolution of series (B, C, F, Y, X)."""

from torch import Tensor, nn
from torch.nn import functional

from quietmr.models.volume_convolution import VolumeConvolution


class Convolution(VolumeConvolution):
    """3 x 3 convolution of each frame, or 3 x 3 x 3 of the series, with reflected edges; the size stays.

    A single frame is repeated where the convolution asks for its neighbors.

    Parameters
    ----------
    in_channels, out_channels : int
    volumetric : bool
        3 x 3 x 3.
    bias : bool
    """

    def __init__(self, in_channels: int, out_channels: int, *, volumetric: bool = False, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, (3 if volumetric else 1, 3, 3), bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, F, Y, X) to (B, out_channels, F, Y, X); Y and X of at least 2."""
        return self._volume(x) if self.kernel_size[0] > 1 else self._frames(x)

    def _volume(self, x: Tensor) -> Tensor:
        mode = "replicate" if x.shape[2] == 1 else "reflect"
        x = functional.pad(x, (0, 0, 0, 0, 1, 1), mode=mode)
        return super().forward(functional.pad(x, (1, 1, 1, 1, 0, 0), mode="reflect"))

    def _frames(self, x: Tensor) -> Tensor:
        # 2-D convolutions of frames are 1.5 times faster on CPUs than flat 3-D ones.
        frames = functional.pad(x.transpose(1, 2).flatten(0, 1), (1, 1, 1, 1), mode="reflect")
        out = functional.conv2d(frames, self.weight[:, :, 0], self.bias)
        result: Tensor = out.reshape(x.shape[0], x.shape[2], *out.shape[1:]).transpose(1, 2)
        return result


class Down(VolumeConvolution):
    """Halve Y and X: each 2 x 2 pixels become channels, which a 1 x 1 convolution without bias mixes."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, (1, 2, 2), stride=(1, 2, 2), bias=False)


class Up(nn.Module):
    """Double Y and X bilinearly, then a 3 x 3 convolution without bias."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.convolution = Convolution(in_channels, out_channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, F, Y, X) to (B, out_channels, F, 2 Y, 2 X)."""
        f, height, width = x.shape[2:]
        finer = functional.interpolate(x, (f, 2 * height, 2 * width), mode="trilinear", align_corners=False)
        result: Tensor = self.convolution(finer)
        return result
