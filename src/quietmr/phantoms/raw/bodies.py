"""The complex objects that are scanned: anatomy in motion, and the phase that tissue and shim give it."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from quietmr.phantoms.raw.chest import beat, build_chest
from quietmr.phantoms.raw.grid import Grid
from quietmr.phantoms.raw.head_slab import draw_head_slab
from quietmr.phantoms.raw.protocol import RawProtocol
from quietmr.phantoms.raw.waves import slow_field
from quietmr.phantoms.texture import Volume

# Maps a cardiac phase (0 to 1) to the object on the fine grid, shape (Z, Y, X).
Body = Callable[[float], NDArray[np.complex64]]
_Anatomy = Callable[[float], Volume]

# SD of the smooth phase and steepest ramp across the field of view, in radians.
_PHASE, _RAMP = 0.7, 1.5


def draw_body(protocol: RawProtocol, grid: Grid, rng: np.random.Generator) -> Body:
    """Draw the object of a protocol.

    Parameters
    ----------
    protocol : RawProtocol
    grid : Grid
    rng : Generator

    Returns
    -------
    function
        Gives the object at a phase of the cardiac cycle; only the heart and the disk move.
    """
    anatomy = _ANATOMY[protocol.subject](grid, rng)
    turn = np.exp(1j * _object_phase(grid, rng)).astype(np.complex64)
    return lambda phase: anatomy(phase) * turn


def _object_phase(grid: Grid, rng: np.random.Generator) -> Volume:
    """Phase of main field and transmit coil: smooth over a third of the body, with ramps."""
    phase = np.float32(_PHASE) * slow_field(grid, 1.6 * min(grid.half_axes[:2]), rng)
    ramps = rng.uniform(-_RAMP, _RAMP, 2)
    phase += np.float32(ramps[0]) * (grid.y / np.ptp(grid.y)).astype(np.float32)[:, np.newaxis]
    phase += np.float32(ramps[1]) * (grid.x / np.ptp(grid.x)).astype(np.float32)
    return phase


def _heart(grid: Grid, rng: np.random.Generator) -> _Anatomy:
    chest = build_chest(grid, rng)
    return lambda phase: beat(chest, phase)


def _brain(grid: Grid, rng: np.random.Generator) -> _Anatomy:
    head = draw_head_slab(grid, rng)
    return lambda phase: head


def _disk(grid: Grid, rng: np.random.Generator) -> _Anatomy:
    """Build an ellipse with a soft edge and slow shading, which shrinks by a tenth and back in a cycle."""
    tilt = rng.uniform(-0.3, 0.3, 2)
    width = 3.0 * max(grid.spacing[1:]) / min(grid.half_axes[:2])
    z, y, x = np.meshgrid(
        *(a / h for a, h in zip((grid.z, grid.y, grid.x), reversed(grid.half_axes), strict=True)), indexing="ij"
    )
    radius = np.sqrt(np.square(z) + np.square(y) + np.square(x))
    shade = 1.0 + tilt[0] * y + tilt[1] * x

    def at(phase: float) -> Volume:
        edge = 1.0 - 0.05 * (1.0 - np.cos(2.0 * np.pi * phase))
        return np.asarray(shade / (1.0 + np.exp((radius - edge) / (0.5 * width))), dtype=np.float32)

    return at


_ANATOMY: dict[str, Callable[[Grid, np.random.Generator], _Anatomy]] = {"heart": _heart, "brain": _brain, "disk": _disk}
