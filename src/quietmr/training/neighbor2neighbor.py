"""Neighbor2Neighbor (Huang et al., CVPR 2021): neighbors are two noisy looks at nearly the same thing."""

import torch
from torch import Tensor, nn

from quietmr.training.noisy_input import Forward, expected, in_noise_units, kept_by_parent, noise_units

# Weight of the second term. The authors let it grow from 0 to 2 over a run; this is its mean.
CONSISTENCY = 1.0
# Pairs of pixels that share an edge in a cell of 2 x 2, counted in rows: 0 1 / 2 3; both orders.
_PAIRS = ((0, 1), (1, 0), (2, 3), (3, 2), (0, 2), (2, 0), (1, 3), (3, 1))


def draw_neighbors(shape: tuple[int, int, int, int], rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Choose two pixels that share an edge in every in-plane cell of 2 x 2.

    Parameters
    ----------
    shape : (B, F, Y, X)
        Of the patches; an odd last row or column is left out.
    rng : torch.Generator

    Returns
    -------
    first, second : Tensor of int, shape (B, F, Y // 2, X // 2)
        Number of the pixel in its cell, 0 to 3, in rows.
    """
    b, f, y, x = shape
    pairs = torch.tensor(_PAIRS, device=rng.device)
    drawn = pairs[torch.randint(len(_PAIRS), (b, f, y // 2, x // 2), generator=rng, device=rng.device)]
    return drawn[..., 0], drawn[..., 1]


def sub_image(image: Tensor, chosen: Tensor) -> Tensor:
    """Take one pixel of every cell: (B, C, F, Y, X) to (B, C, F, Y // 2, X // 2), the same pixel of all channels."""
    b, c, f, y, x = image.shape
    even = image[..., : y // 2 * 2, : x // 2 * 2]
    cells = even.reshape(b, c, f, y // 2, 2, x // 2, 2).transpose(4, 5).flatten(5)
    return cells.gather(5, chosen[:, None, ..., None].expand(-1, c, -1, -1, -1, -1)).squeeze(5)


def neighbor2neighbor_objective(
    forward: Forward, batch: list[Tensor], rng: torch.Generator, parent: nn.Module | None = None
) -> Tensor:
    """Mean squared distance from one sub-image, denoised, to the other one, and how far their difference is explained.

    The second term (eq. 10 of the paper) takes back what the first blurs because neighbors differ: the distance that
    the sub-images of the denoised whole have is not an error. Of magnitudes, mean magnitudes are compared.

    Parameters
    ----------
    forward : callable
    batch : list of Tensor
        Noisy patches and their noise (:func:`noisy_input.noise_units`); white noise is assumed.
    rng : torch.Generator
    parent : nn.Module, optional
        Network that magnitudes stay with in air.

    Returns
    -------
    Tensor, scalar
        In squared noise SDs.
    """
    snr, told = noise_units(batch)
    told = told.expand(-1, -1, *snr.shape[2:])
    b, _, f, y, x = snr.shape
    first, second = draw_neighbors((b, f, y, x), rng)
    source, aim, map_there = sub_image(snr, first), sub_image(snr, second), sub_image(told, first)
    output = in_noise_units(forward, source, map_there)
    with torch.no_grad():
        whole = expected(in_noise_units(forward, snr, told))
    error = expected(output) - aim
    unexplained = error - (sub_image(whole, first) - sub_image(whole, second))
    loss = error.square() + CONSISTENCY * unexplained.square()
    return (loss + kept_by_parent(output, parent, source, map_there)).mean()
