"""Bias-free 3-D residual U-Net with a noise-map input: the network behind the ``quiet`` presets.

Ours. Ingredients: U-Net (Ronneberger et al. 2015), noise map as an input channel and sub-pixel first stage (FFDNet,
Zhang et al. 2018), no bias anywhere so that ``f(c*x, c*sigma) = c*f(x, sigma)`` exactly (Mohan et al. 2020).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from quietmr.models.blocks import ResidualBlock, conv3


class _Down(nn.Module):
    """Halve all three axes (a single frame stays single) and refine."""

    def __init__(self, in_channels: int, out_channels: int, n_blocks: int, slope: float) -> None:
        super().__init__()
        self.reduce = conv3(in_channels, out_channels, (2, 2, 2))
        self.blocks = nn.Sequential(*(ResidualBlock(out_channels, slope) for _ in range(n_blocks)))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.blocks(self.reduce(x))
        return out


class _Up(nn.Module):
    """Double all three axes, add the skip connection and refine."""

    def __init__(self, in_channels: int, out_channels: int, n_blocks: int, slope: float) -> None:
        super().__init__()
        self.expand = nn.ConvTranspose3d(in_channels, out_channels, 2, stride=2, bias=False)
        self.blocks = nn.Sequential(*(ResidualBlock(out_channels, slope) for _ in range(n_blocks)))

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        f, y, x_size = skip.shape[2:]
        out: Tensor = self.blocks(skip + self.expand(x)[:, :, :f, :y, :x_size])
        return out


class UNet3d(nn.Module):
    """Residual U-Net for magnitude (2 in, 1 out) or complex (3 in, 2 out) data with a noise map.

    The last input channel is the noise map, the others are the noisy image; the output is the denoised image. Any
    size works: F, Y, X >= 1 (Y and X are padded to even inside). Exactly homogeneous: scaling image and map by c
    scales the output by c.

    Parameters
    ----------
    in_channels, out_channels : int
        Image channels plus one for the noise map; image channels.
    widths : sequence of int
        Channels per level. The first level works on half the in-plane size (2 x 2 voxels folded into channels),
        each further one on half the size of the one before along all three axes.
    n_blocks : sequence of int
        Residual blocks per level, on the way down; on the way up each level has one.
    slope : float
        Slope below zero of the inner activations (see :class:`quietmr.models.blocks.ResidualBlock`).
    """

    fold = (1, 2, 2)

    def __init__(
        self,
        in_channels: int = 2,
        out_channels: int = 1,
        widths: Sequence[int] = (32, 64, 96),
        n_blocks: Sequence[int] = (1, 2, 2),
        slope: float = 0.0,
    ) -> None:
        super().__init__()
        self.out_channels, self.slope = out_channels, slope
        full = widths[0] // 4
        self.stem = conv3(4 * in_channels, widths[0])
        self.first = nn.Sequential(*(ResidualBlock(widths[0], slope) for _ in range(n_blocks[0])))
        levels = list(zip(widths[:-1], widths[1:], n_blocks[1:], strict=True))
        self.down = nn.ModuleList(_Down(a, b, n, slope) for a, b, n in levels)
        self.up = nn.ModuleList(_Up(b, a, 1, slope) for a, b, _ in reversed(levels))
        self.head = conv3(full, out_channels)

    @property
    def multiple(self) -> tuple[int, int, int]:
        """Voxel grid (F, Y, X) that tile corners must lie on so that a tile sees the sampling of the whole image."""
        step = int(2 ** len(self.down))
        return step, 2 * step, 2 * step

    def forward(self, x: Tensor) -> Tensor:
        """Denoise.

        Parameters
        ----------
        x : Tensor, shape (B, in_channels, F, Y, X)

        Returns
        -------
        Tensor, shape (B, out_channels, F, Y, X)
        """
        height, width = x.shape[-2:]
        odd = (height % 2, width % 2)
        padded = functional.pad(x, (0, odd[1], 0, odd[0], 0, 0), mode="replicate") if any(odd) else x
        folded = _fold(padded)
        features = self.first(_exact(self.stem, folded) if folded.shape[2] == 1 else self.stem(folded))
        skips = [features]
        for down in self.down:
            skips.append(down(skips[-1]))
        features = skips.pop()
        for up in self.up:
            features = up(features, skips.pop())
        noise = _exact(self.head, torch.relu(_unfold(features)))
        return x[:, : self.out_channels] - noise[..., :height, :width]


def _exact(conv: nn.Module, x: Tensor) -> Tensor:
    """Convolve in float32 whatever the arithmetic around.

    What is taken off the image is then not rounded, and with few channels it costs little. In bfloat16, oneDNN of torch
    2.13 does such convolutions wrong on CPUs with AMX: 12 channels of a single frame gave NaN, and the gradient of 8
    channels on rows of 96 voxels crashed the process.
    """
    with torch.autocast(x.device.type, enabled=False):
        out: Tensor = conv(x.float())
    return out


def _fold(x: Tensor) -> Tensor:
    """(B, C, F, Y, X) -> (B, 4 C, F, Y / 2, X / 2): each 2 x 2 in-plane block becomes four channels."""
    b, c, f, h, w = x.shape
    x = x.reshape(b, c, f, h // 2, 2, w // 2, 2)
    return x.permute(0, 1, 4, 6, 2, 3, 5).reshape(b, 4 * c, f, h // 2, w // 2)


def _unfold(x: Tensor) -> Tensor:
    """(B, 4 C, F, Y, X) -> (B, C, F, 2 Y, 2 X): the inverse of :func:`_fold`."""
    b, c, f, h, w = x.shape
    x = x.reshape(b, c // 4, 2, 2, f, h, w)
    return x.permute(0, 1, 4, 5, 2, 6, 3).reshape(b, c // 4, f, 2 * h, 2 * w)
