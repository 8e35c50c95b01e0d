"""Where a body lies in the voxel grid: coordinates, smooth fields and the partial volume of surfaces."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr.phantoms.texture import Spacing, Volume, band_field, power_law_field

# Level functions and brightnesses as arithmetic gives them: single precision in practice.
Level = NDArray[np.floating[Any]]
Brightness = float | np.floating[Any] | Level


@dataclass(frozen=True)
class Frame:
    """Body coordinates of every voxel in mm, slightly warped so that no shape is exactly round.

    Attributes
    ----------
    x, y, z : array, shape (F, Y, X)
        Left to right, back to front, feet to head.
    spacing : (float, float, float)
        Distance between voxel centers along (F, Y, X) in mm.
    """

    x: Volume
    y: Volume
    z: Volume
    spacing: Spacing

    @property
    def shape(self) -> tuple[int, int, int]:
        """Grid size (F, Y, X)."""
        frames, height, width = self.x.shape
        return frames, height, width


def _cubic_weights(n_fine: int, step: float, n_coarse: int) -> NDArray[np.float32]:
    """Matrix (n_fine, n_coarse) of Catmull-Rom interpolation at positions 1 + step * i."""
    distance = np.abs(1.0 + step * np.arange(n_fine)[:, np.newaxis] - np.arange(n_coarse))
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1.0
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4.0 * distance + 2.0
    return np.where(distance < 1, near, np.where(distance < 2, far, 0.0)).astype(np.float32)


def enlarge(coarse: Volume, shape: tuple[int, int, int], steps: list[float]) -> Volume:
    """Interpolate a coarse field on a finer grid by cubic convolution, one axis after the other.

    Voxel ``i`` of the fine grid lies at ``1 + steps[axis] * i`` in the coarse one, which needs one sample more before
    and two after.
    """
    for axis in (0, 1, 2):
        weights = _cubic_weights(shape[axis], steps[axis], coarse.shape[axis])
        coarse = np.moveaxis(np.tensordot(weights, coarse, axes=(1, axis)), 0, axis)
    return np.ascontiguousarray(coarse, dtype=np.float32)


def _coarse_grid(shape: tuple[int, int, int], spacing: Spacing, step: float) -> tuple[tuple[int, ...], list[float]]:
    steps = [min(1.0, d / step) for d in spacing]
    return tuple(int(np.ceil(n * s)) + 4 for n, s in zip(shape, steps, strict=True)), steps


def smooth_field(
    shape: tuple[int, int, int], spacing: Spacing, finest: float, rng: np.random.Generator, exponent: float = 2.6
) -> Volume:
    """Power-law field without detail finer than ``finest`` mm, made on a coarse grid; mean about 0, SD about 1."""
    coarse, steps = _coarse_grid(shape, spacing, finest / 2.0)
    wide: Spacing = (spacing[0] / steps[0], spacing[1] / steps[1], spacing[2] / steps[2])
    # Structures larger than the grid would only shift the mean, hence the cutoff.
    return enlarge(power_law_field(coarse, exponent, rng, wide, 1.0 / 80.0), shape, steps)


def folded_field(
    shape: tuple[int, int, int], spacing: Spacing, wavelength: float, rng: np.random.Generator, octaves: float = 0.4
) -> Volume:
    """Field with one dominant wavelength in mm; mean about 0, SD about 1. Cheap: made on a coarse grid."""
    coarse, steps = _coarse_grid(shape, spacing, wavelength / 6.0)
    wide: Spacing = (spacing[0] / steps[0], spacing[1] / steps[1], spacing[2] / steps[2])
    return enlarge(band_field(coarse, wavelength, rng, wide, octaves), shape, steps)


def _rotation(rng: np.random.Generator, tilt: float) -> NDArray[np.float64]:
    """Scanner axes to body axes: one of the three usual planes, tilted a little, sometimes oblique."""
    angles = rng.normal(0.0, tilt if rng.random() < 0.8 else 0.5, 3)
    turn = np.eye(3)
    for axis, angle in enumerate(angles):
        i, j = [k for k in range(3) if k != axis]
        step = np.eye(3)
        step[[i, j], [i, j]] = np.cos(angle)
        step[i, j], step[j, i] = -np.sin(angle), np.sin(angle)
        turn = step @ turn
    return turn


def place(
    shape: tuple[int, int, int],
    spacing: Spacing,
    reach: tuple[float, float, float],
    rng: np.random.Generator,
    warp: float = 3.0,
) -> Frame:
    """Put the grid into a body: random plane, tilt and part of the body.

    Parameters
    ----------
    shape : (F, Y, X)
    spacing : (float, float, float)
        Distance between voxel centers along (F, Y, X) in mm.
    reach : (float, float, float)
        The middle of the grid lies within plus or minus this many mm of the body's origin along x, y, z.
    rng : Generator
    warp : float
        SD in mm of the smooth warp of the body.
    """
    index = [
        (np.arange(n, dtype=np.float32) - (n - 1) / 2) * np.float32(d) for n, d in zip(shape, spacing, strict=True)
    ]
    # Slices along z (axial), x (sagittal) or y (coronal).
    order = [(2, 1, 0), (0, 2, 1), (1, 2, 0)][int(rng.integers(3))]
    turn = _rotation(rng, 0.08)
    center = rng.uniform(-1.0, 1.0, 3) * np.array(reach)
    body = []
    for axis in range(3):
        line = turn[axis]
        parts = [float(line[order[k]]) * index[k].reshape([-1 if i == k else 1 for i in range(3)]) for k in range(3)]
        bend = warp * smooth_field(shape, spacing, 25.0, rng, 3.0)
        body.append((parts[0] + parts[1] + parts[2] + float(center[axis]) + bend).astype(np.float32))
    return Frame(body[0], body[1], body[2], spacing)


def variation(level: Level) -> Volume:
    """Change of a level function across one voxel: root sum of squares of its differences along the axes.

    A linear level takes values in a box-shaped voxel whose SD is this width divided by the square root of 12, as that
    of a uniform spread over the width.
    """
    field = np.ascontiguousarray(level, dtype=np.float32)
    total = np.full(field.shape, 1e-8, dtype=np.float32)
    step = np.empty_like(field)
    for axis, n in enumerate(field.shape):
        if n < 3:
            continue
        # Neighbors are a fixed distance apart in memory; what this gets wrong at the faces is mended below.
        apart = int(np.prod(field.shape[axis + 1 :]))
        inner = step.reshape(-1)[apart:-apart]
        np.subtract(field.reshape(-1)[2 * apart :], field.reshape(-1)[: -2 * apart], out=inner)
        np.square(inner, out=inner)
        faces = np.moveaxis(step, axis, 0)
        faces[0], faces[-1] = faces[1], faces[-2]
        step *= 0.25
        total += step
    return np.sqrt(total, out=total)


def coverage(level: Level, across: Level | None = None) -> Volume:
    """Part of each voxel in which a level function is positive, 0 to 1.

    Exact for planes along a face of the voxel, and within a few percent for oblique ones; thick slices blur oblique
    surfaces as real ones do.

    Parameters
    ----------
    level : array, shape (F, Y, X)
        Positive inside; any scale.
    across : array, shape (F, Y, X), optional
        ``variation(level)``, if already known.
    """
    part = level / (variation(level) if across is None else across)
    part += 0.5
    return np.asarray(np.clip(part, 0.0, 1.0, out=part), dtype=np.float32)


def length(a: Level, b: Level | float) -> Volume:
    """Euclidean length of two components (several times faster than ``numpy.hypot``, which guards against overflow)."""
    return np.asarray(np.sqrt(np.square(a) + np.square(b)), dtype=np.float32)


def paint(image: Volume, part: Level, value: Brightness) -> None:
    """Put tissue into the covered part of each voxel, in place."""
    image += part * (value - image)


def ellipsoid(frame: Frame, center: tuple[float, ...], radii: tuple[float, ...]) -> Volume:
    """Depth in mm below the surface of an ellipsoid, about right near the surface; negative outside."""
    squared = np.square((frame.x - np.float32(center[0])) * np.float32(1.0 / radii[0]))
    squared += np.square((frame.y - np.float32(center[1])) * np.float32(1.0 / radii[1]))
    squared += np.square((frame.z - np.float32(center[2])) * np.float32(1.0 / radii[2]))
    root = np.sqrt(squared, out=squared)
    return np.asarray((1.0 - root) * np.float32(np.prod(radii) ** (1.0 / len(radii))), dtype=np.float32)


def paint_ellipsoid(
    image: Volume, frame: Frame, center: tuple[float, ...], radii: tuple[float, ...], value: Brightness
) -> None:
    """Paint an ellipsoid, in place."""
    depth = ellipsoid(frame, center, radii)
    if float(depth.max()) > -max(frame.spacing):
        paint(image, coverage(depth), value)
