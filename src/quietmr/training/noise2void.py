"""Noise2Void (Krull et al., CVPR 2019): a pixel is told from its surroundings, whose noise is another."""

import torch
from torch import Tensor, nn

from quietmr.data import InputError
from quietmr.training.lessons import SMALLEST_PATCH
from quietmr.training.noisy_input import Forward, expected, in_noise_units, kept_by_parent, noise_units

# Share of blind spots: 64 in a patch of 64 x 64, as in the paper.
BLIND_SHARE = 1 / 64
_REACH = 2  # a blind spot gets the value of a pixel in the window of 5 x 5 around it


def draw_blind_spots(
    shape: tuple[int, int, int, int], rng: torch.Generator, share: float = BLIND_SHARE
) -> tuple[Tensor, Tensor]:
    """Choose blind spots and where the values come from that are shown in their place.

    Parameters
    ----------
    shape : (B, F, Y, X)
    rng : torch.Generator
    share : float
        Of blind spots. A few less are made: none lends its value to another one, so that no value of a blind spot is
        shown anywhere.

    Returns
    -------
    blind : Tensor of bool, shape (B, F, Y, X)
    source : Tensor of int, shape (B, F, Y * X)
        Place in the plane, counted in rows, of the pixel whose value is shown; their own for those that see.

    Raises
    ------
    InputError
        If the patch is too small for the window.
    """
    y, x = shape[2:]
    wide = SMALLEST_PATCH["noise2void"]
    if min(y, x) < wide:
        raise InputError(f"Loss 'noise2void' needs patches of {wide} x {wide} voxels or more in plane, got {y} x {x}.")
    device = rng.device
    drawn = torch.rand(shape, generator=rng, device=device) < share
    side = 2 * _REACH + 1
    window = torch.randint(side * side - 1, shape, generator=rng, device=device)
    window = window + (window >= side * side // 2)  # never the middle
    rows = _inside(torch.arange(y, device=device)[:, None], window // side - _REACH, y)
    columns = _inside(torch.arange(x, device=device), window % side - _REACH, x)
    source = (rows * x + columns).flatten(2)
    blind = drawn & ~drawn.flatten(2).gather(2, source).reshape(shape)
    own = torch.arange(y * x, device=device)
    return blind, torch.where(blind.flatten(2), source, own)


def _inside(place: Tensor, offset: Tensor, size: int) -> Tensor:
    """Move by an offset, to the other side where it would leave the patch."""
    moved = place + offset
    return torch.where((moved < 0) | (moved >= size), place - offset, moved)


def noise2void_objective(
    forward: Forward, batch: list[Tensor], rng: torch.Generator, parent: nn.Module | None = None
) -> Tensor:
    """Mean squared distance to the noisy image at blind spots, which the network sees with the value of a neighbor.

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
        In squared noise SDs; of magnitudes, mean magnitudes are compared.

    Raises
    ------
    InputError
        If a patch is too small.
    """
    snr, told = noise_units(batch)
    b, c, f, y, x = snr.shape
    blind, source = draw_blind_spots((b, f, y, x), rng)
    shown = snr.flatten(3).gather(3, source[:, None].expand(-1, c, -1, -1)).reshape(snr.shape)
    output = in_noise_units(forward, shown, told)
    error = (expected(output) - snr).square() + kept_by_parent(output, parent, shown, told)
    where = blind[:, None].to(error.dtype)
    return (error * where).sum() / (c * where.sum()).clamp_min(1)
