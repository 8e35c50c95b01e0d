"""Dead leaves: opaque shapes of all sizes thrown on top of each other (Matheron; Lee, Mumford and Huang 2001)."""

import numpy as np
from numpy.typing import NDArray

from quietmr.phantoms.frame import coverage, paint, variation
from quietmr.phantoms.texture import Spacing, Volume


def _random_rotation(rng: np.random.Generator) -> NDArray[np.float64]:
    q, r = np.linalg.qr(rng.standard_normal((3, 3)))
    return np.asarray(q * np.sign(np.diag(r)), dtype=np.float64)


def _leaf_depth(grid: list[NDArray[np.float64]], radii: NDArray[np.float64], rng: np.random.Generator) -> Volume:
    """Depth below the surface of one shape centered at the origin: ellipsoid or box."""
    local = np.tensordot(_random_rotation(rng), np.stack(np.broadcast_arrays(*grid)), axes=1)
    if rng.random() < 0.6:
        scaled = np.sqrt(sum(np.square(g / r) for g, r in zip(local, radii, strict=True)))
        return np.asarray((1.0 - scaled) * radii.min(), dtype=np.float32)
    return np.asarray(np.min([r - np.abs(g) for g, r in zip(local, radii, strict=True)], axis=0), dtype=np.float32)


def draw_leaves(shape: tuple[int, int, int], spacing: Spacing, rng: np.random.Generator) -> Volume:
    """Draw overlapping ellipsoids and boxes with power-law sizes, brightness 0 to 1.

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
    image = np.full(shape, rng.uniform(0.0, 0.8), dtype=np.float32)
    extent = np.array(shape) * np.array(spacing)
    # Radii follow r^-3, the law that makes the picture look the same at every scale; big ones are laid first.
    smallest, largest = rng.uniform(1.2, 3.0), rng.uniform(15.0, 50.0)
    u = rng.random(int(rng.integers(120, 420)))
    sizes = np.sort((smallest**-2 + u * (largest**-2 - smallest**-2)) ** -0.5)[::-1]
    softness = np.float32(np.exp(rng.uniform(0.0, 0.8) * (rng.random() < 0.3)))
    for size in sizes:
        radii = size * np.exp(rng.normal(0.0, 0.35, 3))
        center = rng.uniform(0.0, extent)
        reach = float(radii.max()) * 1.75 + 1.0
        window = tuple(
            slice(max(0, int((c - reach) / d)), min(n, int((c + reach) / d) + 2))
            for c, d, n in zip(center, spacing, shape, strict=True)
        )
        axes = [np.arange(w.start, w.stop) * d - c for w, d, c in zip(window, spacing, center, strict=True)]
        if min(axis.size for axis in axes) == 0:
            continue
        grid = list(np.meshgrid(*axes, indexing="ij", sparse=True))
        part = image[window]
        depth = _leaf_depth(grid, radii, rng)
        paint(part, coverage(depth, variation(depth) * softness), float(rng.uniform(0.0, 1.0)))
    return image
