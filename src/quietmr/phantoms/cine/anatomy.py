"""A chest with its heart in about short-axis view, painted for all frames at once."""

from dataclasses import dataclass, replace
from math import cos, pi, sin

import numpy as np
import torch
from torch import Tensor

from quietmr.phantoms.cine.canvas import Canvas, Texture, ellipse, ripple
from quietmr.phantoms.cine.timing import Timing


@dataclass(frozen=True)
class Tissues:
    """Brightness of the tissues, blood without contrast agent about 1."""

    blood: float
    muscle: float
    fat: float
    liver: float
    lung: float
    wall: float


def draw_tissues(rng: np.random.Generator) -> Tissues:
    """Draw a weighting: bright blood as in balanced sequences, dark blood, or anything."""
    muscle = float(rng.uniform(0.2, 0.5))
    tissues = Tissues(
        blood=float(rng.uniform(0.8, 1.1)),
        muscle=muscle,
        fat=float(rng.uniform(0.5, 1.2)),
        liver=float(rng.uniform(0.3, 0.7)),
        lung=float(rng.uniform(0.01, 0.08)),
        wall=float(rng.uniform(0.7, 1.2)) * muscle,
    )
    if rng.random() < 0.2:
        return replace(tissues, blood=float(rng.uniform(0.02, 0.3)), fat=float(rng.uniform(0.05, 1.0)))
    return tissues


def paint_chest(canvas: Canvas, tissues: Tissues, timing: Timing, rng: np.random.Generator) -> None:
    """Paint all but the heart: outline, wall, lungs with vessels, liver, spine, aorta."""
    device = canvas.device
    lift = canvas.over_time(timing.breath * rng.uniform(2.0, 7.0))
    x, y = canvas.x, canvas.y + 0.25 * lift
    angle = torch.atan2(y, x)
    outline = ellipse(x, y, (float(rng.uniform(130, 185)), float(rng.uniform(90, 125)))) + ripple(angle, rng, 6.0)
    streaks = Texture(float(rng.uniform(4.0, 12.0)), rng, device, 1.0).at(x, y)
    canvas.paint(canvas.cover(outline), tissues.fat * (1.0 + 0.08 * streaks))
    depth = float(rng.uniform(6.0, 30.0))
    canvas.paint(canvas.cover(outline - depth), tissues.wall * (1.0 + 0.12 * streaks))
    rib = 4.0 - torch.sqrt(
        (outline - depth - 9.0).square() + (((angle * 130.0) % float(rng.uniform(35.0, 60.0))) - 20.0).square() * 0.1
    )
    canvas.paint(canvas.cover(rib), 0.25 * tissues.fat)
    cage = outline - depth - float(rng.uniform(14.0, 22.0))
    y_lung = canvas.y + 0.8 * lift
    branches = Texture(float(rng.uniform(9.0, 18.0)), rng, device, 0.8).at(x, y_lung)
    grain = Texture(float(rng.uniform(3.0, 6.0)), rng, device, 1.0).at(x, y_lung)
    agent = canvas.over_time(timing.contrast["lungs"])
    vessels = (2.0 * (branches - 1.2)).clamp(0.0, 1.0)
    canvas.paint(canvas.cover(cage), agent * (tissues.lung * (1.0 + 0.2 * grain) + 0.4 * tissues.blood * vessels))
    _paint_organs(canvas, tissues, timing, lift, rng)
    _paint_back(canvas, tissues, timing, rng)


def _paint_organs(canvas: Canvas, tissues: Tissues, timing: Timing, lift: Tensor, rng: np.random.Generator) -> None:
    """Paint liver and stomach, which rise and sink with the diaphragm."""
    agent = canvas.over_time(timing.contrast["organs"])
    for side, size in ((-1.0, 1.0), (1.0, 0.7)):
        center = (side * float(rng.uniform(55, 95)), float(rng.uniform(30, 70)))
        x, y = canvas.x - center[0], canvas.y - center[1] + 1.6 * lift
        radii = (size * float(rng.uniform(45, 75)), size * float(rng.uniform(35, 60)))
        level = ellipse(x, y, radii) + ripple(torch.atan2(y, x), rng, 4.0)
        field = Texture(float(rng.uniform(8.0, 20.0)), rng, canvas.device, 0.6).at(x, y)
        vessels = (3.0 * (field - 1.4)).clamp(0.0, 1.0)
        value = tissues.liver * float(rng.uniform(0.7, 1.3)) * (1.0 + 0.04 * field) + 0.3 * tissues.blood * vessels
        canvas.paint(canvas.cover(level), agent * value)


def _paint_back(canvas: Canvas, tissues: Tissues, timing: Timing, rng: np.random.Generator) -> None:
    """Paint spine, canal and great vessels; the aorta pulses."""
    low = float(rng.uniform(45.0, 75.0))
    for radius, value in ((22.0, 0.15), (19.0, float(rng.uniform(0.3, 0.7)))):
        canvas.paint(canvas.cover(ellipse(canvas.x, canvas.y - low, (radius, 0.85 * radius))), value)
    canvas.paint(canvas.cover(ellipse(canvas.x, canvas.y - low - 24.0, (9.0, 7.0))), float(rng.uniform(0.3, 1.2)))
    pulse = canvas.over_time(1.0 + 0.25 * timing.flow * rng.uniform(0.0, 1.0))
    agent = canvas.over_time(timing.contrast["left"])
    x, y = canvas.x - float(rng.uniform(15.0, 30.0)), canvas.y - low + float(rng.uniform(10.0, 20.0))
    wide = float(rng.uniform(9.0, 13.0)) * (1.0 + 0.05 * canvas.over_time(timing.squeeze))
    canvas.paint(canvas.cover(ellipse(x, y, (wide + 1.5, wide + 1.5))), tissues.wall)
    canvas.paint(canvas.cover(ellipse(x, y, (wide, wide))), agent * pulse * tissues.blood)


def paint_heart(canvas: Canvas, tissues: Tissues, timing: Timing, rng: np.random.Generator) -> Tensor:
    """Paint the heart.

    Returns
    -------
    Tensor, shape (T, Y, X)
        Part of each pixel that is filled with moving blood, 0 to 1.
    """
    squeeze = canvas.over_time(timing.squeeze)
    x, y = _heart_axes(canvas, timing, rng)
    angle = torch.atan2(y, x)
    outer = float(rng.uniform(28.0, 42.0))
    inner = outer - float(rng.uniform(6.0, 14.0))
    tight = inner * float(rng.uniform(0.5, 0.8))
    inner_now = inner + (tight - inner) * squeeze
    # Muscle keeps its area, but for what the heart becomes shorter by.
    outer_now = torch.sqrt(inner_now.square() + (1.0 + 0.1 * squeeze) * (outer**2 - inner**2))
    shape = ripple(angle, rng, 1.5)
    left, pool = outer_now + shape - _radius(x, y), inner_now + shape - _radius(x, y)
    # Tissue keeps its texture while it moves: the place it had at rest.
    at_rest = inner / inner_now
    grain = Texture(float(rng.uniform(3.0, 8.0)), rng, canvas.device, 0.8).at(x * at_rest, y * at_rest)
    # Scars and edema are brighter or darker parts of the wall.
    uneven = Texture(35.0, rng, canvas.device, 0.5).at(x * at_rest, y * at_rest)
    contrast = {name: canvas.over_time(course) for name, course in timing.contrast.items()}
    patchy = float(rng.uniform(0.0, 0.25)) * uneven
    muscle = contrast["muscle"] * tissues.muscle * (1.0 + float(rng.uniform(0.01, 0.08)) * grain + patchy)
    blood = [contrast[side] * tissues.blood * _inflow(canvas, timing, rng) for side in ("right", "left")]
    canvas.paint(canvas.cover(left + float(rng.uniform(1.0, 5.0))), tissues.fat)
    right = _paint_right(canvas, (x, y), (muscle, blood[0]), outer, squeeze, rng)
    canvas.paint(canvas.cover(left), muscle)
    trabeculae = Texture(float(rng.uniform(4.0, 9.0)), rng, canvas.device, 0.6).at(x * at_rest, y * at_rest)
    rough = torch.minimum(pool, float(rng.uniform(0.8, 2.0)) * trabeculae + 0.8 * pool)
    cavity = canvas.cover(rough)
    canvas.paint(cavity, blood[1])
    for _ in range(int(rng.integers(1, 4))):
        cavity = cavity * (1.0 - _paint_papillary(canvas, (x, y), inner_now, muscle, rng))
    return torch.maximum(cavity, right * (1.0 - canvas.cover(left)))


def _heart_axes(canvas: Canvas, timing: Timing, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Coordinates of the heart in mm: it is pushed by breathing, shifts and turns with each beat."""
    squeeze = canvas.over_time(timing.squeeze)
    breath = canvas.over_time(timing.breath * rng.uniform(3.0, 16.0))
    direction = float(rng.normal(-pi / 2, 0.4))
    left, low = rng.uniform(-12.0, 12.0, 2)
    dx = canvas.x - float(left) - 15.0 - cos(direction) * breath - float(rng.normal(0.0, 1.5)) * squeeze
    dy = canvas.y - float(low) + 5.0 - sin(direction) * breath - float(rng.normal(0.0, 1.5)) * squeeze
    turn = float(rng.uniform(0.0, 2 * pi)) + float(rng.normal(0.0, 0.1)) * squeeze
    oval = float(np.exp(rng.normal(0.0, 0.1)))
    x, y = dx * torch.cos(turn) + dy * torch.sin(turn), dy * torch.cos(turn) - dx * torch.sin(turn)
    return x * oval, y / oval


def _radius(x: Tensor, y: Tensor) -> Tensor:
    return torch.sqrt(x.square() + y.square() + 1e-6)


def _inflow(canvas: Canvas, timing: Timing, rng: np.random.Generator) -> Tensor:
    """Brightness of blood over place and time: fresh spins flow in, fast blood loses signal, eddies drift."""
    drift = canvas.over_time(np.cumsum(0.3 + np.abs(timing.flow)) * rng.uniform(0.5, 3.0))
    eddies = Texture(float(rng.uniform(10.0, 30.0)), rng, canvas.device, 0.6)
    field = eddies.at(canvas.x + drift, canvas.y - 0.7 * drift)
    speed = canvas.over_time(timing.flow)
    fresh = float(rng.normal(0.0, 0.15)) * speed
    lost = float(rng.uniform(0.0, 0.2)) * speed.abs() * (field - 0.8).clamp(0.0, 1.5)
    return (1.0 + fresh - lost + float(rng.uniform(0.0, 0.08)) * field).clamp_min(0.05)


def _paint_right(
    canvas: Canvas,
    place: tuple[Tensor, Tensor],
    tissues: tuple[Tensor, Tensor],
    outer: float,
    squeeze: Tensor,
    rng: np.random.Generator,
) -> Tensor:
    """Paint the crescent of the right ventricle, rough inside; returns the part of each pixel filled with blood."""
    (x, y), (muscle, blood) = place, tissues
    away, wide = outer * float(rng.uniform(0.7, 1.0)), outer * float(rng.uniform(0.95, 1.25))
    shrunk = 1.0 - float(rng.uniform(0.1, 0.3)) * squeeze
    shell = ellipse(x + away, y - float(rng.normal(0.0, 5.0)), (wide * shrunk, 0.9 * wide * shrunk))
    canvas.paint(canvas.cover(shell + float(rng.uniform(2.0, 4.5))), muscle)
    trabeculae = Texture(float(rng.uniform(5.0, 10.0)), rng, canvas.device, 0.6).at((x + away) / shrunk, y / shrunk)
    pool = canvas.cover(torch.minimum(shell, float(rng.uniform(1.0, 3.0)) * trabeculae + 0.7 * shell))
    canvas.paint(pool, blood)
    return pool


def _paint_papillary(
    canvas: Canvas, place: tuple[Tensor, Tensor], inner_now: Tensor, muscle: Tensor, rng: np.random.Generator
) -> Tensor:
    """Paint a papillary muscle near the inner wall; returns the part of each pixel that it fills."""
    angle, reach = float(rng.uniform(0.0, 2 * pi)), float(rng.uniform(0.45, 0.8))
    size = float(rng.uniform(1.5, 5.5))
    x, y = place[0] - reach * cos(angle) * inner_now, place[1] - reach * sin(angle) * inner_now
    part = canvas.cover(ellipse(x, y, (size, size * float(rng.uniform(0.6, 1.0)))))
    canvas.paint(part, muscle)
    return part
