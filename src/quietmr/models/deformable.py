"""Modulated deformable convolution (Zhu et al. 2019, "Deformable ConvNets v2"), in plain torch."""

from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional

from quietmr.data import ModelError
from quietmr.models.planar import convolution, leaky

_TAPS = 9  # 3 x 3


def deform_convolve(x: Tensor, offset: Tensor, mask: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """3 x 3 convolution whose taps look beside their places, each with a factor of its own.

    ``out(p) = bias + sum_k weight_k mask_k(p) x(p + k + offset_k(p))``, x between pixels by bilinear interpolation and
    0 outside the image. Computed in the type of ``x``, at least float32, whatever the arithmetic around: places in 16
    bits would be off by pixels.

    Parameters
    ----------
    x : Tensor, shape (N, C, Y, X)
    offset : Tensor, shape (N, groups * 18, Y, X)
        In pixels, ordered as (group, tap, (y, x)), taps row by row. Each group of C / groups channels has its own.
    mask : Tensor, shape (N, groups * 9, Y, X)
    weight : Tensor, shape (O, C, 3, 3)
    bias : Tensor, shape (O,), optional

    Returns
    -------
    Tensor, shape (N, O, Y, X)
    """
    n, channels, height, width = x.shape
    groups = mask.shape[1] // _TAPS
    with torch.autocast(x.device.type, enabled=False):
        precise = torch.promote_types(x.dtype, torch.float32)
        places = _places(offset.to(precise).reshape(n * groups, _TAPS, 2, height, width))
        features = x.to(precise).reshape(n * groups, channels // groups, height, width)
        samples = functional.grid_sample(features, places, padding_mode="zeros", align_corners=False)
        samples = samples.reshape(n, groups, channels // groups, _TAPS, height * width)
        factors = mask.to(precise).reshape(n, groups, 1, _TAPS, height * width)
        columns = (samples * factors).reshape(n, channels * _TAPS, height * width)
        result = (weight.to(precise).flatten(1) @ columns).reshape(n, -1, height, width)
        return result if bias is None else result + bias.to(precise)[:, None, None]


def _places(offset: Tensor) -> Tensor:
    """Where taps look, as ``grid_sample`` counts: (M, 9, 2, Y, X) to (M, 9 Y, X, 2), x before y, -1 to 1."""
    m, _, _, height, width = offset.shape
    down, along, tap = (torch.arange(n, dtype=offset.dtype, device=offset.device) for n in (height, width, 3))
    tap = tap - 1
    rows = down[:, None] + tap.repeat_interleave(3)[:, None, None] + offset[:, :, 0]
    columns = along + tap.repeat(3)[:, None, None] + offset[:, :, 1]
    # From -1 at the outer edge of the first pixel to 1 at that of the last, which holds for a single row too.
    pair = [(2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1]
    return torch.stack(pair, -1).reshape(m, _TAPS * height, width, 2)


class DeformableConvolution(nn.Module):
    """3 x 3 modulated deformable convolution that finds its offsets and masks from a guide.

    The layer that finds them starts at zero: an ordinary convolution times half the gain.

    Parameters
    ----------
    in_channels, out_channels : int
    guide_channels : int
        Of the features that offsets and masks are found from.
    groups : int
        Groups of input channels with offsets and masks of their own.
    gain : float
        Largest factor of a tap: ``mask = gain * sigmoid(...)``.
    deforms : bool
        False: an ordinary convolution that leaves the guide alone, for places where sampling cannot be exported.

    Raises
    ------
    ModelError
        If the groups do not divide the channels.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        guide_channels: int,
        *,
        groups: int = 1,
        gain: float = 2.0,
        deforms: bool = True,
    ) -> None:
        super().__init__()
        if in_channels % groups:
            raise ModelError(f"{groups} deformable groups do not divide {in_channels} channels: change one of them.")
        self.groups, self.gain = groups, gain
        bound = 1 / sqrt(_TAPS * in_channels)
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, 3, 3).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.find = convolution(guide_channels, 3 * _TAPS * groups) if deforms else None
        if self.find is not None:
            for parameter in self.find.parameters():
                nn.init.zeros_(parameter)

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        """Map (N, in_channels, Y, X), with a guide (N, guide_channels, Y, X), to (N, out_channels, Y, X)."""
        if self.find is None:
            return functional.conv2d(x, self.weight, self.bias, padding=1)
        offset, mask = self.find(guide).split([2 * _TAPS * self.groups, _TAPS * self.groups], 1)
        return deform_convolve(x, offset, self.gain * torch.sigmoid(mask), self.weight, self.bias)


class DeformableResidual(nn.Module):
    """Residual block whose first convolution is deformable: ``x + conv(leaky(deformable(x, guide)))``.

    Parameters
    ----------
    channels : int
    guide_channels : int, optional
        ``channels`` if left out, for blocks that are guided by what they get.
    groups, gain, deforms
        Of the :class:`DeformableConvolution`.
    """

    def __init__(
        self,
        channels: int,
        guide_channels: int | None = None,
        *,
        groups: int = 1,
        gain: float = 2.0,
        deforms: bool = True,
    ) -> None:
        super().__init__()
        guides = channels if guide_channels is None else guide_channels
        self.sample = DeformableConvolution(channels, channels, guides, groups=groups, gain=gain, deforms=deforms)
        self.activation = leaky()
        self.second = convolution(channels, channels)

    def forward(self, x: Tensor, guide: Tensor | None = None) -> Tensor:
        """Map (N, channels, Y, X), with a guide (N, guide_channels, Y, X) or its own, to the same shape."""
        result: Tensor = x + self.second(self.activation(self.sample(x, x if guide is None else guide)))
        return result
