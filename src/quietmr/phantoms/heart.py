"""Heart in its chest: ventricles with trabeculae, papillary muscles, fat, lungs with vessels, chest wall."""

import numpy as np

from quietmr.phantoms.frame import (
    Frame,
    coverage,
    ellipsoid,
    folded_field,
    paint,
    paint_ellipsoid,
    place,
    smooth_field,
    variation,
)
from quietmr.phantoms.texture import Spacing, Volume, power_law_field
from quietmr.phantoms.tissue import muscle_fibers, septa
from quietmr.phantoms.vessels import add_vessels


def _paint_left_ventricle(
    image: Volume, frame: Frame, trabeculae: Volume, wall: Volume, pool: Volume, rng: np.random.Generator
) -> None:
    """Paint the wall, the rough inner surface and the papillary muscles, in place."""
    thick = float(rng.uniform(6.0, 13.0))
    outer = float(rng.uniform(29.0, 36.0))
    left = ellipsoid(frame, (0.0, 0.0, 0.0), (outer, outer, outer * 1.5))
    across = variation(left)
    paint(image, coverage(left, across), wall)
    inner = left - thick
    rough = np.minimum(inner, 3.0 * trabeculae + 0.8 * inner)
    paint(image, coverage(rough), pool)
    for angle in rng.uniform(0.0, 2 * np.pi, 2):
        reach = outer - thick - rng.uniform(4.0, 7.0)
        center = (reach * np.cos(angle), reach * np.sin(angle), 5.0)
        paint_ellipsoid(image, frame, center, (4.5, 4.5, 18.0), wall)


def _paint_chest_wall(image: Volume, frame: Frame, muscle: float, fat: float, rng: np.random.Generator) -> None:
    """Paint muscle, ribs, fat under the skin and air, in place."""
    chest = ellipsoid(frame, (15.0, -10.0, 0.0), (110.0, 82.0, 900.0)) * np.float32(0.12)
    across = variation(chest)
    streaks = muscle_fibers(frame, (0.3, 0.0, 1.0), rng)
    paint(image, coverage(-chest, across), np.asarray(muscle + (fat - muscle) * streaks, dtype=np.float32))
    ribs = np.minimum(4.0 - np.abs(chest + 9.0), 5.0 - np.abs((frame.z + 0.3 * frame.x) % 26.0 - 13.0))
    paint(image, coverage(ribs.astype(np.float32)), 0.7 * fat)
    paint(
        image, coverage(-chest - rng.uniform(14.0, 24.0), across), np.asarray(fat * septa(frame, rng), dtype=np.float32)
    )
    paint(image, coverage(-chest - rng.uniform(28.0, 50.0), across), 0.0)


def draw_heart(shape: tuple[int, int, int], spacing: Spacing, rng: np.random.Generator) -> Volume:
    """Draw part of a random chest with its heart; the left ventricle lies near the middle.

    Parameters
    ----------
    shape : (F, Y, X)
    spacing : (float, float, float)
        Distance between voxel centers along (F, Y, X) in mm.
    rng : Generator

    Returns
    -------
    array, shape (F, Y, X), float32
        Brightness, air 0, brightest tissue about 1.
    """
    coarser: Spacing = (spacing[0] * 1.3, spacing[1] * 1.3, spacing[2] * 1.3)
    frame = place(shape, coarser, (22.0, 22.0, 30.0), rng, 4.0)
    blood = float(rng.choice([1.0, 0.9, 0.05, rng.uniform(0.0, 1.0)]))
    muscle, fat = float(rng.uniform(0.2, 0.6)), float(rng.choice([0.9, 0.75, 0.2]))
    fine = power_law_field(shape, rng.uniform(0.7, 1.4), rng, coarser, 0.08)
    wall = np.asarray(muscle * (1.0 + rng.uniform(0.0, 0.06) * fine), dtype=np.float32)
    flow = smooth_field(shape, coarser, 6.0, rng, 1.8)
    pool = np.asarray(blood * (1.0 + rng.uniform(0.0, 0.1) * flow), dtype=np.float32)
    lungs = np.full(shape, rng.uniform(0.02, 0.12), dtype=np.float32)
    image = np.maximum(add_vessels(add_vessels(lungs, coarser, rng), coarser, rng), 0.02)
    # Liver and stomach under the diaphragm.
    paint(image, coverage(-frame.z - 45.0 + 0.15 * frame.y), np.asarray(0.55 * (1 + 0.05 * fine), dtype=np.float32))
    sack = np.maximum(
        ellipsoid(frame, (0.0, 0.0, 0.0), (43.0, 43.0, 56.0)), ellipsoid(frame, (32.0, 12.0, 4.0), (38.0, 38.0, 52.0))
    )
    paint(image, coverage(sack), np.asarray(fat * septa(frame, rng), dtype=np.float32))
    right = ellipsoid(frame, (34.0, 10.0, 2.0), (27.0, 31.0, 44.0))
    trabeculae = folded_field(shape, coarser, rng.uniform(7.0, 11.0), rng, 0.6)
    paint(image, coverage(right + 3.0), wall)
    paint(image, coverage(np.minimum(right, 2.5 * trabeculae + right * 0.7)), pool)
    _paint_left_ventricle(image, frame, trabeculae, wall, pool, rng)
    paint_ellipsoid(image, frame, (4.0, -52.0, 0.0), (11.0, 11.0, 500.0), pool)
    _paint_chest_wall(image, frame, muscle, fat, rng)
    return np.maximum(image, 0.0)
