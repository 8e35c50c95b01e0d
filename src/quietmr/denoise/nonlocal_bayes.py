"""Nonlocal Bayes: blocks of the same kind, found on a pilot image, share a Gaussian model that filters the noisy ones.

After Lebrun, Buades and Morel, "A nonlocal Bayesian image denoising algorithm" (SIAM J. Imaging Sci. 2013), in one
step, with a network's result as the pilot: search and covariance use the pilot only, the filter acts on the noisy data.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

Axis = tuple[int, int, int]

SEARCH = 3
_CELLS_AT_A_TIME = 48


def block_shape(frames: int) -> Axis:
    """Choose the block (F, Y, X) by the number of frames: about 64 voxels, flat where there is no depth."""
    if frames == 1:
        return 1, 8, 8
    return (2, 6, 6) if frames < 4 else (4, 4, 4)


@dataclass(frozen=True)
class Layout:
    """How a volume is covered: reference blocks side by side, in cells of two per axis that share one search window.

    Attributes
    ----------
    block : (F, Y, X)
        Size of a block.
    per_cell : (F, Y, X)
        Reference blocks of a cell along each axis.
    search : (F, Y, X)
        How far, in voxels, similar blocks are looked for.
    """

    block: Axis
    per_cell: Axis
    search: Axis

    @classmethod
    def of(cls, frames: int) -> "Layout":
        """Make the layout of a volume with that many frames."""
        flat = frames == 1
        return cls(block_shape(frames), (1 if flat else 2, 2, 2), (0 if flat else SEARCH, SEARCH, SEARCH))

    @property
    def cell(self) -> Axis:
        """Size of a cell in voxels."""
        f, y, x = (n * b for n, b in zip(self.per_cell, self.block, strict=True))
        return f, y, x

    @property
    def candidates(self) -> Axis:
        """Number of block positions in the window of a cell along each axis."""
        f, y, x = (c - b + 1 + 2 * s for c, b, s in zip(self.cell, self.block, self.search, strict=True))
        return f, y, x

    @property
    def window(self) -> Axis:
        """Size of the window of a cell in voxels."""
        f, y, x = (c + 2 * s for c, s in zip(self.cell, self.search, strict=True))
        return f, y, x

    def flat(self, positions: list[Axis]) -> Tensor:
        """Turn positions in the window into indices of the flattened window."""
        _, height, width = self.window
        return torch.tensor([(f * height + y) * width + x for f, y, x in positions])

    def references(self) -> list[Axis]:
        """Positions of the reference blocks in the window."""
        (s0, s1, s2), (b0, b1, b2) = self.search, self.block
        return [(s0 + f * b0, s1 + y * b1, s2 + x * b2) for f, y, x in _positions(self.per_cell)]

    def padding(self, shape: Axis) -> list[int]:
        """Pad, in torch's order, so that the last cells are whole and every window has its margin."""
        pads: list[int] = []
        for n, c, s in zip(reversed(shape), reversed(self.cell), reversed(self.search), strict=True):
            pads += [s, -n % c + s]
        return pads


def _positions(sizes: Axis) -> list[Axis]:
    """List all positions (f, y, x) of a grid of the given size, in C order."""
    a, b, c = sizes
    return [(f, y, x) for f in range(a) for y in range(b) for x in range(c)]


def _kaiser(block: Axis, beta: float = 2.0) -> list[Tensor]:
    """Weight of each voxel of a block when overlapping results are averaged: one factor for each axis F, Y, X."""
    f, y, x = (torch.kaiser_window(n, periodic=False, beta=beta) for n in block)
    return [f[:, None, None], y[None, :, None], x[None, None, :]]


def _windows(volume: Tensor, corners: list[Axis], window: Axis) -> Tensor:
    """Cut the windows of some cells, shape (cells, F, Y, X)."""
    a, b, c = window
    return torch.stack([volume[f : f + a, y : y + b, x : x + c] for f, y, x in corners])


def _nearest(windows: Tensor, layout: Layout, count: int) -> Tensor:
    """Find the blocks most similar to each reference block.

    Returns
    -------
    Tensor of int, shape (cells, references, count)
        Positions in the flattened window.
    """
    a, b, c = layout.candidates
    offsets = _positions(layout.block)
    blocks = windows.new_empty((len(windows), len(offsets), a, b, c))
    for i, (f, y, x) in enumerate(offsets):
        blocks[:, i] = windows[:, f : f + a, y : y + b, x : x + c]
    blocks = blocks.flatten(2)
    energy = functional.avg_pool3d(windows.square()[:, None], layout.block, stride=1).flatten(2) * len(offsets)
    where = layout.flat(_positions((a, b, c)))
    reference = torch.searchsorted(where, layout.flat(layout.references()))
    # |a - b|^2 without |a|^2, which is the same for all candidates of a reference.
    distance = torch.baddbmm(energy, blocks[:, :, reference].transpose(1, 2), blocks, alpha=-2.0)
    return where[distance.topk(min(count, len(where)), dim=2, largest=False).indices]


def _shrink(pilot: Tensor, noisy: Tensor, variance: Tensor, correlation: Tensor) -> Tensor:
    """Filter groups of noisy blocks by the Gaussian model of their pilots.

    Parameters
    ----------
    pilot, noisy : Tensor, shape (groups, K, d)
    variance : Tensor, shape (groups,)
        Noise variance of each group.
    correlation : Tensor, shape (d, d)
        Correlation matrix of the noise in a block; identity for white noise.

    Returns
    -------
    Tensor, shape (groups, K, d)
        ``Z - v (Z - mean Z) (C + v S)^-1 S``, with C the covariance of the pilots.
    """
    spread = pilot - pilot.mean(1, keepdim=True)
    noise = variance.clamp_min(1e-6)[:, None, None] * correlation
    model = spread.transpose(1, 2) @ spread / (pilot.shape[1] - 1) + noise
    factor = torch.linalg.cholesky_ex(model).L
    centered = (noisy - noisy.mean(1, keepdim=True)).transpose(1, 2)
    return noisy - torch.cholesky_solve(centered, factor).transpose(1, 2) @ noise


@dataclass
class _Sums:
    """Running sums of one pass; several threads add to them."""

    values: Tensor
    blocks: Tensor
    lock: Lock

    def add(self, corners: list[Axis], values: Tensor, blocks: Tensor, window: Axis) -> None:
        a, b, c = window
        with self.lock:
            for (f, y, x), value, count in zip(corners, values, blocks, strict=True):
                self.values[f : f + a, y : y + b, x : x + c] += value.view(window)
                self.blocks[f : f + a, y : y + b, x : x + c] += count.view(window)


def filter_groups(
    noisy: Tensor,
    pilot: Tensor,
    variance: Tensor,
    *,
    group: int = 64,
    correlation: Tensor | None = None,
    floor: float = 0.0,
    threads: int = 1,
) -> Tensor:
    """Filter a volume once.

    Parameters
    ----------
    noisy, pilot, variance : Tensor, shape (F, Y, X), float32
        Noisy values with Gaussian-like noise, an estimate of the truth, and the noise variance at each voxel.
    group : int
        Blocks in a group.
    correlation : Tensor, shape (d, d), optional
        Correlation of the noise in a block of :func:`block_shape`; None for white noise.
    floor : float
        Cells whose pilot stays below it (air) are left as the pilot.
    threads : int
        Threads that work on different cells.

    Returns
    -------
    Tensor, shape (F, Y, X)
    """
    f, y, x = pilot.shape
    layout = Layout.of(f)
    pads = layout.padding((f, y, x))
    volumes = [functional.pad(v[None, None], pads, mode="replicate")[0, 0] for v in (pilot, noisy, variance)]
    size = int(np.prod(layout.block))
    shape = torch.eye(size) if correlation is None else correlation
    factors = _kaiser(layout.block)
    weights = (factors[0] * factors[1] * factors[2]).flatten()
    offsets = layout.flat(_positions(layout.block))
    sums = _Sums(torch.zeros_like(volumes[0]), torch.zeros_like(volumes[0]), Lock())

    def work(corners: list[Axis]) -> None:
        torch.set_num_threads(1)
        with torch.inference_mode():
            windows = [_windows(volume, corners, layout.window) for volume in volumes]
            found = _nearest(windows[0], layout, group)
            voxels = (found[..., None] + offsets).flatten(1)
            groups = (-1, found.shape[2], size)
            pilots, values = (w.flatten(1).gather(1, voxels).view(groups) for w in windows[:2])
            own = layout.flat(layout.references())[:, None] + offsets
            level = windows[2].flatten(1)[:, own].mean(2).flatten()
            filtered = _shrink(pilots, values, level, shape) * weights
            total = torch.zeros_like(windows[0]).flatten(1)
            counts = torch.zeros_like(total)
            positions = found.flatten(1)
            total.scatter_add_(1, voxels, filtered.view(len(corners), -1))
            counts.scatter_add_(1, positions, torch.ones(positions.shape))
            sums.add(corners, total, counts, layout.window)

    parts = list(_batches(volumes[0], layout, floor))
    with ThreadPoolExecutor(max(1, threads)) as pool:
        list(pool.map(work, parts))
    return _average(sums, pilot, factors, layout)


def _batches(pilot: Tensor, layout: Layout, floor: float) -> Iterator[list[Axis]]:
    """Corners of the windows of all cells that are not air, some at a time."""
    inner = tuple(slice(s, n - s) for n, s in zip(pilot.shape, layout.search, strict=True))
    brightest = functional.max_pool3d(pilot[inner][None, None], layout.cell, stride=layout.cell)[0, 0]
    a, b, c = layout.cell
    cells: list[list[int]] = torch.nonzero(brightest > floor).tolist()
    corners = [(f * a, y * b, x * c) for f, y, x in cells]
    for first in range(0, len(corners), _CELLS_AT_A_TIME):
        yield corners[first : first + _CELLS_AT_A_TIME]


def _average(sums: _Sums, pilot: Tensor, factors: list[Tensor], layout: Layout) -> Tensor:
    """Divide the sums by the weights that fell on each voxel; where none did, the pilot stays."""
    f, y, x = pilot.shape
    # A block at position q covers q ... q + block - 1: spread the counts with the weights, one axis after the other.
    fallen = sums.blocks
    for axis, factor in enumerate(factors):
        spread = torch.zeros_like(fallen)
        for shift, weight in enumerate(factor.flatten().tolist()):
            length = fallen.shape[axis] - shift
            spread.narrow(axis, shift, length).add_(fallen.narrow(axis, 0, length), alpha=weight)
        fallen = spread
    mean = sums.values / fallen.clamp_min(1e-6)
    inner = tuple(slice(s, s + n) for s, n in zip(layout.search, (f, y, x), strict=True))
    return torch.where(fallen[inner] > 1e-3, mean[inner], pilot)
