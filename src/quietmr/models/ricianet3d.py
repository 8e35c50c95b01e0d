"""3D-Parallel-RicianNet (Wu, Hu, Liu 2021, Computational Intelligence and Neuroscience, doi 10.1155/2021/5577956)."""

import torch
from torch import Tensor, nn

from quietmr.models.channels import check_channels, check_counts, seen

# Of the framework that the reference was written in.
_SLOPE, _MOMENTUM, _EPSILON = 0.3, 0.01, 1e-3
_FIRST_DILATED = 6


class _Global(nn.Module):
    """Two dilated convolutions beside a dilated one, each with its norm."""

    def __init__(self, before: int, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.first, self.second, self.shortcut = (
            nn.Sequential(
                nn.Conv3d(n, width, 3, padding=dilation, dilation=dilation), _norm(width), nn.LeakyReLU(_SLOPE)
            )
            for n in (before, width, before)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.dropout(self.second(self.first(x))) + self.shortcut(x)
        return result


class _Local(nn.Module):
    """Two separable convolutions beside a separable one of single voxels."""

    def __init__(self, before: int, width: int) -> None:
        super().__init__()
        self.pair = nn.Sequential(
            *_separable(before, width, 3), nn.LeakyReLU(_SLOPE), *_separable(width, width, 3), nn.LeakyReLU(_SLOPE)
        )
        self.shortcut = nn.Sequential(*_separable(before, width, 1), _norm(width), nn.LeakyReLU(_SLOPE))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.pair(x) + self.shortcut(x)
        return result


class Ricianet3d(nn.Module):
    """A wide-reaching and a local branch through all stages, the local one added to the other after each.

    Parameters
    ----------
    in_channels, out_channels : int
        Blind as published; with one more channel in, it is told the noise map.
    width : int
    stages : int
        The first six see neighbors; then the distance goes 2, 3, 1 and again.
    dropout : float
        Chance, in training, that a value of the wide-reaching branch is left out.

    Raises
    ------
    ModelError
        If the channels cannot be meant.
    """

    def __init__(
        self, in_channels: int = 1, out_channels: int = 1, width: int = 16, stages: int = 18, dropout: float = 0.2
    ) -> None:
        super().__init__()
        check_channels("ricianet3d", in_channels, out_channels)
        check_counts("ricianet3d", width=width, stages=stages)
        self.in_channels, self.out_channels = in_channels, out_channels
        before = [in_channels, *(width,) * (stages - 1)]
        dilations = [1 if i < _FIRST_DILATED else (2, 3, 1)[(i - _FIRST_DILATED) % 3] for i in range(stages)]
        self.wide = nn.ModuleList(_Global(n, width, by, dropout) for n, by in zip(before, dilations, strict=True))
        self.local = nn.ModuleList(_Local(n, width) for n in before)
        self.head = nn.Conv3d(width, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Denoise (B, in_channels, F, Y, X): (B, out_channels, F, Y, X), any size.

        Raises
        ------
        ModelError
            If the channels are not those of the network.
        """
        wide = local = x = seen(x, self.in_channels, self.out_channels)
        for look_wide, look_near in zip(self.wide, self.local, strict=True):
            local = look_near(local)
            wide = look_wide(wide) + local
        noise = torch.nn.functional.leaky_relu(self.head(wide), _SLOPE)
        return x[:, : self.out_channels] - noise


def _norm(channels: int) -> nn.BatchNorm3d:
    return nn.BatchNorm3d(channels, eps=_EPSILON, momentum=_MOMENTUM)


def _separable(before: int, after: int, size: int) -> list[nn.Module]:
    each = nn.Conv3d(before, before, size, padding=size // 2, groups=before, bias=False)
    return [each, nn.Conv3d(before, after, 1)]
