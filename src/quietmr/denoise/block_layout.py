"""How a volume is covered by the blocks of nonlocal Bayes, and where similar blocks may lie."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from quietmr.denoise.channels import Picture

Axis = tuple[int, int, int]

# How far similar blocks are looked for: in volumes along each axis, in single slices in plane.
_SEARCH, _SEARCH_FLAT = 3, 7
# Differences between slices, relative to those in plane, from which slices have little to do with each other.
_THICK = 1.4
_ENOUGH_VOXELS = 1000


def block_shape(pilot: Picture) -> Axis:
    """Choose the block (F, Y, X): cubes, or flat ones where the slices are few, thick or far apart.

    Parameters
    ----------
    pilot : array, shape (F, Y, X), float32 or complex64
        Estimate of the truth in units of the noise SD. Compared are the median differences between neighboring voxels
        across slices and in plane, where there is signal (over 3 SD).
    """
    frames = len(pilot)
    if frames == 1:
        wanted: Axis = (1, 7, 7)
    else:
        wanted = (2, 6, 6) if frames < 4 or _slices_differ(pilot) else (4, 4, 4)
    return _three([min(b, n) for b, n in zip(wanted, pilot.shape, strict=True)])


def _slices_differ(pilot: Picture) -> bool:
    bright = np.abs(pilot) > 3.0
    pairs = [bright.take(range(1, n), axis) for axis, n in enumerate(pilot.shape)]
    if min(pair.sum() for pair in pairs) < _ENOUGH_VOXELS:
        return False
    across, down, along = (float(np.median(np.abs(np.diff(pilot, axis=axis))[pair])) for axis, pair in enumerate(pairs))
    return bool(across > _THICK * np.sqrt(down * along))


def grid(sizes: Axis) -> list[Axis]:
    """List all positions (f, y, x) of a grid of the given size, in C order."""
    a, b, c = sizes
    return [(f, y, x) for f in range(a) for y in range(b) for x in range(c)]


def _three(values: list[int]) -> Axis:
    f, y, x = values
    return f, y, x


@dataclass(frozen=True)
class BlockLayout:
    """Reference blocks side by side over a volume, in cells of up to two per axis that share one search window.

    The last cell of each axis is moved back so that it ends with the volume, and blocks that would leave the volume are
    no candidates: a padded border would look like signal that repeats and noise that repeats with it.

    Attributes
    ----------
    shape : (F, Y, X)
        Size of the volume, at least one block.
    block : (F, Y, X)
        Size of a block.
    reach : (F, Y, X), optional
        How far similar blocks are looked for; chosen if left out.
    """

    shape: Axis
    block: Axis
    reach: Axis | None = None

    @property
    def search(self) -> Axis:
        """How far, in voxels, similar blocks are looked for."""
        usual = _SEARCH_FLAT if self.shape[0] == 1 else _SEARCH
        reach = self.reach or (usual, usual, usual)
        return _three([0 if n == 1 else r for n, r in zip(self.shape, reach, strict=True)])

    @property
    def per_cell(self) -> Axis:
        """Reference blocks of a cell along each axis."""
        return _three([min(2, n // b) for n, b in zip(self.shape, self.block, strict=True)])

    @property
    def cell(self) -> Axis:
        """Size of a cell in voxels."""
        return _three([n * b for n, b in zip(self.per_cell, self.block, strict=True)])

    @property
    def candidates(self) -> Axis:
        """Number of block positions in the window of a cell along each axis."""
        return _three([c - b + 1 + 2 * s for c, b, s in zip(self.cell, self.block, self.search, strict=True)])

    @property
    def window(self) -> Axis:
        """Size of the window of a cell in voxels."""
        return _three([c + 2 * s for c, s in zip(self.cell, self.search, strict=True)])

    @property
    def padding(self) -> list[int]:
        """Margin around the volume, in torch's order, that makes every window whole."""
        return [s for s in reversed(self.search) for _ in range(2)]

    def corners(self) -> list[Axis]:
        """Corners of all cells in the volume, which are those of their windows in the padded volume."""
        starts = [sorted({*range(0, n - c, c), n - c}) for n, c in zip(self.shape, self.cell, strict=True)]
        return [(f, y, x) for f in starts[0] for y in starts[1] for x in starts[2]]

    def inside(self, corners: list[Axis]) -> Tensor:
        """Tell which candidates of some cells lie in the volume; bool, shape (cells, *candidates)."""
        parts = []
        for axis in range(3):
            first = torch.tensor([corner[axis] for corner in corners])[:, None] - self.search[axis]
            position = first + torch.arange(self.candidates[axis])
            parts.append((position >= 0) & (position <= self.shape[axis] - self.block[axis]))
        return parts[0][:, :, None, None] & parts[1][:, None, :, None] & parts[2][:, None, None, :]

    @property
    def fewest_candidates(self) -> int:
        """Candidates inside the volume for the cell that has the fewest: one in a corner, or the only one."""
        fewest = 1
        for n, b, c, s in zip(self.shape, self.block, self.cell, self.search, strict=True):
            fewest *= min(n - b, c - b + s) + 1
        return fewest

    def flat(self, positions: list[Axis]) -> Tensor:
        """Turn positions in the window into indices of the flattened window."""
        _, height, width = self.window
        return torch.tensor([(f * height + y) * width + x for f, y, x in positions])

    @cached_property
    def offsets(self) -> Tensor:
        """Voxels of a block, as indices of the flattened window relative to its first one."""
        return self.flat(grid(self.block))

    @cached_property
    def positions(self) -> Tensor:
        """All candidates, as indices of the flattened window, in rising order."""
        return self.flat(grid(self.candidates))

    @cached_property
    def references(self) -> Tensor:
        """Reference blocks of a cell, as indices of the flattened window."""
        (s0, s1, s2), (b0, b1, b2) = self.search, self.block
        return self.flat([(s0 + f * b0, s1 + y * b1, s2 + x * b2) for f, y, x in grid(self.per_cell)])
