"""Spine: vertebrae with trabecular marrow and dark endplates, discs, canal with nerve roots or cord, muscles, fat."""

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
from quietmr.phantoms.tissue import draw_contrast, muscle_fibers, septa, spongy, stretched

# Brightness (marrow, nucleus, annulus, fluid, nerve, muscle, fat, cortical bone), brightest tissue near 1.
_CONTRASTS = (
    (0.45, 0.60, 0.12, 1.00, 0.45, 0.20, 0.85, 0.04),
    (0.55, 0.35, 0.25, 0.18, 0.40, 0.35, 1.00, 0.05),
    (0.25, 0.55, 0.20, 1.00, 0.50, 0.35, 0.15, 0.05),
)


def _vertebrae(frame: Frame, height: float, rng: np.random.Generator) -> tuple[Volume, Volume, Volume]:
    """Depth below the surface of the vertebral bodies, depth in the discs, and height within a level (-0.5 to 0.5)."""
    within = (frame.z / np.float32(height)) % 1.0 - 0.5
    waist = 1.0 - rng.uniform(0.05, 0.18) * np.cos(2 * np.pi * within)
    wide, deep = rng.uniform(20.0, 27.0), rng.uniform(14.0, 19.0)
    radius = length(frame.x / np.float32(wide), (frame.y - np.float32(deep + 8.0)) / np.float32(deep))
    side = (waist - radius) * np.float32(deep)
    half = rng.uniform(0.34, 0.40) * height
    bowl = np.float32(rng.uniform(0.0, 3.0)) * (1.0 - np.square(np.minimum(radius, 1.0)))
    body = np.minimum(side, half - bowl - np.abs(within) * np.float32(height))
    gap = np.abs(within) * np.float32(height) - (half - bowl) - np.float32(0.6)
    bulge = side + np.float32(rng.uniform(0.0, 2.5)) - 2.0
    return body.astype(np.float32), np.minimum(bulge, gap).astype(np.float32), within.astype(np.float32)


def _paint_back(image: Volume, frame: Frame, tissue: tuple[float, ...], rng: np.random.Generator) -> None:
    """Paint the muscles of the back and the fat under the skin, in place."""
    muscle, fat = tissue[5], tissue[6]
    fatty = muscle + (fat - muscle) * muscle_fibers(frame, (0.0, 0.0, 1.0), rng)
    lobes = Frame(np.abs(frame.x), frame.y, frame.z, frame.spacing)
    for center, radii in (
        ((17.0, -24.0, 0.0), (16.0, 17.0, 400.0)),
        ((44.0, -18.0, 0.0), (20.0, 20.0, 400.0)),
        ((42.0, 18.0, 0.0), (17.0, 20.0, 400.0)),
    ):
        scale = rng.uniform(0.9, 1.2)
        paint_ellipsoid(image, lobes, center, (radii[0] * scale, radii[1] * scale, radii[2]), fatty)
    skin = -frame.y - np.float32(rng.uniform(48.0, 62.0))
    across = variation(skin)
    paint(image, coverage(skin, across), np.asarray(fat * septa(frame, rng), dtype=np.float32))
    paint(image, coverage(np.float32(0.7) - np.abs(skin), across), 0.1)
    thickness = rng.uniform(5.0, 30.0)
    paint(image, coverage(skin - thickness, across), 0.5 * muscle + 0.2)
    paint(image, coverage(skin - thickness - 2.0, across), 0.0)


def _paint_canal(image: Volume, frame: Frame, tissue: tuple[float, ...], rng: np.random.Generator) -> None:
    """Paint epidural fat, the dural sac and what floats in it, in place."""
    fluid, nerve, fat = tissue[3], tissue[4], tissue[6]
    paint_ellipsoid(image, frame, (0.0, -5.0, 0.0), (12.0, 9.0, 600.0), fat)
    sac = ellipsoid(frame, (0.0, -2.0, 0.0), (rng.uniform(7.0, 10.0), rng.uniform(5.5, 8.0), 600.0))
    paint(image, coverage(sac + 0.6), 0.05)
    content = np.zeros_like(image) + np.float32(fluid)
    if rng.random() < 0.5:
        cord = ellipsoid(frame, (0.0, -2.0, 0.0), (5.2, 3.8, 600.0))
        paint(content, coverage(cord), nerve)
        paint(content, coverage(np.float32(0.8) - length(np.abs(frame.x) - 1.6, 0.6 * (frame.y + 2.0))), 1.2 * nerve)
    else:
        # Roots: thin strands along the canal.
        strands = folded_field(frame.shape, stretched(frame, (0.0, 0.0, 1.0), 10.0), rng.uniform(3.0, 5.0), rng, 0.4)
        paint(content, coverage(strands - rng.uniform(0.3, 1.3)), nerve)
    paint(image, coverage(sac), content)


def _paint_front(image: Volume, frame: Frame, tissue: tuple[float, ...], rng: np.random.Generator) -> None:
    """Paint the great vessels and, further in front, bowel that is often darkened by a saturation band, in place."""
    front = frame.y - np.float32(rng.uniform(48.0, 60.0))
    folds = smooth_field(frame.shape, frame.spacing, 4.0, rng, 2.0)
    bowel = np.where(np.abs(folds) < 0.25, 0.9, 0.25 + 0.15 * np.tanh(2 * folds)).astype(np.float32) * tissue[6]
    paint(image, coverage(front), bowel * np.float32(rng.uniform(0.0, 0.6)))
    for side in (-1.0, 1.0):
        value = float(rng.choice([0.03, 0.9, rng.uniform(0.0, 1.0)]))
        paint_ellipsoid(image, frame, (side * 11.0, 48.0, 0.0), (9.0, 8.0, 600.0), value)


def draw_spine(shape: tuple[int, int, int], spacing: Spacing, rng: np.random.Generator) -> Volume:
    """Draw part of a random spine and its surroundings.

    Parameters
    ----------
    shape : (F, Y, X)
    spacing : (float, float, float)
        Distance between voxel centers along (F, Y, X) in mm.
    rng : Generator

    Returns
    -------
    array, shape (F, Y, X), float32
        Brightness, air 0, brightest tissue about 1; a surface coil behind the back makes the back brighter in half of
        the scenes.
    """
    frame = place(shape, spacing, (20.0, 25.0, 60.0), rng)
    lordosis = rng.normal(0.0, 14.0) * np.sin(frame.z / np.float32(rng.uniform(40.0, 80.0)))
    frame = Frame(frame.x, (frame.y + lordosis).astype(np.float32), frame.z, spacing)
    tissue = draw_contrast(_CONTRASTS, 0.2, 0.02, rng)
    marrow, nucleus, annulus, _, _, _, fat, bone = tissue
    image = np.zeros(shape, dtype=np.float32)
    image += np.asarray(fat * septa(frame, rng), dtype=np.float32)
    _paint_front(image, frame, tissue, rng)
    _paint_back(image, frame, tissue, rng)
    sponge = spongy(frame, rng)
    height = float(rng.uniform(24.0, 38.0))
    body, disc, within = _vertebrae(frame, height, rng)
    arch = np.minimum(9.0 - np.abs(frame.x), np.minimum(frame.y + 46.0, -10.0 - frame.y))
    arch = np.minimum(arch, height * (0.28 - np.abs(within + 0.1 + 0.006 * (frame.y + 10.0)))).astype(np.float32)
    pillar = np.minimum(length(np.abs(frame.x) - 15.0, frame.y + 10.0) * -1.0 + 9.0, height * (0.36 - np.abs(within)))
    posterior = np.maximum(arch, pillar.astype(np.float32))
    for part, shell in ((posterior, 1.2), (body, float(rng.uniform(0.5, 1.3)))):
        across = variation(part)
        paint(image, coverage(part + 0.4, across), bone)
        paint(image, coverage(part - shell, across), np.asarray(marrow * sponge, dtype=np.float32))
    across = variation(disc)
    paint(image, coverage(disc, across), annulus)
    per_level = 0.5 + 0.5 * np.sin(np.floor(frame.z / np.float32(height)) * 2.4 + rng.uniform(0, 6))
    paint(image, coverage(disc - 2.0, across + 1.0), (annulus + (nucleus - annulus) * per_level).astype(np.float32))
    _paint_canal(image, frame, tissue, rng)
    image *= 1.0 + np.float32(rng.uniform(0.0, 0.04)) * power_law_field(shape, 1.0, rng, spacing, 0.1)
    if rng.random() < 0.6:
        # Bounded near the coil, where the decay of a real receive field flattens.
        image *= np.exp(-np.maximum(frame.y + 50.0, 0.0) / np.float32(rng.uniform(45.0, 160.0)))
    return np.maximum(image, 0.0)
