"""Organ-like maps without a plan: regions cut out by random fields, thin sheets between them."""

import numpy as np

from quietmr.phantoms.frame import coverage, folded_field, paint, smooth_field, variation
from quietmr.phantoms.texture import Spacing, Volume, power_law_field
from quietmr.phantoms.tissue import thin_sheet


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
        value = float(rng.uniform(0.0, 1.1))
        kind = rng.random()
        if kind < 0.4:
            field = folded_field(shape, spacing, float(np.exp(rng.uniform(np.log(8.0), np.log(60.0)))), rng)
        elif kind < 0.8:
            field = smooth_field(shape, spacing, float(np.exp(rng.uniform(np.log(3.0), np.log(10.0)))), rng, 2.2)
        else:
            field = power_law_field(shape, rng.uniform(1.8, 2.6), rng, spacing)
        field = (field - rng.normal(0.0, 0.7)).astype(np.float32)
        if rng.random() < 0.3:
            part = thin_sheet(field, float(rng.uniform(-0.2, 1.5)))
        else:
            across = variation(field)
            part = coverage(field, across * np.float32(np.exp(rng.uniform(0.0, 1.5) * (rng.random() < 0.3))))
        paint(image, part, value)
    return image
