"""Random fields so slow that they have no structure of their own: warps of bodies, phase of tissue."""

import numpy as np

from quietmr.phantoms.raw.grid import Grid
from quietmr.phantoms.texture import Volume

_WAVES = 12


def slow_field(grid: Grid, shortest: float, rng: np.random.Generator) -> Volume:
    """Draw a sum of plane waves.

    Parameters
    ----------
    grid : Grid
    shortest : float
        Shortest wavelength in mm; the longest is four times that.
    rng : Generator

    Returns
    -------
    array, shape (Z, Y, X), float32
        SD 1 over many draws; smooth to all orders.
    """
    field = np.zeros(grid.shape, dtype=np.complex64)
    for _ in range(_WAVES):
        heading = rng.standard_normal(3)
        heading *= 2.0 * np.pi / (shortest * 4.0 ** rng.random() * np.linalg.norm(heading))
        # A plane wave is a product of one factor per axis, which saves most of the exponentials.
        z, y, x = (
            np.exp(1j * step * axis).astype(np.complex64)
            for step, axis in zip(heading, (grid.z, grid.y, grid.x), strict=True)
        )
        turn = np.complex64(np.exp(2j * np.pi * rng.random()))
        field += turn * z[:, np.newaxis, np.newaxis] * y[:, np.newaxis] * x
    return np.asarray(field.real * np.float32(np.sqrt(2.0 / _WAVES)), dtype=np.float32)
