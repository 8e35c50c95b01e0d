"""Organ-like maps without a plan: regions cut out by random fields, thin sheets between them."""

import numpy as np

from quietmr.phantoms.texture import Spacing, Volume, band_field, distance_to_level, power_law_field, soft_step


def draw_regions(shape: tuple[int, int, int], spacing: Spacing, rng: np.random.Generator) -> Volume:
    """Draw nested random regions with sharp or soft borders, brightness about 0 to 1.

    Parameters
    ----------
    shape : (F, Y, X)
    spacing : (float, float, float)
        Distance between voxel centers along (F, Y, X); in-plane distance about 1.
    rng : Generator

    Returns
    -------
    array, shape (F, Y, X), float32
    """
    image = np.full(shape, rng.uniform(0.0, 0.9), dtype=np.float32)
    for _ in range(int(rng.integers(3, 9))):
        if rng.random() < 0.5:
            field = band_field(shape, float(np.exp(rng.uniform(np.log(5.0), np.log(60.0)))), rng, spacing)
        else:
            field = power_law_field(shape, rng.uniform(1.6, 2.6), rng, spacing)
        distance = distance_to_level(field - rng.normal(0.0, 0.7), spacing)
        width = float(np.exp(rng.uniform(np.log(0.3), np.log(2.5))))
        if rng.random() < 0.3:
            distance = np.float32(rng.uniform(0.5, 2.5)) - np.abs(distance)
        image += soft_step(distance, width) * (rng.uniform(0.0, 1.1) - image)
    return image
