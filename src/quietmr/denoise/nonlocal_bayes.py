"""Nonlocal Bayes: blocks of the same kind, found on a pilot image, share a Gaussian model that filters the noisy ones.

After Lebrun, Buades and Morel, "A nonlocal Bayesian image denoising algorithm" (SIAM J. Imaging Sci. 2013), in one
step, with a network's result as the pilot: search and covariance use the pilot only, the filter acts on the noisy data.

A complex volume is two planes, real and imaginary part. Blocks are alike if they are near in the complex plane, and
both parts of a group share one real covariance, so that the filter of rotated data is the rotated result. (A Hermitian
covariance has twice as many unknowns for the same blocks and was up to 0.7 dB worse.)
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from threading import Lock

import torch
from torch import Tensor
from torch.nn import functional

from quietmr.denoise.block_layout import Axis, BlockLayout, block_shape, grid

_CELLS_AT_A_TIME = 48


def _kaiser(block: Axis, beta: float = 2.0) -> list[Tensor]:
    """Weight of each voxel of a block when overlapping results are averaged: one factor for each axis F, Y, X."""
    f, y, x = (torch.kaiser_window(n, periodic=False, beta=beta) if n > 1 else torch.ones(1) for n in block)
    return [f[:, None, None], y[None, :, None], x[None, None, :]]


def _planes(volume: Tensor) -> Tensor:
    """Real volumes, shape (planes, F, Y, X): one, or real and imaginary part."""
    return torch.view_as_real(volume).movedim(-1, 0).contiguous() if volume.is_complex() else volume[None]


def _windows(volume: Tensor, corners: list[Axis], window: Axis) -> Tensor:
    """Cut the windows of some cells, shape (cells, planes, F, Y, X)."""
    a, b, c = window
    return torch.stack([volume[:, f : f + a, y : y + b, x : x + c] for f, y, x in corners])


def _nearest(windows: Tensor, inside: Tensor, layout: BlockLayout, count: int) -> Tensor:
    """Find the blocks most similar to each reference block.

    Parameters
    ----------
    windows : Tensor, shape (cells, planes, F, Y, X)
        Of the pilot.
    inside : Tensor of bool, shape (cells, *candidates)
        Candidates that may be taken.

    Returns
    -------
    Tensor of int, shape (cells, references, count)
        Positions in the flattened window.
    """
    a, b, c = layout.candidates
    offsets = grid(layout.block)
    planes = windows.shape[1]
    blocks = windows.new_empty((len(windows), planes, len(offsets), a, b, c))
    for i, (f, y, x) in enumerate(offsets):
        blocks[:, :, i] = windows[:, :, f : f + a, y : y + b, x : x + c]
    blocks = blocks.flatten(3).flatten(1, 2)
    power = windows.square().sum(1, keepdim=True)
    energy = functional.avg_pool3d(power, layout.block, stride=1)[:, 0] * len(offsets)
    energy = energy.masked_fill(~inside, torch.inf).flatten(1)[:, None]
    reference = torch.searchsorted(layout.positions, layout.references)
    # |a - b|^2 without |a|^2, which is the same for all candidates of a reference.
    distance = torch.baddbmm(energy, blocks[:, :, reference].transpose(1, 2), blocks, alpha=-2.0)
    return layout.positions[distance.topk(count, dim=2, largest=False, sorted=False).indices]


def _shrink(pilot: Tensor, noisy: Tensor, variance: Tensor, correlation: Tensor | None) -> Tensor:
    """Filter groups of noisy blocks by the Gaussian model of their pilots.

    Parameters
    ----------
    pilot, noisy : Tensor, shape (groups, planes, K, d)
    variance : Tensor, shape (groups,)
        Noise variance of each group, in each plane.
    correlation : Tensor or None, shape (d, d)
        Correlation matrix of the noise in a block; None for white noise.

    Returns
    -------
    Tensor, shape (groups, planes, K, d)
        ``Z - v (Z - mean Z) (C + v S)^-1 S``, with C the covariance of the pilots, one for all planes.
    """
    planes, members = pilot.shape[1:3]
    spread = (pilot - pilot.mean(2, keepdim=True)).flatten(1, 2)
    level = variance.clamp_min(1e-6)[:, None, None]
    model = spread.transpose(1, 2) @ spread / (planes * max(members - 1, 1))
    if correlation is None:
        model.diagonal(dim1=1, dim2=2).add_(level[:, 0])
    else:
        model += level * correlation
    factor = torch.linalg.cholesky_ex(model).L
    centered = (noisy - noisy.mean(2, keepdim=True)).flatten(1, 2).transpose(1, 2)
    solved = torch.cholesky_solve(centered, factor).transpose(1, 2)
    removed = level * (solved if correlation is None else solved @ correlation)
    return noisy - removed.view(noisy.shape)


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
                self.values[:, f : f + a, y : y + b, x : x + c] += value.view(-1, a, b, c)
                self.blocks[f : f + a, y : y + b, x : x + c] += count.view(a, b, c)


def filter_groups(  # noqa: PLR0913 - what a pass may be told
    noisy: Tensor,
    pilot: Tensor,
    variance: Tensor,
    *,
    block: Axis | None = None,
    search: Axis | None = None,
    group: int = 64,
    correlation: Tensor | None = None,
    floor: float = 0.0,
) -> Tensor:
    """Filter a volume once, with as many threads as torch is set to.

    Parameters
    ----------
    noisy, pilot : Tensor, shape (F, Y, X), float32 or complex64
        Noisy values with Gaussian-like noise, and an estimate of the truth.
    variance : Tensor, shape (F, Y, X), float32
        Noise variance at each voxel, of complex values in each of real and imaginary part.
    block : (F, Y, X), optional
        Size of the blocks, at most that of the volume; None chooses it by :func:`block_shape`.
    search : (F, Y, X), optional
        How far similar blocks are looked for; None chooses it.
    group : int
        Blocks in a group, at most; fewer where a corner of a small volume has no more.
    correlation : Tensor, shape (d, d), optional
        Correlation of the noise in a block; None for white noise.
    floor : float
        Cells whose pilot stays below it (air) are left as the pilot.

    Returns
    -------
    Tensor, shape (F, Y, X), of the type of the noisy values
    """
    f, y, x = pilot.shape
    layout = BlockLayout((f, y, x), block or block_shape(pilot.numpy()), search)
    # No candidate reaches into the margin, so it may hold anything.
    volumes = [functional.pad(_planes(volume), layout.padding) for volume in (pilot, noisy, variance)]
    sums = _Sums(torch.zeros_like(volumes[0]), torch.zeros_like(volumes[2][0]), Lock())
    count = min(group, layout.fewest_candidates)

    def work(corners: list[Axis]) -> None:
        torch.set_num_threads(1)
        with torch.inference_mode():
            sums.add(corners, *_filter_cells(volumes, corners, layout, count, correlation), layout.window)

    corners = _cells_with_signal(pilot, layout, floor)
    parts = [corners[first : first + _CELLS_AT_A_TIME] for first in range(0, len(corners), _CELLS_AT_A_TIME)]
    threads = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, parts))
    finally:
        # The threads of the pool run one operation each on one core, which torch then keeps as its setting.
        torch.set_num_threads(threads)
    return _average(sums, pilot, layout)


def _filter_cells(
    volumes: list[Tensor], corners: list[Axis], layout: BlockLayout, count: int, correlation: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Filter the groups of some cells.

    Returns
    -------
    values : Tensor, shape (cells, planes, voxels of the window)
        Sum of the weighted results at each voxel.
    blocks : Tensor, shape (cells, voxels of the window)
        How many blocks began there.
    """
    size = prod(layout.block)
    cells, planes = len(corners), len(volumes[0])
    factors = _kaiser(layout.block)
    windows = [_windows(volume, corners, layout.window) for volume in volumes]
    found = _nearest(windows[0], layout.inside(corners), layout, count)
    voxels = (found[..., None] + layout.offsets).flatten(1)
    every = voxels[:, None].expand(-1, planes, -1)

    def groups(window: Tensor) -> Tensor:
        return window.flatten(2).gather(2, every).view(cells, planes, -1, count, size).transpose(1, 2).flatten(0, 1)

    own = layout.references[:, None] + layout.offsets
    level = windows[2].flatten(1)[:, own].mean(2).flatten()
    filtered = _shrink(groups(windows[0]), groups(windows[1]), level, correlation)
    weighted = filtered * (factors[0] * factors[1] * factors[2]).flatten()
    total = torch.zeros_like(windows[0]).flatten(2)
    counts = torch.zeros_like(windows[2]).flatten(1)
    total.scatter_add_(2, every, weighted.view(cells, -1, planes, count, size).transpose(1, 2).flatten(2))
    positions = found.flatten(1)
    counts.scatter_add_(1, positions, torch.ones(positions.shape))
    return total, counts


def _cells_with_signal(pilot: Tensor, layout: BlockLayout, floor: float) -> list[Axis]:
    """Corners of all cells that are not air."""
    level = pilot.abs() if pilot.is_complex() else pilot
    a, b, c = layout.cell
    return [(f, y, x) for f, y, x in layout.corners() if float(level[f : f + a, y : y + b, x : x + c].max()) > floor]


def _average(sums: _Sums, pilot: Tensor, layout: BlockLayout) -> Tensor:
    """Divide the sums by the weights that fell on each voxel; where none did, the pilot stays."""
    f, y, x = pilot.shape
    # A block at position q covers q ... q + block - 1: spread the counts with the weights, one axis after the other.
    fallen = sums.blocks
    for axis, factor in enumerate(_kaiser(layout.block)):
        spread = torch.zeros_like(fallen)
        for shift, weight in enumerate(factor.flatten().tolist()):
            length = fallen.shape[axis] - shift
            spread.narrow(axis, shift, length).add_(fallen.narrow(axis, 0, length), alpha=weight)
        fallen = spread
    mean = sums.values / fallen.clamp_min(1e-6)
    inner = tuple(slice(s, s + n) for s, n in zip(layout.search, (f, y, x), strict=True))
    found = mean[:, *inner]
    result = torch.view_as_complex(found.movedim(0, -1).contiguous()) if pilot.is_complex() else found[0]
    return torch.where(fallen[inner] > 1e-3, result, pilot)
