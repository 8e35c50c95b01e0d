"""One random sequence of a beating heart, complex, as a scanner shows it."""

from math import tau

import numpy as np
import torch
from torch import Tensor

from quietmr.phantoms.cine.anatomy import draw_tissues, paint_chest, paint_heart
from quietmr.phantoms.cine.canvas import Canvas, Texture
from quietmr.phantoms.cine.timing import draw_timing
from quietmr.phantoms.psf import acquire_complex, draw_aperture

# Drawn on a grid this much finer in plane than the image, so that little aliases into it.
_FINER = 1.25
_TISSUE = 0.995  # quantile of the brightness that becomes 1


def draw_cine(shape: tuple[int, int, int], rng: np.random.Generator, device: torch.device | None = None) -> Tensor:
    """Draw a complex, noise-free 2D+T sequence of a chest: cine or the first pass of a contrast agent.

    The heart beats with trabeculae, papillary muscles and a wall that thickens, the chest breathes, blood flows in
    and carries a phase, and in a part of the sequences contrast agent passes through. Numbers are drawn by ``rng`` on
    the CPU, pictures are made on the device.

    Parameters
    ----------
    shape : (T, Y, X)
    rng : numpy Generator
    device : torch.device, optional
        CPU if left out.

    Returns
    -------
    Tensor, shape (T, Y, X), complex64
        Brightest tissue about 1; the phase is that of flowing blood and of tissue borders only (see
        :func:`quietmr.noise.phase.smooth_phase` for that of coils and main field).
    """
    frames, height, width = shape
    fine = (frames, round(height * _FINER), round(width * _FINER))
    # From a detail of the heart to the whole chest.
    field_of_view = float(np.exp(rng.uniform(np.log(130.0), np.log(330.0))))
    canvas = Canvas(fine, field_of_view / fine[1], device or torch.device("cpu"))
    tissues, timing = draw_tissues(rng), draw_timing(frames, rng)
    paint_chest(canvas, tissues, timing, rng)
    moving = paint_heart(canvas, tissues, timing, rng)
    image = (canvas.image * _shade(canvas, field_of_view, rng)).clamp_min(0.0)
    speed = canvas.over_time(timing.flow) * float(rng.normal(0.0, 0.08)) * tau
    phase = moving * speed + float(rng.normal(0.0, 0.1)) * Texture(40.0, rng, canvas.device, 0.6).at(canvas.x, canvas.y)
    made = acquire_complex(torch.polar(image, phase), (height, width), draw_aperture(rng))
    bright = torch.quantile(made.abs()[:: max(1, frames // 8)].flatten(), _TISSUE)
    return made / bright.clamp_min(1e-3)


def _shade(canvas: Canvas, field_of_view: float, rng: np.random.Generator) -> Tensor:
    """Brightness that the receive coils give: even after normalization, or far brighter near the chest wall."""
    smooth = float(rng.uniform(0.0, 0.25)) * Texture(150.0, rng, canvas.device, 0.4).at(canvas.x, canvas.y)
    if rng.random() < 0.5:
        return torch.exp(smooth)
    reach = field_of_view * float(rng.uniform(0.25, 0.6))
    away = torch.sqrt(canvas.x.square() + (1.3 * canvas.y).square() + 1.0)
    rise = float(rng.uniform(0.5, np.log(8.0))) * (away / reach).clamp(0.0, 1.3) ** 2
    return torch.exp(smooth + rise - rise.max())
