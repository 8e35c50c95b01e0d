"""Shapes and textures on a device: level functions in mm, partial volume, fields that move with the tissue."""

from math import tau

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

_FIELD = 192  # samples of a texture along each side


class Canvas:
    """A sequence that tissue is painted on.

    Parameters
    ----------
    shape : (T, Y, X)
    spacing : float
        Distance between pixel centers in mm.
    device : torch.device

    Attributes
    ----------
    image : Tensor, shape (T, Y, X), float32
        Brightness.
    x, y : Tensor, shape (1, 1, X) and (1, Y, 1)
        Position in mm; 0 is the middle.
    """

    def __init__(self, shape: tuple[int, int, int], spacing: float, device: torch.device) -> None:
        y, x = shape[1:]
        self.spacing, self.device = spacing, device
        self.image = torch.zeros(shape, device=device)
        self.y = ((torch.arange(y, device=device) - (y - 1) / 2) * spacing)[None, :, None]
        self.x = ((torch.arange(x, device=device) - (x - 1) / 2) * spacing)[None, None, :]

    def over_time(self, course: np.ndarray | float) -> Tensor:
        """Turn numbers, one for each frame, into a tensor (T, 1, 1)."""
        return torch.as_tensor(np.atleast_1d(course), dtype=torch.float32, device=self.device)[:, None, None]

    def cover(self, level: Tensor) -> Tensor:
        """Part of each pixel where a level function (mm below a surface) is positive."""
        return (level / self.spacing + 0.5).clamp(0.0, 1.0)

    def paint(self, part: Tensor, value: Tensor | float) -> None:
        """Put tissue into the covered part of each pixel."""
        self.image = self.image + part * (value - self.image)


class Texture:
    """A random periodic field with one dominant wavelength, mean 0, SD 1, looked up at any place.

    Parameters
    ----------
    wavelength : float
        In mm.
    rng : numpy Generator
    device : torch.device
    octaves : float
        Width of the band; large ones hold all scales.
    """

    def __init__(self, wavelength: float, rng: np.random.Generator, device: torch.device, octaves: float = 0.5) -> None:
        self.size = 16.0 * wavelength
        frequency = torch.fft.fftfreq(_FIELD, 1.0 / _FIELD, device=device)
        radius = torch.sqrt(frequency[:, None].square() + frequency[None, :].square()).clamp_min(1e-3)
        gain = torch.exp(-0.5 * (torch.log2(radius / 16.0) / octaves).square())
        white = torch.from_numpy(rng.standard_normal((_FIELD, _FIELD), dtype=np.float32)).to(device)
        field = torch.fft.ifft2(torch.fft.fft2(white) * gain).real
        self.field = field / field.std().clamp_min(1e-9)

    def at(self, x: Tensor, y: Tensor) -> Tensor:
        """Values at places in mm; both of a shape that broadcasts to (T, Y, X)."""
        place = torch.stack([x + 0.0 * y, y + 0.0 * x], dim=-1) / self.size
        # Each sample stands for the middle of its cell.
        inside = 2.0 * (place - torch.floor(place)) - 1.0
        padded = functional.pad(self.field[None, None], (1, 1, 1, 1), mode="circular")
        scaled = inside * (_FIELD / (_FIELD + 2))
        field = padded.expand(len(scaled), 1, -1, -1)
        return functional.grid_sample(field, scaled, mode="bilinear", align_corners=False)[:, 0]


def ellipse(x: Tensor, y: Tensor, radii: tuple[Tensor | float, Tensor | float]) -> Tensor:
    """Depth in mm below the edge of an ellipse around 0, about right near the edge; negative outside."""
    rx, ry = radii
    return (1.0 - torch.sqrt((x / rx).square() + (y / ry).square() + 1e-8)) * ((rx * ry) ** 0.5)


def ripple(angle: Tensor, rng: np.random.Generator, size: float) -> Tensor:
    """Random smooth closed curve: deviation in mm over the angle, so that no outline is a perfect ellipse."""
    total = torch.zeros_like(angle)
    for order in (2, 3, 4, 5):
        total = total + float(rng.normal(0.0, size / order)) * torch.cos(order * angle + float(rng.uniform(0.0, tau)))
    return total
