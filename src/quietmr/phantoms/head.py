"""Head: brain in its fluid, skull with marrow, muscle, fat with septa, skin, eyes and air-filled cavities."""

import numpy as np
from numpy.typing import NDArray

from quietmr.phantoms.brain import paint_brainstem, paint_deep_brain, paint_lesions
from quietmr.phantoms.cortex import Tissues, paint_cerebellum, paint_cortex
from quietmr.phantoms.frame import (
    Frame,
    coverage,
    ellipsoid,
    length,
    paint,
    paint_ellipsoid,
    place,
    smooth_field,
    variation,
)
from quietmr.phantoms.texture import Spacing, Volume
from quietmr.phantoms.tissue import grain, septa, spongy

# Brightness (white matter, grey matter, fluid, bone, fat, muscle) of usual weightings, brightest tissue near 1.
_CONTRASTS: dict[str, tuple[float, ...]] = {
    "t1": (0.85, 0.60, 0.22, 0.06, 1.0, 0.50),
    "t1se": (0.50, 0.42, 0.22, 0.05, 1.0, 0.35),
    "t2": (0.36, 0.52, 1.0, 0.05, 0.70, 0.22),
    "flair": (0.52, 0.70, 0.10, 0.06, 0.80, 0.42),
    "pd": (0.70, 0.85, 0.95, 0.08, 0.80, 0.60),
    "epi": (0.60, 0.75, 1.0, 0.03, 0.08, 0.20),
}


def _brightness(rng: np.random.Generator) -> NDArray[np.float64]:
    if rng.random() < 0.2:
        return rng.uniform(0.05, 1.0, 6)
    contrast = np.array(_CONTRASTS[str(rng.choice(list(_CONTRASTS)))])
    return np.asarray(np.clip(contrast * np.exp(rng.normal(0.0, 0.12, contrast.size)), 0.02, 1.2))


def _tissues(frame: Frame, rng: np.random.Generator) -> Tissues:
    white, grey, fluid, bone, fat, muscle = _brightness(rng).tolist()
    fine = grain(frame.shape, frame.spacing, rng)
    slow = smooth_field(frame.shape, frame.spacing, 6.0, rng, 2.0)
    strength = float(np.exp(rng.uniform(np.log(0.006), np.log(0.06))))
    return Tissues(
        white=np.asarray(white * (1.0 + strength * fine + rng.uniform(0.0, 0.06) * slow), dtype=np.float32),
        grey=np.asarray(grey * (1.0 + 1.5 * strength * fine + rng.uniform(0.0, 0.06) * slow), dtype=np.float32),
        fluid=float(fluid),
        bone=float(bone),
        fat=np.asarray(fat * (1.0 + 2.0 * strength * fine) * septa(frame, rng), dtype=np.float32),
        muscle=np.asarray(muscle * (1.0 + 4.0 * strength * fine), dtype=np.float32),
    )


def _paint_face(image: Volume, frame: Frame, below: Volume, tissues: Tissues, rng: np.random.Generator) -> None:
    """Paint muscles, fat, cavities and eyes below the skull, in place."""
    mix = np.zeros_like(image) + tissues.muscle
    folds = smooth_field(frame.shape, frame.spacing, rng.uniform(3.0, 6.0), rng, 2.0)
    paint(mix, coverage(folds - rng.uniform(0.0, 1.0)), tissues.fat)
    paint(mix, coverage(np.float32(rng.uniform(0.03, 0.12)) - np.abs(folds + 0.5)), tissues.fat * rng.uniform(0.2, 1.0))
    cavities = smooth_field(frame.shape, frame.spacing, rng.uniform(6.0, 10.0), rng, 2.4)
    across = variation(cavities)
    paint(mix, coverage(cavities - 0.9, across), float(rng.uniform(0.4, 1.1)))
    paint(mix, coverage(cavities - rng.uniform(1.0, 1.15), across), 0.0)
    halves = Frame(np.abs(frame.x), frame.y, frame.z, frame.spacing)
    paint_ellipsoid(mix, halves, (32.0, 58.0, -32.0), (19.0, 26.0, 17.0), tissues.fat)
    paint_ellipsoid(mix, halves, (32.0, 66.0, -32.0), (12.5, 12.5, 12.5), 0.5 * tissues.fluid)
    paint_ellipsoid(mix, halves, (32.0, 66.0, -32.0), (11.5, 11.5, 11.5), tissues.fluid)
    paint_ellipsoid(mix, halves, (32.0, 75.0, -32.0), (4.5, 2.2, 4.5), 0.4 * tissues.fluid)
    paint(image, coverage(below), mix)


def _paint_shell(image: Volume, frame: Frame, hull: Volume, tissues: Tissues, rng: np.random.Generator) -> None:
    """Paint skull, muscle, scalp and the air around, in place."""
    shape, spacing = frame.shape, frame.spacing
    outside = -hull - np.float32(rng.uniform(0.3, 2.0))
    across = variation(outside)
    thickness = rng.uniform(3.5, 6.5) + rng.uniform(0.5, 1.5) * smooth_field(shape, spacing, 15.0, rng)
    marrow = np.asarray(rng.uniform(0.1, 0.8) * tissues.fat * spongy(frame, rng), dtype=np.float32)
    table = float(rng.uniform(1.0, 2.0))
    paint(image, coverage(outside, across), tissues.bone)
    diploe = np.minimum(outside - table, thickness - table - outside)
    paint(image, coverage(diploe, across), marrow)
    paint(image, coverage(outside - thickness, across), tissues.muscle)
    temporal = np.maximum(
        rng.uniform(0.0, 9.0) * np.exp(-np.square((np.abs(frame.x) - 65.0) / 25.0) - np.square(frame.z / 40.0)), 0.3
    )
    scalp = thickness + temporal.astype(np.float32)
    depth = rng.uniform(2.5, 7.0) + rng.uniform(0.5, 1.5) * smooth_field(shape, spacing, 20.0, rng)
    paint(image, coverage(outside - scalp, across), tissues.fat)
    skin = outside - scalp - np.maximum(depth, 1.0)
    paint(image, coverage(skin, across), rng.uniform(0.4, 1.3) * float(tissues.muscle.mean()))
    paint(image, coverage(skin - rng.uniform(1.0, 2.2), across), 0.0)


def draw_head(shape: tuple[int, int, int], spacing: Spacing, rng: np.random.Generator) -> Volume:
    """Draw part of a random head.

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
    frame = place(shape, spacing, (45.0, 55.0, 50.0), rng)
    tissues = _tissues(frame, rng)
    size = float(rng.uniform(0.9, 1.08))
    cerebrum = ellipsoid(frame, (0.0, 0.0, 8.0), (66.0 * size, 84.0 * size, 64.0 * size))
    small = ellipsoid(frame, (0.0, -42.0, -42.0), (50.0, 32.0, 26.0))
    hull = np.maximum(np.minimum(cerebrum, frame.z + 30.0), small).astype(np.float32)
    image = np.zeros(shape, dtype=np.float32) + tissues.fluid
    paint_cortex(image, frame, cerebrum, tissues, rng)
    paint_cerebellum(image, frame, small, tissues, rng)
    paint_deep_brain(image, frame, tissues, rng)
    paint_brainstem(image, frame, tissues, rng)
    paint_lesions(image, frame, coverage(cerebrum - 4.0), tissues, rng)
    _paint_shell(image, frame, hull, tissues, rng)
    neck = np.minimum(-24.0 - frame.z, np.minimum(-hull - 3.0, 92.0 - length(frame.x * 1.25, frame.y)))
    if float(neck.max()) > 0:
        _paint_face(image, frame, neck.astype(np.float32), tissues, rng)
    return image
