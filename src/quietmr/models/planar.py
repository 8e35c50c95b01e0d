"""Layers for single images (N, C, Y, X) that published networks have in common."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

# Makes a normalization for a number of channels, such as nn.BatchNorm2d.
Norm = Callable[[int], nn.Module]
Padding = Literal["zeros", "reflect"]


def convolution(
    in_channels: int,
    out_channels: int,
    size: int = 3,
    *,
    stride: int = 1,
    dilation: int = 1,
    bias: bool = True,
    padding_mode: Padding = "zeros",
) -> nn.Conv2d:
    """2-D convolution with an odd kernel, filled up so that stride 1 keeps the size."""
    return nn.Conv2d(
        in_channels, out_channels, size, stride, dilation * (size // 2), dilation, bias=bias, padding_mode=padding_mode
    )


def leaky() -> nn.Module:
    """Make a rectifier with the slope 0.2 below zero."""
    return nn.LeakyReLU(0.2)


class Residual(nn.Module):
    """``after(skip(x) + scale * body(x))``.

    Parameters
    ----------
    *layers : nn.Module
        The body.
    scale : float
        Factor of the body.
    skip : nn.Module, optional
        What the input passes before it is added: a 1 x 1 convolution where the widths differ. Nothing if left out.
    after : nn.Module, optional
        What the sum passes. Nothing if left out.
    """

    def __init__(
        self, *layers: nn.Module, scale: float = 1.0, skip: nn.Module | None = None, after: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.body = nn.Sequential(*layers)
        self.scale = scale
        self.skip = nn.Identity() if skip is None else skip
        self.after = nn.Identity() if after is None else after

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, Y, X) to what the body makes, of any channels that the skip makes too."""
        made: Tensor = self.body(x)
        result: Tensor = self.after(self.skip(x) + (made if self.scale == 1 else self.scale * made))
        return result


def residual_pair(
    channels: int,
    activation: Callable[[], nn.Module] = nn.ReLU,
    *,
    norm: Norm = lambda channels: nn.Identity(),
    bias: bool = True,
    scale: float = 1.0,
    padding_mode: Padding = "zeros",
    after: nn.Module | None = None,
) -> Residual:
    """Residual block of two 3 x 3 convolutions, each with a norm behind it, and an activation between them."""
    first, second = (convolution(channels, channels, bias=bias, padding_mode=padding_mode) for _ in range(2))
    return Residual(first, norm(channels), activation(), second, norm(channels), scale=scale, after=after)


class Branches(nn.Module):
    """The same image through several layers, their outputs side by side as channels."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, Y, X) to the channels of all branches together."""
        return torch.cat([branch(x) for branch in self.branches], 1)


class SubtractNoise(nn.Module):
    """The image minus what a network makes of image and noise map: residual learning (Zhang et al. 2017).

    Parameters
    ----------
    network : nn.Module
        Its output is the noise, of the first ``out_channels`` channels of its input.
    out_channels : int
    """

    def __init__(self, network: nn.Module, out_channels: int) -> None:
        super().__init__()
        self.network, self.out_channels = network, out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, Y, X) to (N, out_channels, Y, X)."""
        noise: Tensor = self.network(x)
        return x[:, : self.out_channels] - noise
