"""Gates: factors between 0 and a gain, found from the features themselves, for channels or for places.

One pair of modules for CBAM (Woo et al. 2018) and what published denoisers made of it; they differ in how features are
pooled, in the layers between pool and sigmoid, and in the gain.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from quietmr.models.planar import convolution

_OVER_PLACES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "mean": lambda x: x.mean((2, 3)),
    # The gradient of amax looks for ties in several passes over the image; these remember where the maximum was.
    "max": lambda x: functional.adaptive_max_pool2d(x, 1).flatten(1),
}
_OVER_CHANNELS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "mean": lambda x: x.mean(1, keepdim=True),
    "max": lambda x: x.movedim(1, -1).max(-1).values[:, None],
}


class MeanGate(nn.Module):
    """``x * sigmoid(mean of x over places)`` for each channel: a gate without weights."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, Y, X) to the same shape."""
        return x * torch.sigmoid(x.mean((2, 3), keepdim=True))


class ChannelGate(nn.Module):
    """A factor for each channel: pools over places, small networks shared by the pools, their sum, a sigmoid.

    Parameters
    ----------
    channels : int
    reductions : sequence of int
        One network (linear, ReLU, linear) for each, with ``channels // reduction`` units inside, at least 1. Empty: a
        single linear layer.
    pools : sequence of str
        "mean", "max".
    bias : bool
    gain : float
        Largest factor.
    """

    def __init__(
        self,
        channels: int,
        reductions: Sequence[int] = (16,),
        *,
        pools: Sequence[str] = ("mean", "max"),
        bias: bool = False,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.pools, self.gain = tuple(pools), gain
        inner = [max(channels // reduction, 1) for reduction in reductions]
        networks: list[nn.Module] = [
            nn.Sequential(nn.Linear(channels, n, bias), nn.ReLU(), nn.Linear(n, channels, bias)) for n in inner
        ]
        self.networks = nn.ModuleList(networks or [nn.Linear(channels, channels, bias)])

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, Y, X) to the same shape."""
        pooled = [_OVER_PLACES[name](x) for name in self.pools]
        found = torch.stack([network(value) for network in self.networks for value in pooled]).sum(0)
        return x * (self.gain * torch.sigmoid(found))[..., None, None]


class SpatialGate(nn.Module):
    """A factor for each place: pools over channels, convolutions to one map, their sum, a sigmoid.

    Parameters
    ----------
    sizes : sequence of int
        One convolution for each, of this odd size.
    maps : sequence of str
        Pools over channels that the convolutions see: "mean", "max".
    norm : bool
        Batch normalization behind each convolution (momentum 0.01). Its scale starts at 0.1, so that gates start near
        the middle.
    bias : bool
    gain : float
        Largest factor.
    """

    def __init__(
        self,
        sizes: Sequence[int] = (7,),
        *,
        maps: Sequence[str] = ("mean", "max"),
        norm: bool = False,
        bias: bool = False,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.maps, self.gain = tuple(maps), gain
        self.convolutions = nn.ModuleList(
            nn.Sequential(convolution(len(maps), 1, size, bias=bias), _map_norm() if norm else nn.Identity())
            for size in sizes
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, Y, X) to the same shape."""
        maps = torch.cat([_OVER_CHANNELS[name](x) for name in self.maps], 1)
        found = torch.stack([layer(maps) for layer in self.convolutions]).sum(0)
        return x * (self.gain * torch.sigmoid(found))


def _map_norm() -> nn.Module:
    norm = nn.BatchNorm2d(1, momentum=0.01)
    nn.init.constant_(norm.weight, 0.1)
    return norm


def pools_over_planes(network: nn.Module) -> bool:
    """Whether a network weighs its features by pools over whole planes: its result depends on the size of the plane."""
    return any(isinstance(module, ChannelGate | MeanGate) for module in network.modules())
