"""Joint, knee-like: trabecular bone, cartilage, menisci, ligaments, muscles with fascia, fat."""

import numpy as np

from quietmr.phantoms.frame import Frame, coverage, ellipsoid, length, paint, place, smooth_field, variation
from quietmr.phantoms.texture import Spacing, Volume, power_law_field
from quietmr.phantoms.tissue import draw_contrast, muscle_fibers, septa, spongy, thin_sheet

# Brightness (marrow, cartilage, fluid, muscle, fat), brightest tissue near 1; tendon and cortex are dark in all.
_CONTRASTS = ((0.90, 0.60, 0.45, 0.45, 1.0), (0.18, 0.75, 1.0, 0.40, 0.15), (0.75, 0.55, 0.95, 0.30, 0.9))


def _femur(frame: Frame, rng: np.random.Generator) -> Volume:
    """Depth in mm below the surface of the upper bone with its two condyles."""
    apart, round_ = rng.uniform(18.0, 23.0), rng.uniform(19.0, 24.0)
    halves = Frame(np.abs(frame.x), frame.y, frame.z, frame.spacing)
    condyle = ellipsoid(halves, (apart, 0.0, round_ + 2.0), (17.0, round_ * 1.25, round_))
    flare = 14.0 + 16.0 * np.exp(-np.maximum(frame.z - 25.0, 0.0) / 18.0)
    shaft = np.minimum(flare - length(frame.x, frame.y - 4.0), frame.z - 16.0)
    return np.asarray(np.maximum(condyle, shaft), dtype=np.float32)


def _tibia(frame: Frame, rng: np.random.Generator) -> Volume:
    """Depth in mm below the surface of the lower bone."""
    flare = rng.uniform(12.0, 15.0) + 20.0 * np.exp(np.minimum(frame.z + 6.0, 0.0) / 20.0)
    plateau = -rng.uniform(3.5, 6.0) + 0.06 * np.abs(np.abs(frame.x) - 18.0) - frame.z
    return np.asarray(np.minimum(flare - length(0.85 * frame.x, 1.1 * frame.y), plateau), dtype=np.float32)


def _paint_soft(image: Volume, frame: Frame, tissue: tuple[float, ...], rng: np.random.Generator) -> None:
    """Paint muscle bellies between dark and fatty sheets, vessels, skin and air, in place."""
    _, _, _, muscle, fat = tissue
    streaks = muscle_fibers(frame, (0.0, 0.0, 1.0), rng)
    belly = smooth_field(frame.shape, frame.spacing, 12.0, rng, 2.2) + 0.02 * (np.abs(frame.z) - 25.0)
    across = variation(belly)
    paint(image, coverage(belly + 0.1, across), np.asarray(muscle + (fat - muscle) * streaks, dtype=np.float32))
    sheet = smooth_field(frame.shape, frame.spacing, 6.0, rng, 2.2)
    thin = thin_sheet(sheet, float(rng.uniform(-0.2, 0.5))) * coverage(belly, across)
    paint(image, thin, float(rng.choice([fat, 0.08])))
    outer = rng.uniform(46.0, 62.0) - length(frame.x, frame.y * np.float32(0.9))
    skin = outer.astype(np.float32)
    across = variation(skin)
    layer = float(rng.uniform(3.0, 16.0))
    paint(image, coverage(layer - skin, across), np.asarray(fat * septa(frame, rng), dtype=np.float32))
    paint(image, coverage(1.6 - skin, across), 0.4)
    paint(image, coverage(-skin, across), 0.0)


def _paint_cords(image: Volume, frame: Frame, tissue: tuple[float, ...], rng: np.random.Generator) -> None:
    """Paint ligaments, tendons and vessels: dark or bright cords along the limb, in place."""
    for _ in range(int(rng.integers(4, 9))):
        x, y = rng.normal(0.0, 22.0), rng.choice([-34.0, 30.0, rng.uniform(-35.0, 35.0)])
        lean = rng.normal(0.0, 0.35, 2)
        flat = float(np.exp(rng.normal(0.0, 0.5)))
        across = length((frame.x - x - lean[0] * frame.z) * flat, frame.y - y - lean[1] * frame.z)
        depth = (np.float32(np.exp(rng.uniform(np.log(0.8), np.log(4.5)))) - across).astype(np.float32)
        value = rng.choice([0.04, 0.08, tissue[2], rng.uniform(0.0, 1.0)], p=[0.4, 0.3, 0.15, 0.15])
        paint(image, coverage(depth), float(value))


def draw_joint(shape: tuple[int, int, int], spacing: Spacing, rng: np.random.Generator) -> Volume:
    """Draw part of a knee-like joint.

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
    frame = place(shape, spacing, (18.0, 18.0, 30.0), rng)
    tissue = draw_contrast(_CONTRASTS, 0.15, 0.03, rng)
    marrow, cartilage, fluid, _, fat = tissue
    image = np.zeros(shape, dtype=np.float32)
    image += np.asarray(fat * septa(frame, rng), dtype=np.float32)
    _paint_soft(image, frame, tissue, rng)
    _paint_cords(image, frame, tissue, rng)
    femur, tibia = _femur(frame, rng), _tibia(frame, rng)
    patella = ellipsoid(frame, (0.0, 42.0, 28.0), (20.0, 9.0, 20.0))
    near = np.exp(-np.square(frame.z / np.float32(22.0)))
    paint(image, coverage((near - 0.55) * 20.0 + np.minimum(femur, tibia) * 0.5 + 3.0) * near, fluid)
    # Menisci: dark wedges, thick at the rim of the gap between the bones.
    rim = np.minimum(length(np.abs(frame.x) - 20.0, frame.y * 0.8) - 9.0, 6.5 - np.abs(frame.z + 1.0))
    paint(image, coverage(np.minimum(rim, 34.0 - length(frame.x, frame.y)).astype(np.float32)), 0.07)
    beams = spongy(frame, rng)
    inside = np.asarray(marrow * beams, dtype=np.float32)
    line = np.abs(frame.z - np.float32(rng.uniform(32.0, 42.0)) - 2.0 * smooth_field(shape, spacing, 8.0, rng, 2.2))
    inside *= 1.0 - np.float32(rng.uniform(0.0, 0.7)) * coverage(np.float32(0.7) - line)
    layer, cortex = float(rng.uniform(1.2, 3.2)), float(rng.uniform(0.6, 1.6))
    for bone in (femur, tibia, patella):
        across = variation(bone)
        cover = np.clip(1.4 * near - 0.2, 0.0, 1.0) if bone is not patella else 1.0
        paint(image, coverage(bone + layer, across) * cover, cartilage)
        paint(image, coverage(bone, across), 0.05)
        paint(image, coverage(bone - cortex, across), inside)
    image *= 1.0 + np.float32(rng.uniform(0.0, 0.04)) * power_law_field(shape, 1.0, rng, spacing, 0.1)
    return np.maximum(image, 0.0)
