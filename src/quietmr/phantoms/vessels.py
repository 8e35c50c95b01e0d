"""Vessels: bright or dark tubes that wander, branch off at random and taper."""

import numpy as np
from numpy.typing import NDArray

from quietmr.phantoms.texture import Spacing, Volume


def _paths(
    shape: NDArray[np.int64], spacing: NDArray[np.float64], rng: np.random.Generator
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Points (N, 3) in mm along each wandering tube, and its radius at each of them.

    Half of the tubes begin somewhere on another one, thinner than it.
    """
    steps, number = int(rng.integers(60, 160)), int(rng.integers(3, 14))
    stride = 0.7 * float(spacing[1:].min())
    points: list[NDArray[np.float64]] = []
    radii: list[NDArray[np.float64]] = []
    for k in range(number):
        start, radius = rng.uniform(0.0, 1.0, 3) * shape * spacing, rng.uniform(0.4, 2.2)
        if k and rng.random() < 0.6:
            parent, place = int(rng.integers(k)), int(rng.integers(steps))
            start, radius = points[parent][place], 0.75 * radii[parent][place]
        bends = np.cumsum(rng.normal(0.0, 0.18, (steps, 3)), axis=0) + rng.standard_normal(3)
        bends /= np.linalg.norm(bends, axis=1, keepdims=True)
        points.append(start + np.cumsum(bends * stride, axis=0))
        radii.append(radius * np.linspace(1.0, rng.uniform(0.3, 1.0), steps))
    return list(zip(points, radii, strict=True))


def add_tube(covered: Volume, spacing: Spacing, points: NDArray[np.float64], radii: NDArray[np.float64]) -> None:
    """Raise the covered part of each voxel (0 to 1) to that of a chain of balls, in place.

    Parameters
    ----------
    covered : array, shape (F, Y, X)
    spacing : (float, float, float)
        Distance between voxel centers in mm.
    points : array, shape (N, 3)
        Centers in mm from the first voxel.
    radii : array, shape (N,)
        In mm.
    """
    step = np.array(spacing)
    ramp = float(step[1:].mean())
    reach = np.ceil((radii.max() + ramp) / step).astype(int)
    offsets = np.stack(np.meshgrid(*[np.arange(-r, r + 1) for r in reach], indexing="ij"), axis=-1).reshape(-1, 3)
    index = np.rint(points / step).astype(int)[:, np.newaxis] + offsets
    distance = np.sqrt(np.square((index * step - points[:, np.newaxis]).astype(np.float32)).sum(axis=-1))
    # A tube thinner than a voxel fills only its own share of it.
    part = np.clip(0.5 + (radii[:, np.newaxis] - distance) / ramp, 0.0, 1.0)
    part *= np.minimum(1.0, np.square(2.0 * radii / ramp))[:, np.newaxis]
    inside = (part > 0.01) & (index >= 0).all(axis=-1) & (index < covered.shape).all(axis=-1)
    np.maximum.at(covered, tuple(index[inside].T), part[inside].astype(np.float32))


def add_vessels(image: Volume, spacing: Spacing, rng: np.random.Generator) -> Volume:
    """Return the image with random tubes painted in.

    Parameters
    ----------
    image : array, shape (F, Y, X)
    spacing : (float, float, float)
        Distance between voxel centers along (F, Y, X).
    rng : Generator
    """
    covered = np.zeros(image.shape, dtype=np.float32)
    for points, radii in _paths(np.array(image.shape), np.array(spacing), rng):
        add_tube(covered, spacing, points, radii)
    brightness = float(rng.choice([0.03, 1.0, rng.uniform(0.0, 1.2)]))
    return np.asarray(image + covered * (brightness - image), dtype=np.float32)
