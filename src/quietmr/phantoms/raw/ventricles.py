"""Both ventricles in short-axis view at one moment: walls, trabeculae, papillary muscles, blood that flows."""

from dataclasses import dataclass

import numpy as np

from quietmr.phantoms.frame import Frame, coverage, ellipsoid
from quietmr.phantoms.raw.canvas import Canvas, Tissue
from quietmr.phantoms.raw.palette import Palette
from quietmr.phantoms.texture import Volume

# Inner and outer radius of the left ventricle at rest, and inner radius at full contraction, in mm.
_LV_INNER, _LV_OUTER, _LV_SQUEEZED = 25.0, 34.5, 15.5
_SYSTOLE = 0.35


@dataclass(frozen=True, eq=False)
class Textures:
    """Fields (Z, Y, X) of SD 1 that lie in the heart and move with it."""

    grain: Volume
    trabeculae: Volume
    flow: Volume


def contraction(phase: float) -> float:
    """Contraction of the ventricles, 0 to 1, at a phase of the cardiac cycle (0 to 1): fast in, slow out."""
    phase = phase % 1.0
    if phase < _SYSTOLE:
        return float(np.sin(0.5 * np.pi * phase / _SYSTOLE) ** 2)
    late = (phase - _SYSTOLE) / (1.0 - _SYSTOLE)
    return float(np.exp(-3.5 * late**1.6) * (1.0 - late) ** 0.3)


def fresh_blood(phase: float) -> float:
    """Part of the blood that has just come in: high in early filling, again when the atria contract, 0 to 1."""
    filling, kick = (phase - 0.55) / 0.09, (phase - 0.93) / 0.05
    return float(np.exp(-(filling**2)) + 0.5 * np.exp(-(kick**2)))


def paint_ventricles(
    canvas: Canvas, frame: Frame, textures: Textures, palette: Palette, phase: float, *, inflow: float
) -> None:
    """Paint the heart within its sack, in place.

    Parameters
    ----------
    canvas : Canvas
    frame : Frame
        Coordinates in mm from the middle of the left ventricle.
    textures : Textures
    palette : Palette
    phase : float
        Of the cardiac cycle, 0 to 1.
    inflow : float
        How much brighter blood is that has just come in, as a part of its brightness.
    """
    squeeze = contraction(phase)
    inner = _LV_INNER + (_LV_SQUEEZED - _LV_INNER) * squeeze
    # Muscle is not compressible: the area of the wall stays, less what shortening along the axis adds to it.
    outer = float(np.sqrt(inner**2 + (1.0 + 0.12 * squeeze) * (_LV_OUTER**2 - _LV_INNER**2)))
    muscle = np.asarray(palette.heart_muscle * (1.0 + 0.06 * textures.grain), dtype=np.float32)
    swirl = np.asarray(1.0 + 0.05 * (1.0 + squeeze) * textures.flow, dtype=np.float32)
    right, left = (np.asarray(level * swirl, dtype=np.float32) for level in (palette.right_blood, palette.left_blood))
    if inflow:
        right += inflow * palette.right_blood * fresh_blood(phase) * _jet(frame, (-34.0, 6.0), 14.0)
        left += inflow * palette.left_blood * fresh_blood(phase) * _jet(frame, (4.0, -5.0), 11.0)
    _paint_sack(canvas, frame, palette, outer)
    _paint_right_ventricle(canvas, frame, textures.trabeculae, (muscle, right), squeeze)
    _paint_left_ventricle(canvas, frame, textures.trabeculae, (muscle, left), (inner, outer))


def _jet(frame: Frame, center: tuple[float, float], width: float) -> Volume:
    """Profile of the stream through a valve: 1 in its middle."""
    squared = np.square(frame.x - np.float32(center[0])) + np.square(frame.y - np.float32(center[1]))
    return np.asarray(np.exp(-squared / np.float32(2.0 * width**2)), dtype=np.float32)


def _paint_sack(canvas: Canvas, frame: Frame, palette: Palette, outer: float) -> None:
    """Paint the fat around the heart within the pericardium, in place."""
    left = ellipsoid(frame, (0.0, 0.0, 0.0), (outer + 3.0, outer + 3.0, 62.0))
    right = ellipsoid(frame, (-33.0, 12.0, 0.0), (41.0, 36.0, 60.0))
    sack = np.maximum(left, right).astype(np.float32)
    canvas.paint(coverage(sack + 3.0), palette.muscle * 0.6)
    canvas.paint(coverage(sack + 1.5), palette.fat)


def _paint_right_ventricle(
    canvas: Canvas, frame: Frame, trabeculae: Volume, tissues: tuple[Volume, Volume], squeeze: float
) -> None:
    """Paint the crescent of the right ventricle with its thin wall and rough inside, in place."""
    muscle, blood = tissues
    radii = (36.0 - 5.0 * squeeze, 33.0 - 5.0 * squeeze, 55.0)
    shell = ellipsoid(frame, (-30.0 + 3.0 * squeeze, 9.0, 0.0), radii)
    canvas.paint(coverage(shell + 3.5 + 1.5 * squeeze), muscle)
    rough = np.minimum(shell, 2.0 * trabeculae + 0.8 * shell).astype(np.float32)
    canvas.paint(coverage(rough), blood, Tissue.RIGHT_BLOOD)


def _paint_left_ventricle(
    canvas: Canvas, frame: Frame, trabeculae: Volume, tissues: tuple[Volume, Volume], radii: tuple[float, float]
) -> None:
    """Paint the ring of the left ventricle and its papillary muscles, in place."""
    (muscle, blood), (inner, outer) = tissues, radii
    wall = ellipsoid(frame, (0.0, 0.0, 0.0), (outer, outer, 60.0))
    canvas.paint(coverage(wall), muscle, Tissue.MYOCARDIUM)
    pool = ellipsoid(frame, (0.0, 0.0, 0.0), (inner, inner, 50.0))
    rough = np.minimum(pool, 1.3 * trabeculae + 0.9 * pool).astype(np.float32)
    canvas.paint(coverage(rough), blood, Tissue.LEFT_BLOOD)
    for angle, size in ((-0.9, 5.0), (-2.5, 4.5)):
        reach = 0.66 * inner
        center = (reach * float(np.cos(angle)), reach * float(np.sin(angle)), 0.0)
        canvas.paint_ellipsoid(frame, center, (size, size, 25.0), muscle, Tissue.PAPILLARY)
