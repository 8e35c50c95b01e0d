"""Cells, and blocks of them: what a backbone computes with at each level of resolution."""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from quietmr.data import ModelError
from quietmr.models.snraware.attention import Attention
from quietmr.models.snraware.convolution import Convolution
from quietmr.models.snraware.kinds import KINDS, AttentionKind, ConvolutionKind
from quietmr.models.snraware.norms import ChannelNorm, FrameNorm


@dataclass(frozen=True)
class CellPlan:
    """What all cells of a network have in common.

    Attributes
    ----------
    codes : tuple of str
        The layer of each cell of a block (``kinds.KINDS``).
    heads : int
    mixers : bool
        End each cell with two wide convolutions.
    position_bias : bool
    faithful : bool
        As the reference code, faults included.
    size : tuple of int
        (F, Y, X) that the faithful norms fit, and that the tables of a position bias are made for.
    drop_path : float
        Chance that training skips the branch of a sample.
    """

    codes: tuple[str, ...]
    heads: int
    mixers: bool
    position_bias: bool
    faithful: bool
    size: tuple[int, int, int]
    drop_path: float

    def size_at(self, level: int) -> tuple[int, int, int]:
        """Size (F, Y, X) at a level of resolution."""
        f, y, x = self.size
        return f, y >> level, x >> level

    def norm(self, channels: int, level: int) -> nn.Module:
        """Make a norm."""
        return FrameNorm(channels, *self.size_at(level)[1:]) if self.faithful else ChannelNorm(channels)

    @property
    def grid(self) -> tuple[int, int, int]:
        """Grid (F, Y, X) of pixels that groups of tokens, or tokens, begin on."""
        kinds = [kind for code, kind in KINDS.items() if code in self.codes and isinstance(kind, AttentionKind)]
        f, y, x = (
            max(((kind.axes[n].pixels or 1) * (kind.axes[n].tokens or 1) for kind in kinds), default=1)
            for n in range(3)
        )
        return f, y, x

    def layer(self, code: str, in_channels: int, out_channels: int, level: int) -> nn.Module:
        """Make the computing layer of a cell.

        Raises
        ------
        ModelError
            If there is no such layer.
        """
        if code not in KINDS:
            raise ModelError(f"There is no layer '{code}' to build a block of; known ones: {', '.join(KINDS)}.")
        kind = KINDS[code]
        if isinstance(kind, ConvolutionKind):
            return ConvolutionLayer(in_channels, out_channels, self.norm(out_channels, level), kind.volumetric)
        heads = kind.own_heads if self.faithful and kind.own_heads else self.heads
        extent = kind.cut(self.size_at(level)).tokens if self.position_bias and kind.biased else None
        convolution = partial(Convolution, volumetric=kind.volumetric)
        return Attention(kind, convolution, in_channels, out_channels, heads, extent=extent, faithful=self.faithful)

    def block(self, in_channels: int, out_channels: int, level: int) -> nn.Module:
        """Make a block: the first cell changes the number of channels."""
        widths = [in_channels, *(out_channels for _ in self.codes)]
        return nn.Sequential(*(Cell(self, code, widths[n], out_channels, level) for n, code in enumerate(self.codes)))


class ConvolutionLayer(nn.Module):
    """Convolution, norm, PReLU; plus the input if the number of channels stays."""

    def __init__(self, in_channels: int, out_channels: int, norm: nn.Module, volumetric: bool) -> None:  # noqa: FBT001
        super().__init__()
        self.convolution = Convolution(in_channels, out_channels, volumetric=volumetric, bias=False)
        self.norm = norm
        self.activation = nn.PReLU()
        self.keeps = in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, F, Y, X) to (B, out_channels, F, Y, X)."""
        out: Tensor = self.activation(self.norm(self.convolution(x)))
        return x + out if self.keeps else out


class Mixer(nn.Sequential):
    """Two 3 x 3 convolutions with four times the channels between them."""

    def __init__(self, channels: int) -> None:
        super().__init__(Convolution(channels, 4 * channels), nn.PReLU(), Convolution(4 * channels, channels))


class DropPath(nn.Module):
    """Skip a branch for some samples during training (stochastic depth, Huang et al. 2016)."""

    def __init__(self, chance: float) -> None:
        super().__init__()
        self.chance = chance

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape, and the mean over many draws."""
        if not self.training or self.chance == 0:
            return x
        keep = 1 - self.chance
        kept = torch.rand(x.shape[0], *(1 for _ in x.shape[1:]), device=x.device) < keep
        return x * kept.to(x.dtype) / keep


class Cell(nn.Module):
    """``x <- P(x) + layer(norm(x))``, then ``x <- x + mixer(norm(x))``.

    P is the identity, or a convolution where the number of channels changes.
    """

    def __init__(self, plan: CellPlan, code: str, in_channels: int, out_channels: int, level: int) -> None:
        super().__init__()
        same = in_channels == out_channels
        self.shortcut = nn.Identity() if same else Convolution(in_channels, out_channels)
        self.first_norm = plan.norm(in_channels, level)
        self.layer = plan.layer(code, in_channels, out_channels, level)
        self.drop_path = DropPath(plan.drop_path)
        # The reference code makes the second norm even where nothing uses it; its published sizes count it.
        self.second_norm = plan.norm(out_channels, level) if plan.mixers or plan.faithful else None
        self.mixer = Mixer(out_channels) if plan.mixers else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, F, Y, X) to (B, out_channels, F, Y, X)."""
        x = self.shortcut(x) + self.drop_path(self.layer(self.first_norm(x)))
        if self.mixer is not None and self.second_norm is not None:
            x = x + self.drop_path(self.mixer(self.second_norm(x)))
        return x
