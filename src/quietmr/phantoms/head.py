"""Head-like anatomy: folded cortex, fluid, skull, fat, nuclei, ventricles, vessels."""

import numpy as np
from numpy.typing import NDArray

from quietmr.phantoms.texture import (
    Spacing,
    Volume,
    band_field,
    distance_to_level,
    power_law_field,
    soft_step,
)

# Brightness (white matter, grey matter, fluid, skull, fat, muscle) of usual weightings, brightest tissue near 1.
_CONTRASTS: dict[str, tuple[float, ...]] = {
    "t1": (0.85, 0.60, 0.22, 0.08, 1.0, 0.50),
    "t2": (0.38, 0.55, 1.0, 0.08, 0.75, 0.25),
    "flair": (0.52, 0.72, 0.10, 0.08, 0.80, 0.42),
    "pd": (0.70, 0.85, 0.95, 0.10, 0.80, 0.60),
}


def _centered_grid(shape: tuple[int, int, int], spacing: Spacing, rng: np.random.Generator) -> list[Volume]:
    """Coordinates in mm of a grid that looks at a random part of the head."""
    center = rng.uniform(-1.0, 1.0, 3) * np.array([45.0, 55.0, 45.0])
    axes = [(np.arange(n, dtype=np.float32) - n / 2) * d + c for n, d, c in zip(shape, spacing, center, strict=True)]
    return list(np.meshgrid(*axes, indexing="ij"))


def _ellipsoid_depth(grid: list[Volume], radii: NDArray[np.float64], center: NDArray[np.float64]) -> Volume:
    """Approximate depth in mm below the surface of an ellipsoid (negative outside)."""
    scaled = np.sqrt(sum(np.square((g - c) / r) for g, c, r in zip(grid, center, radii, strict=True)))
    return np.asarray((1.0 - scaled) * float(np.mean(radii)), dtype=np.float32)


def _tissue_brightness(rng: np.random.Generator) -> NDArray[np.float64]:
    if rng.random() < 0.25:
        return rng.uniform(0.05, 1.0, 6)
    contrast = np.array(_CONTRASTS[str(rng.choice(list(_CONTRASTS)))])
    return np.asarray(np.clip(contrast * np.exp(rng.normal(0.0, 0.12, contrast.size)), 0.02, 1.2))


def _cortex(depth: Volume, spacing: Spacing, rng: np.random.Generator) -> tuple[Volume, Volume]:
    """Distance in mm below the folded pial surface, and thickness of the ribbon at each place."""
    shape = depth.shape
    folds = band_field(shape, rng.uniform(13.0, 26.0), rng, spacing, 0.4)
    folds += rng.uniform(0.1, 0.5) * band_field(shape, rng.uniform(5.0, 10.0), rng, spacing, 0.5)
    sulcus_depth = rng.uniform(20.0, 60.0)
    # Folds fade with depth: sulci reach some centimeters below the hull, the deep white matter is smooth.
    fade = np.exp(-np.square(np.maximum(depth, 0.0) / sulcus_depth))
    level = np.minimum(depth / 12.0, 0.35 + depth / (2.0 * sulcus_depth))
    surface = distance_to_level(level + rng.uniform(0.6, 1.2) * fade * (folds - 0.1), spacing)
    thickness = rng.uniform(2.0, 3.6) * np.exp(0.15 * power_law_field(shape, 2.0, rng, spacing))
    return surface, thickness.astype(np.float32)


def _inner_structures(image: Volume, grid: list[Volume], tissue: NDArray[np.float64], rng: np.random.Generator) -> None:
    """Paint ventricles, deep nuclei and lesions into the brain, in place."""
    wobble = 3.0 * power_law_field(image.shape, 2.8, rng)
    for _ in range(int(rng.integers(3, 14))):
        center = rng.normal(0.0, 1.0, 3) * np.array([22.0, 30.0, 22.0])
        radii = np.exp(rng.uniform(np.log(1.2), np.log(16.0))) * np.exp(rng.normal(0.0, 0.4, 3))
        depth = _ellipsoid_depth(grid, radii, center) + wobble * min(1.0, float(radii.mean()) / 12.0)
        value = rng.choice([tissue[2], tissue[1], rng.uniform(0.05, 1.1)])
        weight = soft_step(depth, 0.6) * rng.uniform(0.3, 1.0)
        image += weight * (value - image)


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
    grid = _centered_grid(shape, spacing, rng)
    hull = _ellipsoid_depth(grid, np.array([68.0, 85.0, 68.0]) * rng.uniform(0.85, 1.1), np.zeros(3))
    hull += rng.uniform(1.0, 4.0) * power_law_field(shape, 3.2, rng, spacing, 1.0 / 60.0)
    white, grey, fluid, bone, fat, muscle = _tissue_brightness(rng)
    edge = float(rng.uniform(0.3, 0.7)) * min(spacing[1], spacing[2])
    surface, thickness = _cortex(hull, spacing, rng)
    image = np.full(shape, fluid, dtype=np.float32)
    image += soft_step(surface, edge) * (grey - fluid)
    image += soft_step(surface - thickness, edge * rng.uniform(1.0, 2.5)) * (white - grey)
    _inner_structures(image, grid, np.array([white, grey, fluid]), rng)
    # Outside the fluid: skull, fat, muscle, skin, air.
    outside = hull + rng.uniform(1.0, 3.0)
    limits = np.cumsum(rng.uniform([2.0, 1.0, 1.0], [8.0, 7.0, 8.0]))
    marrow = bone + soft_step(distance_to_level(band_field(shape, 9.0, rng, spacing), spacing), edge) * (
        rng.uniform(0.0, 0.6) * fat
    )
    for limit, value in zip((0.0, *limits), (marrow, fat, muscle, 0.0), strict=True):
        image += soft_step(-(outside + limit), edge) * (value - image)
    return image
