"""Cut a series into tokens and put it together again: what tells one kind of attention from another.

Every kind cuts each of the axes (F, Y, X) in the same way, into groups of tokens of pixels. Tokens attend to the tokens
of their own group; the pixels and channels of a token are its features.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

# Axes of (B, parts, C / parts, groups, tokens, pixels of F, of Y, of X); each part of the channels is a head.
_GROUPS, _TOKENS, _PIXELS = (3, 6, 9), (4, 7, 10), (5, 8, 11)


def _order(*, pixel_major: bool) -> tuple[int, ...]:
    """Where the axes go: series, groups, parts, tokens, features."""
    return 0, *_GROUPS, 1, *_TOKENS, *((*_PIXELS, 2) if pixel_major else (2, *_PIXELS))


@dataclass(frozen=True)
class Axis:
    """How one axis is cut; None stands for as many as the axis has.

    Attributes
    ----------
    pixels : int or None
        Pixels of a token.
    tokens : int or None
        Tokens of a group.
    """

    pixels: int | None
    tokens: int | None

    def cut(self, size: int) -> tuple[int, int, int]:
        """Return groups, tokens per group and pixels per token of an axis; neither is larger than the axis."""
        pixels = size if self.pixels is None else min(self.pixels, size)
        n = math.ceil(size / pixels)
        tokens = n if self.tokens is None else min(self.tokens, n)
        return math.ceil(n / tokens), tokens, pixels


@dataclass(frozen=True)
class Cut:
    """A series of one size, cut.

    Attributes
    ----------
    size : tuple of int
        (F, Y, X).
    axes : tuple of tuple of int
        Groups, tokens per group, pixels per token of F, Y and X.
    shift : tuple of int
        Pixels by which the groups are shifted (Swin), around the end of each axis.
    """

    size: tuple[int, int, int]
    axes: tuple[tuple[int, int, int], ...]
    shift: tuple[int, int, int]

    @classmethod
    def of(cls, size: tuple[int, int, int], axes: tuple[Axis, Axis, Axis], *, shifted: bool = False) -> "Cut":
        """Cut a size; shifted groups move by half a group, but not along an axis that one group covers."""
        cuts = tuple(axis.cut(n) for axis, n in zip(axes, size, strict=True))
        f, y, x = (tokens * pixels // 2 if shifted and groups > 1 else 0 for groups, tokens, pixels in cuts)
        return cls(size, cuts, (f, y, x))

    @property
    def padded(self) -> tuple[int, int, int]:
        """Size (F, Y, X) filled up to whole groups."""
        f, y, x = (math.prod(axis) for axis in self.axes)
        return f, y, x

    @property
    def tokens(self) -> tuple[int, int, int]:
        """Tokens of a group along F, Y and X."""
        f, y, x = (axis[1] for axis in self.axes)
        return f, y, x

    @property
    def n_groups(self) -> int:
        """Groups of the series."""
        return math.prod(axis[0] for axis in self.axes)

    @property
    def n_pixels(self) -> int:
        """Pixels of a token."""
        return math.prod(axis[2] for axis in self.axes)

    def split(self, x: Tensor, heads: int, *, pixel_major: bool = False) -> Tensor:
        """Cut features into tokens.

        Parameters
        ----------
        x : Tensor, shape (B, C, F, Y, X)
        heads : int
            Parts of the features of a token.
        pixel_major : bool
            Line up the features of a token pixel after pixel, so that heads are groups of pixels; otherwise channel
            after channel, so that heads are groups of channels.

        Returns
        -------
        Tensor, shape (B * groups, heads, tokens, features / heads)
        """
        extra = [(after - before) for after, before in zip(self.padded, self.size, strict=True)]
        if any(extra):
            x = functional.pad(x, (0, extra[2], 0, extra[1], 0, extra[0]))
        if any(self.shift):
            x = x.roll([-n for n in self.shift], (2, 3, 4))
        batch, channels = x.shape[:2]
        parts = 1 if pixel_major else heads
        x = x.reshape(batch, parts, channels // parts, *(n for axis in self.axes for n in axis))
        x = x.permute(_order(pixel_major=pixel_major))
        x = x.reshape(batch * self.n_groups, parts, math.prod(self.tokens), -1)
        return x.reshape(x.shape[0], x.shape[2], heads, -1).transpose(1, 2) if pixel_major else x

    def merge(self, x: Tensor, channels: int, *, pixel_major: bool = False) -> Tensor:
        """Undo :meth:`split`."""
        groups, tokens, pixels = zip(*self.axes, strict=True)
        if pixel_major:
            x = x.transpose(1, 2).flatten(2)[:, None]
        parts = x.shape[1]
        features = (*pixels, channels) if pixel_major else (channels // parts, *pixels)
        x = x.reshape(-1, *groups, parts, *tokens, *features)
        order = _order(pixel_major=pixel_major)
        x = x.permute([order.index(axis) for axis in range(len(order))])
        x = x.reshape(x.shape[0], channels, *self.padded)
        if any(self.shift):
            x = x.roll(self.shift, (2, 3, 4))
        f, height, width = self.size
        return x[:, :, :f, :height, :width]

    def mask(self, device: torch.device) -> Tensor | None:
        """Tell which tokens of a group may attend to each other.

        A shift brings together pixels from opposite ends of an axis, and padding adds tokens without a pixel of the
        series: neither may mix with the others.

        Returns
        -------
        Tensor of bool, shape (groups, tokens, tokens), or None if all may
        """
        sizes = list(zip(self.padded, self.size, self.axes, strict=True))
        if not any(self.shift) and all(after - before < axis[2] for after, before, axis in sizes):
            return None
        part = torch.zeros(1, 1, *self.padded, dtype=torch.int32, device=device)
        for n, (after, before, _) in enumerate(sizes):
            index = torch.arange(after, device=device).reshape([-1 if axis == n + 2 else 1 for axis in range(5)])
            part = part + (index < self.shift[n]).int() * 2**n
            part = torch.where(index < before, part, 8)
        unpadded = Cut(self.padded, self.axes, self.shift)
        part = unpadded.split(part, 1)[:, 0].amin(-1)
        return part[:, :, None] == part[:, None, :]
