"""Impulse noise ("salt and pepper"): pixels that are lost to black or white.

No MR scanner makes it. It is here to rerun a paper that trains on it (Umair, Hamid 2025: densities 10, 20 and 30 %).
Drawing is separate from use: :func:`draw_impulses` decides, :func:`add_impulses` applies.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from quietmr.data import InputError


@dataclass(frozen=True)
class ImpulseDraw:
    """Which pixels of one image are lost.

    Attributes
    ----------
    lost : Tensor of bool
        Shape of the image.
    white : Tensor of bool, same shape
        Whether a lost pixel becomes white, else black.
    """

    lost: Tensor
    white: Tensor


def draw_impulses(shape: tuple[int, ...], density: float, rng: torch.Generator) -> ImpulseDraw:
    """Decide which pixels are lost, each on its own, to black or white with equal chances.

    Parameters
    ----------
    shape : tuple of int
    density : float
        Chance of a pixel to be lost, 0 to 1.
    rng : torch.Generator

    Raises
    ------
    InputError
        If the density is no chance.
    """
    if not 0 <= density <= 1:
        raise InputError(f"The density of impulse noise is the chance of a pixel to be lost, 0 to 1, got {density}.")
    chance = torch.rand(shape, generator=rng, device=rng.device)
    return ImpulseDraw(lost=chance < density, white=chance < density / 2)


def add_impulses(clean: Tensor, draw: ImpulseDraw, black: float | Tensor = 0.0, white: float | Tensor = 1.0) -> Tensor:
    """Lose the pixels of a draw.

    Parameters
    ----------
    clean : Tensor
        Magnitude image of the shape of the draw.
    draw : ImpulseDraw
    black, white : float or Tensor that broadcasts to the image
        In the units of the image: 0 and 255 for 8-bit pictures.

    Raises
    ------
    InputError
        If image and draw differ in shape, or the image is complex.
    """
    if clean.is_complex() or clean.shape != draw.lost.shape:
        raise InputError(
            f"Impulse noise was drawn for a magnitude image of shape {tuple(draw.lost.shape)}, got {clean.dtype} of "
            f"shape {tuple(clean.shape)}: draw it for this image, and take the magnitude of a complex one."
        )
    low, high = (torch.as_tensor(value, dtype=clean.dtype, device=clean.device) for value in (black, white))
    return torch.where(draw.lost, torch.where(draw.white, high, low), clean)


@dataclass(frozen=True)
class ImpulseLaw:
    """What training sees of impulses.

    Attributes
    ----------
    densities : tuple of float
        One of them is drawn for each sample.
    white : float
        Intensity of lost pixels that are not black, in the units of the image; nothing is brighter.
    """

    densities: tuple[float, ...]
    white: float


def lose_pixels(clean: Tensor, law: ImpulseLaw, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Make a picture with impulses and its truth.

    Parameters
    ----------
    clean : Tensor, shape (F, Y, X)
        Magnitude.
    law : ImpulseLaw
    rng : torch.Generator
        On the device of the image.

    Returns
    -------
    noisy, target, sigma : Tensor, shape (F, Y, X)
        Picture from 0 to white, the clean image cut at white, and the root mean square of what impulses change on
        average over all draws, the same everywhere: ``sqrt(d / 2 (x^2 + (white - x)^2))``, meaned over the pixels x.
    """
    target = clean.clamp(max=law.white)
    chosen = int(torch.randint(len(law.densities), (), generator=rng, device=rng.device))
    density = law.densities[chosen]
    noisy = add_impulses(target, draw_impulses(tuple(target.shape), density, rng), 0.0, law.white)
    power = density / 2 * (target.square() + (law.white - target).square()).mean()
    return noisy, target, power.sqrt().expand_as(target).contiguous()
