"""A chest with a beating heart in short-axis view: still, in free breathing, or while contrast agent passes."""

from dataclasses import dataclass

import numpy as np

from quietmr.phantoms.frame import Frame, folded_field, smooth_field
from quietmr.phantoms.raw.canvas import Canvas
from quietmr.phantoms.raw.grid import Grid
from quietmr.phantoms.raw.palette import STEADY, Palette
from quietmr.phantoms.raw.timing import Moment
from quietmr.phantoms.raw.torso import Torso, carried, draw_torso, paint_torso
from quietmr.phantoms.raw.ventricles import Textures, contraction, paint_ventricles
from quietmr.phantoms.raw.waves import slow_field
from quietmr.phantoms.texture import Volume

# Center of the left ventricle in body coordinates (mm; x to the left of the patient, y to the front).
_HEART = (38.0, 30.0)
# How far the heart moves when breath is taken (left, front, head), as parts of the travel of the diaphragm: towards
# the feet, of which a short-axis slice shows some as motion to the back and some as another cut.
_FOLLOWS = (0.10, -0.45, -0.35)


@dataclass(frozen=True, eq=False)
class Chest:
    """Fields that a chest is painted with.

    Attributes
    ----------
    torso : Torso
    textures : Textures
        Of the heart.
    at_rest : array, shape (Z, Y, X), float32
        Everything but the heart, breathed out, without contrast agent.
    is_slab : bool
        True if the fields know what lies between two slices.
    """

    torso: Torso
    textures: Textures
    at_rest: Volume
    is_slab: bool


def build_chest(grid: Grid, rng: np.random.Generator) -> Chest:
    """Draw the fields of a random chest."""
    frame = body_frame(grid, 2.0, rng)
    torso = draw_torso(frame, grid, rng)
    trabeculae = folded_field(frame.shape, frame.spacing, 8.0, rng, 0.5)
    flow = smooth_field(frame.shape, frame.spacing, 9.0, rng, 2.0)
    textures = Textures(torso.grain, trabeculae, flow)
    return Chest(torso, textures, paint_torso(torso, STEADY, 0.0), grid.is_3d)


def body_frame(grid: Grid, warp: float, rng: np.random.Generator) -> Frame:
    """Coordinates of a body (mm, natural size) that lies straight in the grid; front is up in the picture."""
    spacing = grid.spacing
    axes = np.meshgrid(grid.z, -grid.y, grid.x, indexing="ij")
    z, y, x = ((axis / grid.scale).astype(np.float32) + np.float32(warp) * slow_field(grid, 70.0, rng) for axis in axes)
    return Frame(x, y, z, (spacing[0] / grid.scale, spacing[1] / grid.scale, spacing[2] / grid.scale))


def paint_chest(chest: Chest, moment: Moment, palette: Palette = STEADY, *, travel: float, inflow: float) -> Canvas:
    """Paint a chest with its heart.

    Parameters
    ----------
    chest : Chest
    moment : Moment
    palette : Palette
    travel : float
        Of the diaphragm between breathing out and in, mm.
    inflow : float
        How much brighter blood is that has just come in.
    """
    down = travel * moment.breath
    resting = down == 0 and palette is STEADY
    canvas = Canvas.over(chest.at_rest if resting else paint_torso(chest.torso, palette, down))
    left, forward, up = (part * down for part in _FOLLOWS)
    frame = _heart_frame(chest.torso.frame, contraction(moment.cardiac), (left, forward, up))
    textures = chest.textures
    if down:
        shift = np.full(frame.shape, forward), left, up if chest.is_slab else 0.0
        moved = (carried(field, frame, *shift) for field in (textures.grain, textures.trabeculae, textures.flow))
        textures = Textures(*moved)
    paint_ventricles(canvas, frame, textures, palette, moment.cardiac, inflow=inflow)
    np.maximum(canvas.image, 0.0, out=canvas.image)
    return canvas


def _heart_frame(frame: Frame, squeeze: float, shift: tuple[float, float, float]) -> Frame:
    """Coordinates from the middle of the left ventricle.

    The base moves towards the apex: in a short-axis slice the heart shifts and turns a little in a contraction.
    """
    hx, hy = _HEART[0] - 2.5 * squeeze + shift[0], _HEART[1] + 1.5 * squeeze + shift[1]
    turn = np.deg2rad(6.0 * squeeze)
    dx, dy = frame.x - np.float32(hx), frame.y - np.float32(hy)
    x = np.asarray(dx * np.cos(turn) + dy * np.sin(turn), dtype=np.float32)
    y = np.asarray(dy * np.cos(turn) - dx * np.sin(turn), dtype=np.float32)
    return Frame(x, y, frame.z - np.float32(shift[2]), frame.spacing)
