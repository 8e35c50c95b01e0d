"""Vessels: bright or dark tubes that wander, branch off at random and taper."""

import numpy as np
from scipy.ndimage import distance_transform_edt

from quietmr.phantoms.texture import Spacing, Volume, soft_step


def add_vessels(image: Volume, spacing: Spacing, rng: np.random.Generator) -> Volume:
    """Return the image with random tubes painted in.

    Parameters
    ----------
    image : array, shape (F, Y, X)
    spacing : (float, float, float)
        Distance between voxel centers along (F, Y, X).
    rng : Generator
    """
    shape = np.array(image.shape)
    steps = int(rng.integers(60, 200))
    n_vessels = int(rng.integers(2, 12))
    start = rng.uniform(0.0, 1.0, (n_vessels, 1, 3)) * shape * np.array(spacing)
    heading = rng.standard_normal((n_vessels, 1, 3))
    bends = np.cumsum(rng.normal(0.0, 0.18, (n_vessels, steps, 3)), axis=1) + heading
    bends /= np.linalg.norm(bends, axis=2, keepdims=True)
    path = start + np.cumsum(bends * 0.8, axis=1)
    index = np.rint(path / np.array(spacing)).astype(int).reshape(-1, 3)
    index = index[((index >= 0) & (index < shape)).all(axis=1)]
    if index.size == 0:
        return image
    empty = np.ones(image.shape, dtype=bool)
    empty[tuple(index.T)] = False
    distance = distance_transform_edt(empty, sampling=spacing).astype(np.float32)
    weight = soft_step(rng.uniform(0.5, 2.0) - distance, float(rng.uniform(0.4, 0.8)))
    brightness = rng.choice([0.03, 1.0, rng.uniform(0.0, 1.2)])
    return image + weight * np.float32(brightness - image)
