"""What the frames of a sequence have in common: principal components of small patches, optimally shrunk.

A patch of a sequence is a matrix of pixels and frames. Without noise a few components make it up, for tissue moves
together and moves again; the noise spreads over all of them. Which singular values are noise follows from its known
level (Marchenko, Pastur 1967), and how far the others have to be shrunk to be nearest to the truth is known in closed
form (Gavish and Donoho, IEEE Trans. Inf. Theory 63:2137, 2017). Complex images keep their phase and need half as many
components as real and imaginary part would.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quietmr.denoise.channels import Picture
from quietmr.denoise.noise_edge import edge_inflation

_SIDE, _STEP = 9, 3  # of the patches, in pixels
_LEAST_LEFT = 0.02  # of the noise: no patch is free of it


class Common(NamedTuple):
    """What is left of a sequence, and of its noise.

    Attributes
    ----------
    picture : array, shape (F, Y, X), complex64
    left : array, shape (F, Y, X), float32
        Noise SD per real channel that is expected in it, relative to that before.
    """

    picture: Picture
    left: NDArray[np.float32]


def common_part(series: Picture) -> Common:
    """Keep what several pixels or frames share.

    Parameters
    ----------
    series : array, shape (F, Y, X), complex64
        In units of the noise SD per real channel. The noise of one frame must not depend on that of another; in the
        plane it may be correlated.
    """
    frames, *size = series.shape
    x = torch.from_numpy(np.ascontiguousarray(series, np.complex64))
    sides = [min(_SIDE, n) for n in size]
    inflation = edge_inflation(series, (sides[0], sides[1]))
    values, variance, weights = torch.zeros_like(x), torch.zeros(series.shape), torch.zeros(size)
    for corners in _rows_of_corners(size, sides):
        patches = torch.stack([x[:, y : y + sides[0], c : c + sides[1]].flatten(1) for y, c in corners])
        kept, left, rank = _shrink(patches, inflation)
        # Patches with few components are the surest.
        for (y, c), patch, rest, weight in zip(corners, kept, left, 1.0 / (1.0 + rank), strict=True):
            rows, columns = slice(y, y + sides[0]), slice(c, c + sides[1])
            values[:, rows, columns] += weight * patch.view(frames, *sides)
            variance[:, rows, columns] += weight * rest[:, None, None]
            weights[rows, columns] += weight
    spread = (variance / weights).clamp_min(_LEAST_LEFT**2).sqrt()
    return Common(np.asarray((values / weights).numpy(), np.complex64), spread.numpy())


def _rows_of_corners(size: list[int], sides: list[int]) -> Iterator[list[tuple[int, int]]]:
    """Corners of overlapping patches, one row of patches at a time."""
    ys, xs = ([*range(0, n - side, _STEP), n - side] for n, side in zip(size, sides, strict=True))
    for y in ys:
        yield [(y, x) for x in xs]


def _shrink(patches: Tensor, inflation: float) -> tuple[Tensor, Tensor, Tensor]:
    """Shrink the singular values of patches.

    Parameters
    ----------
    patches : Tensor, shape (B, F, N), complex
        Frames and pixels; noise variance 2 (1 for each real channel).
    inflation : float
        Edge of the singular values of the noise, relative to that of white noise.

    Returns
    -------
    kept : Tensor, shape (B, F, N)
    left : Tensor, shape (B, F)
        Part of the noise variance that is still in each frame.
    rank : Tensor, shape (B,)
    """
    _, frames, pixels = patches.shape
    if frames > pixels:
        kept, left, rank = _shrink(patches.mT, inflation)
        return kept.mT, left.mean(1, keepdim=True).expand(-1, frames), rank
    squares, basis = torch.linalg.eigh(patches @ patches.mH)
    ratio = frames / pixels
    # In these units the singular values of noise alone end at 1 + sqrt(ratio).
    sizes = (squares.clamp_min(0.0) / (2.0 * pixels)).sqrt() / inflation
    square = sizes.square().clamp_min(1e-12)
    inside = ((square - ratio - 1.0).square() - 4.0 * ratio).clamp_min(0.0)
    factors = torch.where(sizes > 1.0 + ratio**0.5, inside.sqrt() / square, 0.0)
    operator = (basis * factors[:, None, :].to(basis.dtype)) @ basis.mH
    rank = (factors > 0).sum(1).float()
    # A matrix of this rank has so many free numbers, and as much of the noise stays. Among the frames it is spread as
    # the operator has it.
    free = factors.square().sum(1) * (pixels + frames - rank) / (pixels * frames)
    share = operator.abs().square().sum(2)
    left = free[:, None] * share / share.mean(1, keepdim=True).clamp_min(1e-12)
    return operator @ patches, left, rank
