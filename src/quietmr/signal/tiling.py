"""Cut a volume into overlapping tiles and blend the results: pure functions of addresses."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Axis = tuple[int, int, int]
Value = TypeVar("Value", np.float32, np.complex64)


@dataclass(frozen=True)
class Span:
    """One tile along one axis: what to read, and the weight of each sample read."""

    start: int
    stop: int
    weight: NDArray[np.float32]


@dataclass(frozen=True)
class Tile:
    """Address of a tile and its blending weight, shape of the tile."""

    spans: tuple[Span, Span, Span]

    @property
    def where(self) -> tuple[slice, slice, slice]:
        """Index of the tile in the volume (F, Y, X)."""
        a, b, c = (slice(span.start, span.stop) for span in self.spans)
        return a, b, c

    @property
    def weight(self) -> NDArray[np.float32]:
        """Blending weight, product of the three axes; over all tiles the weights add up to 1 everywhere."""
        f, y, x = (span.weight for span in self.spans)
        return np.asarray(f[:, None, None] * y[None, :, None] * x[None, None, :], dtype=np.float32)


def split_axis(size: int, tile: int, halo: int, multiple: int) -> list[Span]:
    """Split one axis into overlapping spans.

    Neighbors share ``2 * halo`` samples (or a little more). In the outer half of the overlap a span counts nothing,
    as its result there still feels the cut; in the inner half its weight rises linearly.

    Parameters
    ----------
    size : int
        Length of the axis.
    tile : int
        Longest span, a multiple of ``multiple`` and larger than ``4 * halo``.
    halo : int
        Samples at a cut that are not trusted.
    multiple : int
        Starts of spans are multiples of it, so that a strided network samples the tile as it would the whole.
    """
    if size <= tile:
        return [Span(0, size, np.ones(size, np.float32))]
    step = (tile - 2 * halo) // multiple * multiple
    n_spans = -(-(size - tile) // step) + 1
    starts = [min(i * step, -(-(size - tile) // multiple) * multiple) for i in range(n_spans)]
    weights = np.zeros((n_spans, size), np.float32)
    position = np.arange(size)
    for i, start in enumerate(starts):
        rise = 1.0 if i == 0 else np.clip((position - start - halo / 2 + 0.5) / halo, 0.0, 1.0)
        fall = 1.0 if i == n_spans - 1 else np.clip((start + tile - halo / 2 - 0.5 - position) / halo, 0.0, 1.0)
        inside = (position >= start) & (position < start + tile)
        weights[i] = np.minimum(rise, fall) * inside
    weights /= weights.sum(axis=0)
    return [Span(start, min(start + tile, size), weights[i, start : start + tile]) for i, start in enumerate(starts)]


def plan_tiles(shape: Axis, limit: Axis, halo: Axis, multiple: Axis) -> list[Tile]:
    """Plan the tiles of a volume.

    Parameters
    ----------
    shape : (F, Y, X)
    limit : (F, Y, X)
        Largest tile.
    halo : (F, Y, X)
    multiple : (F, Y, X)
    """
    axes = [split_axis(*settings) for settings in zip(shape, limit, halo, multiple, strict=True)]
    return [Tile((f, y, x)) for f, y, x in product(*axes)]


def tile_limit(shape: Axis, voxels: int, halo: Axis, multiple: Axis) -> Axis:
    """Choose the largest tile of at most about ``voxels`` voxels, cutting the axis that costs the least overlap.

    Axes are cut into 2, 3, ... parts, always the one whose extra halo is the smallest part of a tile.
    """
    parts = [1, 1, 1]

    def length(axis: int, n: int) -> int:
        if n == 1:
            return shape[axis]
        inner = -(-(shape[axis] + (n - 1) * 2 * halo[axis]) // n)
        return -(-inner // multiple[axis]) * multiple[axis]

    def can_cut(axis: int) -> bool:
        return length(axis, parts[axis] + 1) > 4 * halo[axis] + multiple[axis]

    def size() -> int:
        return int(np.prod([length(axis, parts[axis]) for axis in range(3)]))

    while size() > voxels:
        candidates = [axis for axis in range(3) if can_cut(axis)]
        if not candidates:
            break
        best = min(candidates, key=lambda axis: halo[axis] / length(axis, parts[axis] + 1))
        parts[best] += 1
    f, y, x = (length(axis, parts[axis]) for axis in range(3))
    return f, y, x


def blend(shape: Axis, tiles: list[Tile], results: Iterator[NDArray[Value]]) -> NDArray[Value]:
    """Add up the weighted results of all tiles, real or complex."""
    whole: NDArray[Value] | None = None
    for tile, result in zip(tiles, results, strict=True):
        if whole is None:
            whole = np.zeros(shape, result.dtype)
        whole[tile.where] += tile.weight * result
    assert whole is not None, "there is a tile"
    return whole
