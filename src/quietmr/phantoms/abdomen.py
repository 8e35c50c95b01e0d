"""Abdomen: liver with its vessels, kidneys, spleen, bowel loops, muscle wall, fat with septa."""

import numpy as np

from quietmr.phantoms.frame import (
    Frame,
    coverage,
    ellipsoid,
    folded_field,
    length,
    paint,
    paint_ellipsoid,
    place,
    smooth_field,
    variation,
)
from quietmr.phantoms.texture import Spacing, Volume, power_law_field
from quietmr.phantoms.tissue import muscle_fibers, septa, spongy, thin_sheet
from quietmr.phantoms.vessels import add_vessels


def _paint_bowel(image: Volume, frame: Frame, rng: np.random.Generator) -> None:
    """Paint loops with a thin wall and contents that differ from loop to loop, in place."""
    loops = folded_field(frame.shape, frame.spacing, rng.uniform(28.0, 45.0), rng, 0.4)
    across = variation(loops)
    wall = float(rng.uniform(0.15, 0.9))
    contents = smooth_field(frame.shape, frame.spacing, 5.0, rng, 2.0)
    value = np.where(contents > 0.3, rng.uniform(0.0, 1.0), rng.uniform(0.0, 0.5)).astype(np.float32)
    value *= np.exp(0.15 * contents)
    where = coverage(frame.y + 5.0)
    paint(image, coverage(loops - 0.1, across) * where, wall)
    paint(image, coverage(loops - rng.uniform(0.3, 0.5), across) * where, value)


def _paint_kidneys(image: Volume, frame: Frame, rng: np.random.Generator) -> None:
    """Paint cortex, pyramids and the fatty sinus of both kidneys, in place."""
    halves = Frame(np.abs(frame.x), frame.y, frame.z, frame.spacing)
    center = (58.0, -22.0, -15.0)
    depth = ellipsoid(halves, center, (26.0, 22.0, 50.0))
    if float(depth.max()) < 0:
        return
    cortex, medulla = rng.uniform(0.3, 1.0), rng.uniform(0.15, 0.8)
    across = variation(depth)
    paint(image, coverage(depth, across), float(cortex))
    pyramids = folded_field(frame.shape, frame.spacing, 16.0, rng, 0.4)
    paint(image, coverage(np.minimum(depth - 5.0, 6.0 * pyramids + 2.0)), float(medulla))
    paint_ellipsoid(image, halves, (50.0, -20.0, -15.0), (11.0, 8.0, 22.0), float(rng.uniform(0.2, 1.0)))


def _paint_wall(image: Volume, frame: Frame, fat: Volume, rng: np.random.Generator) -> None:
    """Paint the layers of the wall, vertebra, ribs, fat under the skin and air, in place."""
    depth = ellipsoid(frame, (0.0, 0.0, 0.0), (128.0, 88.0, 900.0)) * np.float32(0.12)
    across = variation(depth)
    muscle = float(rng.uniform(0.15, 0.5))
    streaks = muscle_fibers(frame, (1.0, 0.0, 0.3), rng)
    inner = float(rng.uniform(9.0, 16.0))
    wall = np.asarray(muscle + (0.9 - muscle) * streaks, dtype=np.float32)
    paint(image, coverage(inner - depth, across), wall)
    for share in rng.uniform(0.2, 0.8, int(rng.integers(0, 3))):
        paint(image, thin_sheet(depth - np.float32(inner * share), float(rng.uniform(0.0, 0.6))), 0.8)
    paint(image, coverage(-depth, across), fat)
    skin = -depth - np.float32(rng.uniform(6.0, 30.0))
    paint(image, coverage(skin, across), 0.45)
    paint(image, coverage(skin - 2.0, across), 0.0)
    sponge = spongy(frame, rng)
    paint_ellipsoid(image, frame, (0.0, -46.0, 0.0), (24.0, 18.0, 900.0), 0.05)
    paint_ellipsoid(image, frame, (0.0, -46.0, 0.0), (22.5, 16.5, 900.0), np.asarray(0.5 * sponge, dtype=np.float32))
    paint_ellipsoid(image, frame, (0.0, -70.0, 0.0), (9.0, 7.0, 900.0), float(rng.choice([1.0, 0.2])))


def draw_abdomen(shape: tuple[int, int, int], spacing: Spacing, rng: np.random.Generator) -> Volume:
    """Draw part of a random abdomen.

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
    frame = place(shape, coarser, (75.0, 50.0, 60.0), rng, 5.0)
    fat = np.asarray(float(rng.choice([1.0, 0.9, 0.15])) * septa(frame, rng), dtype=np.float32)
    image = fat.copy()
    image = add_vessels(image, coarser, rng)
    _paint_bowel(image, frame, rng)
    _paint_kidneys(image, frame, rng)
    texture = power_law_field(shape, rng.uniform(0.7, 1.4), rng, coarser, 0.08)
    strength = float(np.exp(rng.uniform(np.log(0.01), np.log(0.06))))
    liver = np.maximum(
        ellipsoid(frame, (70.0, 10.0, 25.0), (58.0, 75.0, 62.0)),
        ellipsoid(frame, (10.0, 40.0, 30.0), (70.0, 30.0, 30.0)),
    )
    value = np.asarray(rng.uniform(0.25, 0.9) * (1.0 + strength * texture), dtype=np.float32)
    paint(image, coverage(liver), add_vessels(add_vessels(value, coarser, rng), coarser, rng))
    spleen = ellipsoid(frame, (-85.0, -30.0, 25.0), (24.0, 36.0, 48.0))
    paint(image, coverage(spleen), np.asarray(rng.uniform(0.2, 1.0) * (1.0 + strength * texture), dtype=np.float32))
    for side in (-1.0, 1.0):
        flow = float(rng.choice([0.03, 1.0, rng.uniform(0.0, 1.0)]))
        tube = np.float32(rng.uniform(8.0, 12.0)) - length(frame.x - np.float32(13.0 * side), frame.y + 22.0)
        paint(image, coverage(tube), flow)
    _paint_wall(image, frame, fat, rng)
    return np.maximum(image, 0.0)
