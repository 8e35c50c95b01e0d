"""What tissues look like inside: grain, trabeculae, septa of fat, fibers of muscle. All multiply a brightness."""

from collections.abc import Sequence

import numpy as np

from quietmr.phantoms.frame import Frame, Level, folded_field, smooth_field, variation
from quietmr.phantoms.texture import Spacing, Volume, power_law_field


def draw_contrast(
    contrasts: Sequence[tuple[float, ...]], spread: float, lowest: float, rng: np.random.Generator
) -> tuple[float, ...]:
    """Draw the brightness of each tissue: one of the given contrasts, log-normally varied, ``lowest`` to 1.2."""
    base = np.array(contrasts[int(rng.integers(len(contrasts)))])
    return tuple(np.clip(base * np.exp(rng.normal(0.0, spread, base.size)), lowest, 1.2).tolist())


def grain(shape: tuple[int, int, int], spacing: Spacing, rng: np.random.Generator) -> Volume:
    """Fine rough field down to the voxel, mean 0 and SD 1, stronger in some places than in others."""
    texture = power_law_field(shape, rng.uniform(0.7, 1.5), rng, spacing, 1.0 / 10.0)
    if rng.random() < 0.5:
        texture *= np.exp(0.4 * smooth_field(shape, spacing, 8.0, rng, 2.0))
    return texture


def spongy(frame: Frame, rng: np.random.Generator) -> Volume:
    """Trabecular bone: bright marrow between dark beams of about a voxel; mean about 1."""
    scale = max(frame.spacing[1], frame.spacing[2])
    shape = frame.shape
    beams = power_law_field(shape, rng.uniform(0.6, 1.4), rng, frame.spacing, 1.0 / (rng.uniform(3.0, 8.0) * scale))
    depth = float(np.exp(rng.uniform(np.log(0.03), np.log(0.25))))
    if rng.random() < 0.5:
        # Beams are thin: the dark side of the distribution is longer than the bright one.
        beams = 0.8 - np.exp(0.6 * beams - 0.18)
    patches = 1.0 + rng.uniform(0.0, 0.2) * smooth_field(shape, frame.spacing, 5.0, rng, 1.8)
    return np.asarray(np.maximum(patches * (1.0 + depth * beams), 0.05), dtype=np.float32)


def septa(frame: Frame, rng: np.random.Generator) -> Volume:
    """Fat: lobules between thin darker sheets, 1 away from the sheets."""
    folds = smooth_field(frame.shape, frame.spacing, rng.uniform(3.0, 7.0), rng, 1.8)
    strength = rng.uniform(0.1, 0.9) * np.clip(0.4 + smooth_field(frame.shape, frame.spacing, 15.0, rng), 0.0, 1.0)
    return np.asarray(1.0 - strength * thin_sheet(folds, float(rng.uniform(-0.3, 0.4))), dtype=np.float32)


def thin_sheet(level: Level, half_width: float) -> Volume:
    """Coverage of a sheet along the zero level, ``half_width`` voxels thick on each side (down to -0.5: nothing)."""
    across = variation(level)
    return np.asarray(np.clip(0.5 + half_width - np.abs(level) / across, 0.0, 1.0), dtype=np.float32)


def stretched(frame: Frame, along: tuple[float, float, float], factor: float) -> Spacing:
    """Spacing that makes a field ``factor`` times longer along the grid axis nearest to a direction (x, y, z)."""
    run = along[0] * frame.x + along[1] * frame.y + along[2] * frame.z
    change = [
        float(np.abs(np.diff(run, axis=k)).mean()) / d if n > 1 else 0.0
        for k, (n, d) in enumerate(zip(frame.shape, frame.spacing, strict=True))
    ]
    spacing = list(frame.spacing)
    spacing[int(np.argmax(change))] /= factor
    return spacing[0], spacing[1], spacing[2]


def muscle_fibers(frame: Frame, along: tuple[float, float, float], rng: np.random.Generator) -> Volume:
    """Share of fat between the bundles of a muscle, 0 to 1: faint grain and some fatty sheets along a direction."""
    spacing = stretched(frame, along, float(rng.uniform(3.0, 8.0)))
    bundles = power_law_field(frame.shape, rng.uniform(0.9, 1.6), rng, spacing, 1.0 / rng.uniform(5.0, 12.0))
    share = np.float32(rng.uniform(0.01, 0.07)) * (bundles + np.float32(1.5))
    sheets = folded_field(frame.shape, spacing, rng.uniform(6.0, 14.0), rng, 0.6)
    fatty = smooth_field(frame.shape, frame.spacing, 10.0, rng, 2.0) + np.float32(rng.uniform(-2.0, 0.7))
    share += thin_sheet(sheets, float(rng.uniform(-0.2, 0.7))) * np.clip(fatty, 0.0, 1.0)
    return np.asarray(np.clip(share, 0.0, 1.0), dtype=np.float32)
