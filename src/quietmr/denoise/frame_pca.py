"""What the frames of a sequence have in common: principal components of small patches, optimally shrunk.

A patch of a sequence is a matrix of pixels and frames. Without noise a few components make it up, for tissue moves
together and moves again; the noise spreads over all of them. Which singular values are noise follows from its known
level (Marchenko, Pastur 1967), and how far the others have to be shrunk to be nearest to the truth is known in closed
form (Gavish and Donoho, IEEE Trans. Inf. Theory 63:2137, 2017). Complex images keep their phase and need half as many
components as real and imaginary part would.
"""

import torch
from torch import Tensor

from quietmr.denoise.channels import Picture
from quietmr.denoise.frame_patches import filter_patches
from quietmr.denoise.noise_edge import edge_inflation

_SIDE, _STEP = 9, 3  # of the patches, in pixels


def common_part(series: Picture) -> Picture:
    """Keep what several pixels or frames share.

    Parameters
    ----------
    series : array, shape (F, Y, X), complex64
        In units of the noise SD per real channel. The noise of one frame must not depend on that of another; in the
        plane it may be correlated.

    Returns
    -------
    array, shape (F, Y, X), complex64
    """
    sides = (min(_SIDE, series.shape[1]), min(_SIDE, series.shape[2]))
    inflation = edge_inflation(series, sides)

    def work(patches: Tensor) -> tuple[Tensor, Tensor]:
        kept, rank = _shrink(patches, inflation)
        # Patches with few components are the surest.
        return kept, 1.0 / (1.0 + rank)

    return filter_patches([series], _SIDE, _STEP, work)


def _shrink(patches: Tensor, inflation: float) -> tuple[Tensor, Tensor]:
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
    rank : Tensor, shape (B,)
    """
    _, frames, pixels = patches.shape
    if frames > pixels:
        kept, rank = _shrink(patches.mT, inflation)
        return kept.mT, rank
    squares, basis = torch.linalg.eigh(patches @ patches.mH)
    ratio = frames / pixels
    # In these units the singular values of noise alone end at 1 + sqrt(ratio).
    sizes = (squares.clamp_min(0.0) / (2.0 * pixels)).sqrt() / inflation
    square = sizes.square().clamp_min(1e-12)
    inside = ((square - ratio - 1.0).square() - 4.0 * ratio).clamp_min(0.0)
    factors = torch.where(sizes > 1.0 + ratio**0.5, inside.sqrt() / square, 0.0)
    operator = (basis * factors[:, None, :].to(basis.dtype)) @ basis.mH
    return operator @ patches, (factors > 0).sum(1).float()
