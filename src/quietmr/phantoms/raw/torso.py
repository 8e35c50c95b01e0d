"""The chest around the heart: lungs, liver and spleen, spine, great vessels, chest wall; and how breath moves them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from quietmr.phantoms.frame import Frame, coverage, ellipsoid, folded_field, length, paint, paint_ellipsoid
from quietmr.phantoms.raw.grid import Grid
from quietmr.phantoms.raw.palette import Palette
from quietmr.phantoms.raw.waves import slow_field
from quietmr.phantoms.texture import Volume, power_law_field
from quietmr.phantoms.vessels import add_tube

# Lung and chest wall at the front move by these parts of the travel of the diaphragm; back of the body in mm.
_LUNG_PART, _WALL_PART, _BACK = 0.35, 0.18, -123.0


@dataclass(frozen=True, eq=False)
class Torso:
    """Coordinates and fields of everything but the heart.

    Attributes
    ----------
    frame : Frame
    grain, streaks, lobes : array, shape (Z, Y, X)
        Texture of organs and of muscle, and the uneven outline of the body (mm).
    branches : array, shape (Z, Y, X)
        Part of each voxel that vessels of the lungs cover.
    """

    frame: Frame
    grain: Volume
    branches: Volume
    streaks: Volume
    lobes: Volume


def draw_torso(frame: Frame, grid: Grid, rng: np.random.Generator) -> Torso:
    """Draw the fields of a random torso."""
    shape, spacing = frame.shape, frame.spacing
    grain = power_law_field(shape, 1.2, rng, spacing, 1.0 / 15.0)
    branches = _lung_branches(frame, rng)
    streaks = folded_field(shape, spacing, 9.0, rng, 0.6)
    return Torso(frame, grain, branches, streaks, 2.5 * slow_field(grid, 90.0, rng))


def paint_torso(torso: Torso, palette: Palette, travel: float) -> Volume:
    """Paint everything but the heart.

    Parameters
    ----------
    torso : Torso
    palette : Palette
    travel : float
        How far the diaphragm has moved towards the feet, in mm.
    """
    grain, branches, streaks, frame = torso.grain, torso.branches, torso.streaks, torso.frame
    lifted = frame
    if travel:
        lift = _WALL_PART * travel * np.clip((frame.y - _BACK) / (-2.0 * _BACK), 0.0, 1.0)
        lifted = Frame(frame.x, np.asarray(frame.y - lift, np.float32), frame.z, frame.spacing)
        streaks = carried(streaks, frame, lift)
        branches = carried(branches, frame, np.full(frame.shape, -_LUNG_PART * travel))
    image = np.full(frame.shape, palette.lung, dtype=np.float32) + np.float32(palette.lung_vessels) * branches
    abdomen = Frame(frame.x, frame.y, frame.z + np.float32(travel), frame.spacing) if travel else frame
    _paint_upper_abdomen(image, abdomen, grain, palette)
    _paint_back(image, frame, torso.streaks, palette)
    _paint_wall(image, lifted, (grain, streaks, torso.lobes), palette)
    return np.maximum(image, 0.0)


def carried(field: Volume, frame: Frame, forward: NDArray[np.floating], left: float = 0.0, up: float = 0.0) -> Volume:
    """Move a field by millimetres of body coordinates (front, left of the patient, head), as the tissue moves."""
    z, y, x = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in field.shape), indexing="ij", sparse=True)
    step_z, step_y, step_x = frame.spacing
    # Front is up in the picture: rows count backwards.
    where = np.broadcast_arrays(z - up / step_z, y + forward / step_y, x - left / step_x)
    return np.asarray(map_coordinates(field, where, order=1, mode="nearest"), dtype=np.float32)


def _lung_branches(frame: Frame, rng: np.random.Generator) -> Volume:
    """Branches from the roots of the lungs towards the chest wall: part of each voxel that they cover."""
    covered = np.zeros(frame.shape, dtype=np.float32)
    first = np.array([frame.z[0, 0, 0], frame.y[0, 0, 0], frame.x[0, 0, 0]])
    sign = np.array([1.0, -1.0, 1.0])
    for _ in range(46):
        side = float(rng.choice([-1.0, 1.0]))
        at = np.array(
            [rng.uniform(-0.5, 0.5) * np.ptp(frame.z), rng.normal(-12.0, 10.0), side * rng.uniform(35.0, 60.0)]
        )
        heading = np.array([0.15 * rng.standard_normal(), rng.normal(0.0, 0.7), side * rng.uniform(0.3, 1.0)])
        count, stride = int(rng.integers(30, 75)), 1.2
        bends = heading + np.cumsum(rng.normal(0.0, 0.09, (count, 3)), axis=0)
        # Only branches that stay in the slice can be seen.
        bends[:, 0] *= float(np.clip(np.ptp(frame.z) / 100.0, 0.03, 1.0))
        bends /= np.linalg.norm(bends, axis=1, keepdims=True)
        path = at + stride * np.cumsum(bends, axis=0)
        add_tube(covered, frame.spacing, (path - first) * sign, np.linspace(rng.uniform(1.2, 3.0), 0.5, count))
    return covered


def _paint_upper_abdomen(image: Volume, frame: Frame, grain: Volume, palette: Palette) -> None:
    """Paint the domes of liver and stomach, which a short-axis slice cuts on the right and below the heart."""
    liver = ellipsoid(frame, (-78.0, -28.0, -40.0), (74.0, 66.0, 75.0))
    paint(image, coverage(liver), np.asarray(palette.liver * (1.0 + 0.05 * grain), dtype=np.float32))
    for center, radius in (((-95.0, -15.0, -30.0), 4.0), ((-70.0, -42.0, -30.0), 5.0), ((-62.0, -12.0, -30.0), 3.0)):
        paint_ellipsoid(image, frame, center, (radius, 1.6 * radius, 60.0), palette.liver_vessels)
    spleen = ellipsoid(frame, (104.0, -48.0, -40.0), (34.0, 40.0, 62.0))
    paint(image, coverage(spleen), np.asarray(1.25 * palette.liver * (1.0 + 0.04 * grain), dtype=np.float32))


def _paint_back(image: Volume, frame: Frame, streaks: Volume, palette: Palette) -> None:
    """Paint the spine with its canal, the muscles beside it, aorta and vena cava, in place."""
    halves = Frame(np.abs(frame.x), frame.y, frame.z, frame.spacing)
    muscle = np.asarray(palette.muscle * (1.0 + 0.10 * streaks), dtype=np.float32)
    paint_ellipsoid(image, halves, (30.0, -92.0, 0.0), (32.0, 19.0, 900.0), muscle)
    paint_ellipsoid(image, frame, (0.0, -62.0, 0.0), (23.0, 19.0, 900.0), palette.bone)
    paint_ellipsoid(image, frame, (0.0, -62.0, 0.0), (21.0, 17.0, 900.0), palette.marrow)
    paint_ellipsoid(image, halves, (11.0, -88.0, 0.0), (12.0, 6.0, 900.0), palette.bone)
    paint_ellipsoid(image, frame, (0.0, -85.0, 0.0), (10.0, 8.5, 900.0), palette.fluid)
    paint_ellipsoid(image, frame, (0.0, -85.5, 0.0), (5.5, 4.0, 900.0), palette.cord)
    paint_ellipsoid(image, frame, (24.0, -46.0, 0.0), (13.5, 13.5, 900.0), 0.5 * palette.muscle)
    paint_ellipsoid(image, frame, (24.0, -46.0, 0.0), (12.0, 12.0, 900.0), palette.aorta)
    paint_ellipsoid(image, frame, (-26.0, -34.0, 0.0), (13.0, 9.0, 900.0), palette.veins)


def _paint_wall(image: Volume, frame: Frame, fields: tuple[Volume, Volume, Volume], palette: Palette) -> None:
    """Paint muscles and ribs, fat under the skin, skin, and air around, in place."""
    grain, streaks, lobes = fields
    outline = ellipsoid(frame, (0.0, 0.0, 0.0), (176.0, 123.0, 3000.0)) * np.float32(0.36) + lobes
    outline = outline.astype(np.float32)
    cage = (outline - 23.0 - 5.0 * np.cos(2.0 * np.arctan2(frame.y, frame.x))).astype(np.float32)
    muscle = np.asarray(palette.muscle * (1.0 + 0.12 * streaks), dtype=np.float32)
    paint(image, coverage(-cage), muscle)
    around = np.arctan2(frame.y, frame.x) * 150.0
    rib = 4.5 - length(cage + 6.0, 0.33 * ((around + 1.4 * frame.z) % 62.0 - 31.0))
    paint(image, coverage(rib), palette.bone)
    paint(image, coverage(rib - 1.8), palette.rib_marrow)
    fat = np.asarray(palette.fat * (1.0 + 0.05 * grain - 0.10 * np.exp(-np.square(3.0 * streaks))), dtype=np.float32)
    paint(image, coverage(-cage - 13.0), fat)
    paint(image, coverage(2.2 - outline), palette.skin)
    paint(image, coverage(-outline), 0.0)
