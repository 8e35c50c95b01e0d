"""A head that lies straight in the scanner: brain, skull, muscle and scalp, with the contrast of T1 or T2."""

import numpy as np

from quietmr.phantoms.brain import paint_brainstem, paint_deep_brain
from quietmr.phantoms.cortex import Tissues, paint_cerebellum, paint_cortex
from quietmr.phantoms.frame import Frame, coverage, ellipsoid, length, paint, smooth_field, variation
from quietmr.phantoms.raw.chest import body_frame
from quietmr.phantoms.raw.grid import Grid
from quietmr.phantoms.raw.waves import slow_field
from quietmr.phantoms.texture import Volume
from quietmr.phantoms.tissue import grain, septa, spongy

# Brightness of white matter, grey matter, fluid, bone, fat, muscle in a T2-weighted and a T1-weighted scan.
_CONTRASTS = ((0.38, 0.55, 1.0, 0.04, 0.55, 0.22), (0.85, 0.60, 0.20, 0.05, 0.95, 0.45))
# Where the middle slice cuts the head, in mm above the line through the commissures.
_LEVEL = 12.0


def draw_head_slab(grid: Grid, rng: np.random.Generator) -> Volume:
    """Draw axial slices, or a slab, of a random head; front is up in the picture.

    Parameters
    ----------
    grid : Grid
    rng : Generator

    Returns
    -------
    array, shape (Z, Y, X), float32
        Brightness, air 0, brightest tissue about 1.
    """
    straight = body_frame(grid, 1.5, rng)
    frame = Frame(straight.x, straight.y, straight.z + np.float32(_LEVEL), straight.spacing)
    tissues = _tissues(frame, rng)
    cerebrum = ellipsoid(frame, (0.0, 0.0, 8.0), (65.0, 84.0, 63.0))
    small = ellipsoid(frame, (0.0, -42.0, -42.0), (50.0, 32.0, 26.0))
    hull = np.maximum(np.minimum(cerebrum, frame.z + 30.0), small).astype(np.float32)
    image = np.zeros(frame.shape, dtype=np.float32) + np.float32(tissues.fluid)
    paint_cortex(image, frame, cerebrum, tissues, rng)
    paint_cerebellum(image, frame, small, tissues, rng)
    paint_deep_brain(image, frame, tissues, rng)
    paint_brainstem(image, frame, tissues, rng)
    _paint_shell(image, frame, hull, tissues, slow_field(grid, 60.0, rng), rng)
    return np.asarray(np.maximum(image, 0.0), dtype=np.float32)


def _tissues(frame: Frame, rng: np.random.Generator) -> Tissues:
    white, grey, fluid, bone, fat, muscle = _CONTRASTS[int(rng.integers(len(_CONTRASTS)))]
    fine = grain(frame.shape, frame.spacing, rng)
    return Tissues(
        white=np.asarray(white * (1.0 + 0.015 * fine), dtype=np.float32),
        grey=np.asarray(grey * (1.0 + 0.02 * fine), dtype=np.float32),
        fluid=fluid,
        bone=bone,
        fat=np.asarray(fat * (1.0 + 0.03 * fine) * septa(frame, rng), dtype=np.float32),
        muscle=np.asarray(muscle * (1.0 + 0.06 * fine), dtype=np.float32),
    )


def _paint_shell(
    image: Volume, frame: Frame, hull: Volume, tissues: Tissues, lobes: Volume, rng: np.random.Generator
) -> None:
    """Paint skull with marrow, muscle, fat of the scalp, skin, the neck below, and air around, in place."""
    outside = (-hull - 2.0).astype(np.float32)
    across = variation(outside)
    thickness = 6.0 + 0.7 * lobes
    paint(image, coverage(outside, across), tissues.bone)
    marrow = np.asarray(0.45 * tissues.fat * spongy(frame, rng), dtype=np.float32)
    paint(image, coverage(np.minimum(outside - 1.6, thickness - 1.6 - outside), across), marrow)
    sides = np.clip(np.abs(frame.x) / 60.0, 0.0, 1.0)
    temporal = 4.0 * sides * np.exp(-np.square((frame.y - 12.0) / 60.0) - np.square((frame.z + 5.0) / 40.0))
    paint(image, coverage(outside - thickness, across), tissues.muscle)
    # Below the skull base the shell of the brain is not that of the head: a column of muscle takes its place.
    neck = (72.0 - length(1.15 * frame.x, frame.y + 8.0)).astype(np.float32)
    low = np.clip((-28.0 - frame.z) / 25.0, 0.0, 1.0).astype(np.float32)
    if float(low.max()) > 0:
        folds = smooth_field(frame.shape, frame.spacing, 5.0, rng, 2.0)
        paint(image, coverage(outside - 3.0) * low * coverage(folds - 0.5), tissues.fat)
        paint(image, coverage(np.minimum(outside - 8.0, 11.0 - length(frame.x, frame.y - 28.0))) * low, 0.0)
    scalp = np.minimum(outside - thickness - temporal, 60.0 * (1.0 - low) + low * (2.0 - neck)).astype(np.float32)
    skin = (scalp - 4.8 - 0.6 * lobes).astype(np.float32)
    paint(image, coverage(scalp, across), tissues.fat)
    paint(image, coverage(skin), 0.7 * float(tissues.muscle.mean()))
    paint(image, coverage(skin - 2.0), 0.0)
