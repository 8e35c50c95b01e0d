"""3-D convolutions that learn right in bfloat16 on CPUs."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional, grad

Triple = tuple[int, int, int]


class VolumeConvolution(nn.Conv3d):
    """``nn.Conv3d`` without groups and dilation, with zeros around, whose weights get a right gradient.

    In torch 2.13 (oneDNN) the bfloat16 gradient of the weights can be wrong on CPUs: with AMX, in thin volumes
    of 40 rows and more, by 2 to 16 %, or not a number, or it writes where it must not and ends the process; without AMX
    by 80 % or infinite. That of 2-D convolutions is right, so here the gradient is summed from those.
    """

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:  # noqa: A002
        if not (needs_care(input) and weight.requires_grad and torch.is_grad_enabled()):
            plain: Tensor = super()._conv_forward(input, weight, bias)
            return plain
        arguments = [t.to(torch.bfloat16) for t in (input, weight, bias) if t is not None]
        result: Tensor = _Careful.apply(self.stride, self.padding, *arguments)  # type: ignore[no-untyped-call]
        return result


def needs_care(x: Tensor) -> bool:
    """Whether a convolution of this input would run in bfloat16 on the CPU."""
    if x.device.type != "cpu":
        return False
    if torch.is_autocast_enabled("cpu"):
        return torch.get_autocast_dtype("cpu") == torch.bfloat16
    return x.dtype == torch.bfloat16


class _Careful(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, stride: Triple, padding: Triple, x: Tensor, weight: Tensor, bias: Tensor | None = None
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding, ctx.biased = stride, padding, bias is not None
        with torch.autocast("cpu", enabled=False):
            return functional.conv3d(x, weight, bias, stride, padding)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        to_input = None
        with torch.autocast("cpu", enabled=False):
            if ctx.needs_input_grad[2]:
                to_input = grad.conv3d_input(x.shape, weight, slope, ctx.stride, ctx.padding)  # type: ignore[no-untyped-call]
            to_weight = weight_gradient(x, weight, slope, ctx.stride, ctx.padding)
        to_bias = (slope.float().sum((0, 2, 3, 4)),) if ctx.biased else ()
        return None, None, to_input, to_weight, *to_bias


def weight_gradient(x: Tensor, weight: Tensor, slope: Tensor, stride: Triple, padding: Triple) -> Tensor:
    """Gradient of the weights of a 3-D convolution, summed from those of 2-D ones.

    Parameters
    ----------
    x : Tensor, shape (B, C, F, Y, X)
        Input.
    weight : Tensor, shape (O, C, kF, kY, kX)
    slope : Tensor, shape (B, O, F', Y', X')
        Gradient of the output.
    stride, padding : (F, Y, X)
    """
    frames = slope.shape[2]
    around = functional.pad(x, (0, 0, 0, 0, padding[0], padding[0])) if padding[0] else x
    flat_slope = slope.transpose(1, 2).flatten(0, 1)
    parts = []
    for offset in range(weight.shape[2]):
        seen = around[:, :, offset : offset + stride[0] * (frames - 1) + 1 : stride[0]].transpose(1, 2).flatten(0, 1)
        shape = weight[:, :, offset].shape
        parts.append(grad.conv2d_weight(seen, shape, flat_slope, stride[1:], padding[1:]))  # type: ignore[no-untyped-call]
    return torch.stack(parts, dim=2)
