"""The U-Net as an OpenVINO graph, written node by node.

OpenVINO's own converter is not used: it traces with deprecated parts of torch, and it reports its use to its makers.
"""

from collections.abc import Callable, Mapping

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops
from torch import nn

from quietmr.models.blocks import ResidualBlock
from quietmr.models.unet3d import UNet3d

Ranges = Mapping[str, tuple[float, float]]
Weights = Mapping[str, NDArray[np.float32]]

# Weights get 7 of the 8 bits: CPUs without VNNI add pairs of products in 16 bits, which 8 bits would overflow.
_WEIGHT_LEVELS = 127
_VALUE_LEVELS = 256
_SAME = ([1, 1, 1], [1, 1, 1], [1, 1, 1], [1, 1, 1])


def build_graph(network: UNet3d, shape: tuple[int, int, int, int], ranges: Ranges | None = None) -> ov.Model:
    """Write the network for one input shape.

    Parameters
    ----------
    network : UNet3d
    shape : (C, F, Y, X)
        Of the input without its batch axis.
    ranges : mapping, optional
        Lowest and highest input of each convolution by name (see ``quantization.measure_ranges``): these run in int8,
        all others and the sums between them in floating point.

    Returns
    -------
    ov.Model
        From (1, C, F, Y, X) to (1, out_channels, F, Y, X).
    """
    weights = {name: value.detach().float().numpy() for name, value in network.state_dict().items()}
    return _Writer(weights, ranges or {}, network.slope).unet(network, shape)


class _Writer:
    def __init__(self, weights: Weights, ranges: Ranges, slope: float) -> None:
        self.weights, self.ranges, self.slope = weights, ranges, np.array([slope], np.float32)

    def unet(self, network: UNet3d, shape: tuple[int, int, int, int]) -> ov.Model:
        """Mirror ``UNet3d.forward``."""
        _, f, y, x = shape
        source = ops.parameter([1, *shape], np.float32, name="image")
        padded = ops.pad(source, [0] * 5, [0, 0, 0, y % 2, x % 2], "edge") if y % 2 or x % 2 else source
        features = self._blocks("first", _count_blocks(network.first), self._conv("stem", _fold(padded)))
        skips = [features]
        for i, down in enumerate(network.down):
            halved = self._conv(f"down.{i}.reduce", skips[-1], stride=2)
            skips.append(self._blocks(f"down.{i}.blocks", _count_blocks(down), halved))
        features = skips.pop()
        for i, up in enumerate(network.up):
            features = self._blocks(f"up.{i}.blocks", _count_blocks(up), self._expand(f"up.{i}", features, skips.pop()))
        noise = self._conv("head", _unfold(ops.relu(features)))
        if y % 2 or x % 2:
            noise = ops.slice(noise, [0] * 3, [f, y, x], [1] * 3, [2, 3, 4])
        image = ops.slice(source, [0], [network.out_channels], [1], [1])
        return ov.Model([ops.subtract(image, noise)], [source], "unet3d")

    def _blocks(self, name: str, n_blocks: int, x: ov.Node) -> ov.Node:
        for i in range(n_blocks):
            inner = self._conv(f"{name}.{i}.first", ops.relu(x))
            x = ops.add(x, self._conv(f"{name}.{i}.second", ops.prelu(inner, self.slope)))
        return x

    def _conv(self, name: str, x: ov.Node, stride: int = 1) -> ov.Node:
        _, *rest = _SAME
        return self._quantized(name, x, lambda a, w: ops.convolution(a, w, [stride] * 3, *rest), axis=0)

    def _expand(self, name: str, x: ov.Node, skip: ov.Node) -> ov.Node:
        def transposed(a: ov.Node, w: ov.Node) -> ov.Node:
            return ops.convolution_backprop_data(a, w, strides=[2] * 3, pads_begin=[0] * 3, pads_end=[0] * 3)

        doubled = self._quantized(f"{name}.expand", x, transposed, axis=1)
        size = list(skip.shape)[2:]
        return ops.add(skip, ops.slice(doubled, [0] * 3, size, [1] * 3, [2, 3, 4]))

    def _quantized(self, name: str, x: ov.Node, convolve: Callable[[ov.Node, ov.Node], ov.Node], axis: int) -> ov.Node:
        """Convolve; where a range is known, round input and weights (per output channel, ``axis``) to integers."""
        value = self.weights[f"{name}.weight"]
        weight = ops.constant(value)
        if name in self.ranges:
            low, high = (np.float32(limit) for limit in self.ranges[name])
            x = ops.fake_quantize(x, low, high, low, high, _VALUE_LEVELS)
            others = tuple(i for i in range(value.ndim) if i != axis)
            peak = np.maximum(np.abs(value).max(axis=others, keepdims=True), np.finfo(np.float32).tiny)
            weight = ops.fake_quantize(weight, -peak, peak, -peak, peak, _WEIGHT_LEVELS)
        return convolve(x, weight)


def _count_blocks(part: nn.Module) -> int:
    return sum(isinstance(module, ResidualBlock) for module in part.modules())


def _fold(x: ov.Node) -> ov.Node:
    b, c, f, y, z = list(x.shape)
    split = ops.reshape(x, np.array([b, c, f, y // 2, 2, z // 2, 2]), special_zero=False)
    turned = ops.transpose(split, np.array([0, 1, 4, 6, 2, 3, 5]))
    return ops.reshape(turned, np.array([b, 4 * c, f, y // 2, z // 2]), special_zero=False)


def _unfold(x: ov.Node) -> ov.Node:
    b, c, f, y, z = list(x.shape)
    split = ops.reshape(x, np.array([b, c // 4, 2, 2, f, y, z]), special_zero=False)
    turned = ops.transpose(split, np.array([0, 1, 4, 5, 2, 6, 3]))
    return ops.reshape(turned, np.array([b, c // 4, f, 2 * y, 2 * z]), special_zero=False)
