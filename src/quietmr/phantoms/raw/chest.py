"""A chest with a beating heart in short-axis view, as a balanced steady-state sequence shows it."""

from dataclasses import dataclass

import numpy as np

from quietmr.phantoms.frame import (
    Frame,
    coverage,
    ellipsoid,
    folded_field,
    length,
    paint,
    paint_ellipsoid,
    smooth_field,
)
from quietmr.phantoms.raw.grid import Grid
from quietmr.phantoms.raw.waves import slow_field
from quietmr.phantoms.texture import Volume, power_law_field
from quietmr.phantoms.vessels import add_tube

# Brightness of the tissues: blood and fat are bright, muscle is dark, lungs and bone nearly black.
_BLOOD, _HEART_MUSCLE, _MUSCLE, _FAT, _LIVER, _BONE, _LUNG = 0.95, 0.34, 0.30, 0.80, 0.42, 0.16, 0.035
# Center of the left ventricle in body coordinates (mm; x to the left of the patient, y to the front).
_HEART = (38.0, 30.0)
# Inner and outer radius of the left ventricle at rest, and inner radius at full contraction, in mm.
_LV_INNER, _LV_OUTER, _LV_SQUEEZED = 25.0, 34.5, 15.5
_SYSTOLE = 0.35


@dataclass(frozen=True, eq=False)
class Chest:
    """What does not move, and the fields that the moving heart is painted with."""

    frame: Frame
    still: Volume
    grain: Volume
    trabeculae: Volume
    flow: Volume


def build_chest(grid: Grid, rng: np.random.Generator) -> Chest:
    """Draw everything but the heart."""
    frame = body_frame(grid, 2.0, rng)
    shape, spacing = frame.shape, frame.spacing
    grain = power_law_field(shape, 1.2, rng, spacing, 1.0 / 15.0)
    image = np.full(shape, _LUNG, dtype=np.float32) + _lung_vessels(frame, rng)
    streaks = folded_field(shape, spacing, 9.0, rng, 0.6)
    _paint_upper_abdomen(image, frame, grain)
    _paint_back(image, frame, streaks)
    _paint_wall(image, frame, grain, streaks, 2.5 * slow_field(grid, 90.0, rng))
    trabeculae = folded_field(shape, spacing, 8.0, rng, 0.5)
    flow = smooth_field(shape, spacing, 9.0, rng, 2.0)
    return Chest(frame, np.maximum(image, 0.0), grain, trabeculae, flow)


def body_frame(grid: Grid, warp: float, rng: np.random.Generator) -> Frame:
    """Coordinates of a body (mm, natural size) that lies straight in the grid; front is up in the picture."""
    spacing = grid.spacing
    axes = np.meshgrid(grid.z, -grid.y, grid.x, indexing="ij")
    z, y, x = ((axis / grid.scale).astype(np.float32) + np.float32(warp) * slow_field(grid, 70.0, rng) for axis in axes)
    return Frame(x, y, z, (spacing[0] / grid.scale, spacing[1] / grid.scale, spacing[2] / grid.scale))


def contraction(phase: float) -> float:
    """Contraction of the ventricles, 0 to 1, at a phase of the cardiac cycle (0 to 1): fast in, slow out."""
    phase = phase % 1.0
    if phase < _SYSTOLE:
        return float(np.sin(0.5 * np.pi * phase / _SYSTOLE) ** 2)
    late = (phase - _SYSTOLE) / (1.0 - _SYSTOLE)
    return float(np.exp(-3.5 * late**1.6) * (1.0 - late) ** 0.3)


def beat(chest: Chest, phase: float) -> Volume:
    """Paint the heart into the chest at a phase of the cardiac cycle."""
    image, squeeze = chest.still.copy(), contraction(phase)
    # The base moves towards the apex; in a short-axis slice the heart shifts and turns a little.
    hx, hy = _HEART[0] - 2.5 * squeeze, _HEART[1] + 1.5 * squeeze
    turn = np.deg2rad(6.0 * squeeze)
    dx, dy = chest.frame.x - np.float32(hx), chest.frame.y - np.float32(hy)
    x = np.asarray(dx * np.cos(turn) + dy * np.sin(turn), dtype=np.float32)
    y = np.asarray(dy * np.cos(turn) - dx * np.sin(turn), dtype=np.float32)
    frame = Frame(x, y, chest.frame.z, chest.frame.spacing)
    blood = np.asarray(_BLOOD * (1.0 + 0.05 * (1.0 + squeeze) * chest.flow), dtype=np.float32)
    muscle = np.asarray(_HEART_MUSCLE * (1.0 + 0.06 * chest.grain), dtype=np.float32)
    inner = _LV_INNER + (_LV_SQUEEZED - _LV_INNER) * squeeze
    # Muscle is not compressible: the area of the wall stays, less what shortening along the axis adds to it.
    outer = float(np.sqrt(inner**2 + (1.0 + 0.12 * squeeze) * (_LV_OUTER**2 - _LV_INNER**2)))
    _paint_sack(image, frame, outer)
    _paint_right_ventricle(image, frame, chest.trabeculae, (muscle, blood), squeeze)
    _paint_left_ventricle(image, frame, chest.trabeculae, (muscle, blood), (inner, outer))
    return np.maximum(image, 0.0)


def _paint_sack(image: Volume, frame: Frame, outer: float) -> None:
    """Paint the fat around the heart within the pericardium, in place."""
    left = ellipsoid(frame, (0.0, 0.0, 0.0), (outer + 3.0, outer + 3.0, 62.0))
    right = ellipsoid(frame, (-33.0, 12.0, 0.0), (41.0, 36.0, 60.0))
    sack = np.maximum(left, right).astype(np.float32)
    paint(image, coverage(sack + 3.0), _MUSCLE * 0.6)
    paint(image, coverage(sack + 1.5), _FAT)


def _paint_right_ventricle(
    image: Volume, frame: Frame, trabeculae: Volume, tissues: tuple[Volume, Volume], squeeze: float
) -> None:
    """Paint the crescent of the right ventricle with its thin wall and rough inside, in place."""
    muscle, blood = tissues
    radii = (36.0 - 5.0 * squeeze, 33.0 - 5.0 * squeeze, 55.0)
    shell = ellipsoid(frame, (-30.0 + 3.0 * squeeze, 9.0, 0.0), radii)
    paint(image, coverage(shell + 3.5 + 1.5 * squeeze), muscle)
    rough = np.minimum(shell, 2.0 * trabeculae + 0.8 * shell).astype(np.float32)
    paint(image, coverage(rough), blood)


def _paint_left_ventricle(
    image: Volume, frame: Frame, trabeculae: Volume, tissues: tuple[Volume, Volume], radii: tuple[float, float]
) -> None:
    """Paint the ring of the left ventricle and its papillary muscles, in place."""
    (muscle, blood), (inner, outer) = tissues, radii
    paint(image, coverage(ellipsoid(frame, (0.0, 0.0, 0.0), (outer, outer, 60.0))), muscle)
    pool = ellipsoid(frame, (0.0, 0.0, 0.0), (inner, inner, 50.0))
    rough = np.minimum(pool, 1.3 * trabeculae + 0.9 * pool).astype(np.float32)
    paint(image, coverage(rough), blood)
    for angle, size in ((-0.9, 5.0), (-2.5, 4.5)):
        reach = 0.66 * inner
        center = (reach * float(np.cos(angle)), reach * float(np.sin(angle)), 0.0)
        paint_ellipsoid(image, frame, center, (size, size, 25.0), muscle)


def _lung_vessels(frame: Frame, rng: np.random.Generator) -> Volume:
    """Branches from the roots of the lungs towards the chest wall: brightness above that of the lung."""
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
    return np.float32(0.45) * covered


def _paint_upper_abdomen(image: Volume, frame: Frame, grain: Volume) -> None:
    """Paint the domes of liver and stomach, which a short-axis slice cuts on the right and below the heart."""
    liver = ellipsoid(frame, (-78.0, -28.0, -40.0), (74.0, 66.0, 75.0))
    paint(image, coverage(liver), np.asarray(_LIVER * (1.0 + 0.05 * grain), dtype=np.float32))
    for center, radius in (((-95.0, -15.0, -30.0), 4.0), ((-70.0, -42.0, -30.0), 5.0), ((-62.0, -12.0, -30.0), 3.0)):
        paint_ellipsoid(image, frame, center, (radius, 1.6 * radius, 60.0), 0.7 * _BLOOD)
    spleen = ellipsoid(frame, (104.0, -48.0, -40.0), (34.0, 40.0, 62.0))
    paint(image, coverage(spleen), np.asarray(1.25 * _LIVER * (1.0 + 0.04 * grain), dtype=np.float32))


def _paint_back(image: Volume, frame: Frame, streaks: Volume) -> None:
    """Paint the spine with its canal, the muscles beside it, aorta and vena cava, in place."""
    halves = Frame(np.abs(frame.x), frame.y, frame.z, frame.spacing)
    muscle = np.asarray(_MUSCLE * (1.0 + 0.10 * streaks), dtype=np.float32)
    paint_ellipsoid(image, halves, (30.0, -92.0, 0.0), (32.0, 19.0, 900.0), muscle)
    paint_ellipsoid(image, frame, (0.0, -62.0, 0.0), (23.0, 19.0, 900.0), _BONE)
    paint_ellipsoid(image, frame, (0.0, -62.0, 0.0), (21.0, 17.0, 900.0), 0.48)
    paint_ellipsoid(image, halves, (11.0, -88.0, 0.0), (12.0, 6.0, 900.0), _BONE)
    paint_ellipsoid(image, frame, (0.0, -85.0, 0.0), (10.0, 8.5, 900.0), 1.0)
    paint_ellipsoid(image, frame, (0.0, -85.5, 0.0), (5.5, 4.0, 900.0), 0.5)
    paint_ellipsoid(image, frame, (24.0, -46.0, 0.0), (13.5, 13.5, 900.0), 0.5 * _MUSCLE)
    paint_ellipsoid(image, frame, (24.0, -46.0, 0.0), (12.0, 12.0, 900.0), _BLOOD)
    paint_ellipsoid(image, frame, (-26.0, -34.0, 0.0), (13.0, 9.0, 900.0), 0.9 * _BLOOD)


def _paint_wall(image: Volume, frame: Frame, grain: Volume, streaks: Volume, lobes: Volume) -> None:
    """Paint muscles and ribs, fat under the skin, skin, and air around, in place."""
    outline = ellipsoid(frame, (0.0, 0.0, 0.0), (176.0, 123.0, 3000.0)) * np.float32(0.36) + lobes
    outline = outline.astype(np.float32)
    cage = (outline - 23.0 - 5.0 * np.cos(2.0 * np.arctan2(frame.y, frame.x))).astype(np.float32)
    muscle = np.asarray(_MUSCLE * (1.0 + 0.12 * streaks), dtype=np.float32)
    paint(image, coverage(-cage), muscle)
    around = np.arctan2(frame.y, frame.x) * 150.0
    rib = 4.5 - length(cage + 6.0, 0.33 * ((around + 1.4 * frame.z) % 62.0 - 31.0))
    paint(image, coverage(rib), _BONE)
    paint(image, coverage(rib - 1.8), 0.55)
    fat = np.asarray(_FAT * (1.0 + 0.05 * grain - 0.10 * np.exp(-np.square(3.0 * streaks))), dtype=np.float32)
    paint(image, coverage(-cage - 13.0), fat)
    paint(image, coverage(2.2 - outline), 0.5)
    paint(image, coverage(-outline), 0.0)
