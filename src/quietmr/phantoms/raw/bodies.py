"""The complex objects that are scanned: anatomy in motion, and the phase that tissue and shim give it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quietmr.phantoms.raw.canvas import Canvas
from quietmr.phantoms.raw.chest import build_chest, paint_chest
from quietmr.phantoms.raw.grid import Grid
from quietmr.phantoms.raw.head_slab import draw_head_slab
from quietmr.phantoms.raw.palette import STEADY, first_pass
from quietmr.phantoms.raw.protocol import RawProtocol
from quietmr.phantoms.raw.timing import Moment
from quietmr.phantoms.raw.waves import slow_field
from quietmr.phantoms.texture import Volume

_Anatomy = Callable[[Moment], Canvas]

# SD of the smooth phase and steepest ramp across the field of view, in radians.
_PHASE, _RAMP = 0.7, 1.5


@dataclass(frozen=True, eq=False)
class Scene:
    """The object at one moment, shape (Z, Y, X) of the fine grid: complex brightness, and tissues (`Tissue`)."""

    brightness: NDArray[np.complex64]
    labels: NDArray[np.uint8]


Body = Callable[[Moment], Scene]


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
        Gives the object at a moment; the chest and the disk move.
    """
    anatomy = _ANATOMY[protocol.subject](protocol, grid, rng)
    turn = np.exp(1j * _object_phase(grid, rng)).astype(np.complex64)

    def at(moment: Moment) -> Scene:
        canvas = anatomy(moment)
        return Scene(canvas.image * turn, canvas.labels)

    return at


def _object_phase(grid: Grid, rng: np.random.Generator) -> Volume:
    """Phase of main field and transmit coil: smooth over a third of the body, with ramps."""
    phase = np.float32(_PHASE) * slow_field(grid, 1.6 * min(grid.half_axes[:2]), rng)
    ramps = rng.uniform(-_RAMP, _RAMP, 2)
    phase += np.float32(ramps[0]) * (grid.y / np.ptp(grid.y)).astype(np.float32)[:, np.newaxis]
    phase += np.float32(ramps[1]) * (grid.x / np.ptp(grid.x)).astype(np.float32)
    return phase


def _heart(protocol: RawProtocol, grid: Grid, rng: np.random.Generator) -> _Anatomy:
    chest = build_chest(grid, rng)
    motion = {"travel": protocol.breathing_mm, "inflow": protocol.inflow}
    if protocol.timing == "first-pass":
        return lambda moment: paint_chest(chest, moment, first_pass(moment.seconds), **motion)
    return lambda moment: paint_chest(chest, moment, STEADY, **motion)


def _brain(_protocol: RawProtocol, grid: Grid, rng: np.random.Generator) -> _Anatomy:
    head = Canvas.over(draw_head_slab(grid, rng))
    return lambda _moment: head


def _disk(_protocol: RawProtocol, grid: Grid, rng: np.random.Generator) -> _Anatomy:
    """Build an ellipse with a soft edge and slow shading, which shrinks by a tenth and back in a cycle."""
    tilt = rng.uniform(-0.3, 0.3, 2)
    width = 3.0 * max(grid.spacing[1:]) / min(grid.half_axes[:2])
    z, y, x = np.meshgrid(
        *(a / h for a, h in zip((grid.z, grid.y, grid.x), reversed(grid.half_axes), strict=True)), indexing="ij"
    )
    radius = np.sqrt(np.square(z) + np.square(y) + np.square(x))
    shade = 1.0 + tilt[0] * y + tilt[1] * x

    def at(moment: Moment) -> Canvas:
        edge = 1.0 - 0.05 * (1.0 - np.cos(2.0 * np.pi * moment.cardiac))
        return Canvas.over(np.asarray(shade / (1.0 + np.exp((radius - edge) / (0.5 * width))), dtype=np.float32))

    return at


_ANATOMY: dict[str, Callable[[RawProtocol, Grid, np.random.Generator], _Anatomy]] = {
    "heart": _heart,
    "brain": _brain,
    "disk": _disk,
}
