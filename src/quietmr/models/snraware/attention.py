"""Cosine attention with convolutional projections: the one layer behind every attention kind."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from quietmr.data import ModelError
from quietmr.models.snraware.kinds import AttentionKind
from quietmr.models.snraware.tokens import Cut


def cosine_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    bias: Tensor | None = None,
    *,
    bias_last: bool = False,
) -> Tensor:
    """``softmax(q / |q| . k / |k| + bias) v``.

    Parameters
    ----------
    query, key, value : Tensor, shape (G, heads, tokens, features)
    mask : Tensor of bool, shape (G, 1, tokens, tokens), optional
        True where a token may be attended to.
    bias : Tensor, shape (heads, tokens, tokens), optional
    bias_last : bool
        Add the bias after the softmax, as the reference code does: weights no longer sum to 1, and masked tokens leak.

    Returns
    -------
    Tensor, shape (G, heads, tokens, features)
    """
    query, key = functional.normalize(query, dim=-1), functional.normalize(key, dim=-1)
    extra = mask
    if bias is not None and not bias_last:
        extra = bias[None] if mask is None else torch.where(mask, bias, -math.inf)
    out = functional.scaled_dot_product_attention(query, key, value, extra, scale=1.0)
    return out + bias @ value if bias is not None and bias_last else out


class PositionBias(nn.Module):
    """Learned bias for each distance between two tokens (Swin transformer, Liu et al. 2021).

    Parameters
    ----------
    extent : tuple of int
        Tokens along F, Y and X that the table is made for. Longer distances take its last entry.
    heads : int
    frames_last : bool
        The reference code numbers the tokens of its table (Y, X, F), though they come (F, Y, X).
    """

    def __init__(self, extent: tuple[int, int, int], heads: int, *, frames_last: bool = False) -> None:
        super().__init__()
        self.extent, self.frames_last = extent, frames_last
        self.table = nn.Parameter(torch.empty(math.prod(2 * n - 1 for n in extent), heads))
        nn.init.trunc_normal_(self.table, std=0.02)

    def forward(self, tokens: tuple[int, int, int]) -> Tensor:
        """Give the bias between all tokens of a group, shape (heads, tokens, tokens)."""
        order = (1, 2, 0) if self.frames_last else (0, 1, 2)
        device = self.table.device
        places = torch.meshgrid([torch.arange(tokens[axis], device=device) for axis in order], indexing="ij")
        index = torch.zeros(math.prod(tokens), math.prod(tokens), dtype=torch.long, device=device)
        for place, axis in zip(places, order, strict=True):
            reach = self.extent[axis] - 1
            flat = place.reshape(-1)
            distance = (flat[:, None] - flat[None, :]).clamp(-reach, reach) + reach
            index = index * (2 * reach + 1) + distance
        return self.table[index].permute(2, 0, 1)


class Attention(nn.Module):
    """Query, key and value by 3 x 3 (x 3) convolutions, cosine attention between tokens, and a last convolution.

    Parameters
    ----------
    kind : AttentionKind
        How the series is cut into tokens.
    convolution : callable
        Makes a convolution from numbers of channels, in and out.
    in_channels, out_channels : int
    heads : int
    extent : tuple of int, optional
        Tokens of a group along F, Y and X for a position bias; None for no bias.
    faithful : bool
        As the reference code: heads are cut from the pixels of a token, the bias comes after the softmax, and windows
        of pixels (Swin) take a reordered key as value.

    Raises
    ------
    ModelError
        If the heads do not divide the features.
    """

    def __init__(
        self,
        kind: AttentionKind,
        convolution: Callable[[int, int], nn.Module],
        in_channels: int,
        out_channels: int,
        heads: int,
        *,
        extent: tuple[int, int, int] | None = None,
        faithful: bool = False,
    ) -> None:
        super().__init__()
        self.kind, self.out_channels, self.heads, self.faithful = kind, out_channels, heads, faithful
        self.pixel_major = faithful and kind.pixel_major
        if not self.pixel_major and out_channels % heads:
            raise ModelError(
                f"{heads} heads do not divide {out_channels} channels: choose 'heads' that divides 'width'."
            )
        self.query = convolution(in_channels, out_channels)
        self.key = convolution(in_channels, out_channels)
        self.value = convolution(in_channels, out_channels)
        self.output = convolution(out_channels, out_channels)
        self.bias = None if extent is None else PositionBias(extent, heads, frames_last=faithful)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, F, Y, X) to (B, out_channels, F, Y, X)."""
        cut = self.kind.cut((x.shape[2], x.shape[3], x.shape[4]))
        query, key = self._split(self.query(x), cut), self._split(self.key(x), cut)
        scrambled = self.faithful and self.kind.value_from_key
        value = _reordered(key) if scrambled else self._split(self.value(x), cut)
        mask = cut.mask(x.device)
        if mask is not None:
            mask = mask.repeat(x.shape[0], 1, 1)[:, None]
        bias = None if self.bias is None else self.bias(cut.tokens)
        out = cosine_attention(query, key, value, mask, bias, bias_last=self.faithful)
        result: Tensor = self.output(cut.merge(out, self.out_channels, pixel_major=self.pixel_major))
        return result

    def _split(self, x: Tensor, cut: Cut) -> Tensor:
        if self.pixel_major and self.out_channels * cut.n_pixels % self.heads:
            raise ModelError(
                f"{self.heads} heads do not divide the {self.out_channels * cut.n_pixels} features of a token: "
                "choose another 'heads' or 'width'."
            )
        return cut.split(x, self.heads, pixel_major=self.pixel_major)


def _reordered(key: Tensor) -> Tensor:
    """Read the key (G, heads, tokens, features) as if it lay in memory as (G, tokens, heads, features)."""
    groups, heads, tokens, features = key.shape
    return key.reshape(groups, tokens, heads, features).transpose(1, 2)
