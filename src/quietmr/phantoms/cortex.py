"""The folded cortex: thin sulci with a grey ribbon along both banks, and the leaves of the cerebellum."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates

from quietmr.phantoms.frame import Frame, coverage, enlarge, length, paint, smooth_field, variation
from quietmr.phantoms.texture import Spacing, Volume, band_field


@dataclass(frozen=True)
class Tissues:
    """Brightness of the tissues of a head: numbers or textured volumes."""

    white: Volume
    grey: Volume
    fluid: float
    bone: float
    fat: Volume
    muscle: Volume


def _distance(level: Volume, spacing: Spacing) -> Volume:
    """First-order distance in mm to the zero level."""
    steepness = np.zeros_like(level)
    for axis, step in enumerate(spacing):
        if level.shape[axis] > 2:
            steepness += np.square(np.gradient(level, step, axis=axis).astype(np.float32))
    np.sqrt(steepness, out=steepness)
    return np.asarray(level / (steepness + np.float32(0.25 * steepness.mean() + 1e-6)), dtype=np.float32)


def _thin_out(axis: Volume, strides: tuple[int, ...]) -> Volume:
    """Every n-th sample, continued linearly by one sample before and two after, as ``enlarge`` needs."""
    part = axis[:: strides[0], :: strides[1], :: strides[2]]
    for k, n in enumerate(part.shape):
        wide = [(1, 2) if j == k else (0, 0) for j in range(3)]
        part = np.pad(part, wide, mode="reflect", reflect_type="odd") if n > 2 else np.pad(part, wide, mode="edge")
    return np.asarray(part, dtype=np.float32)


def _sulcal_sheets(frame: Frame, wavelength: float, rng: np.random.Generator) -> Volume:
    """Distance in mm to the middle sheets of sulci that are half a wavelength apart and stand on the hull.

    The sheets are the zero level of a field that changes little towards the center of the head.
    """
    step = wavelength / 5.0
    size = int(np.ceil(190.0 / step)) + 4
    texture = band_field((size, size, size), wavelength, rng, (step, step, step), 0.45)
    strides = tuple(
        max(1, int(wavelength / 7.0 / d)) if n > 2 else 1 for n, d in zip(frame.shape, frame.spacing, strict=True)
    )
    x, y, z = (_thin_out(axis, strides) for axis in (frame.x, frame.y, frame.z))
    radius = np.sqrt(np.square(x) + np.square(y * 0.8) + np.square(z)) + 4.0
    share = np.float32(rng.uniform(0.35, 0.75))
    pull = ((1.0 - share) + share * 62.0 / radius) / np.float32(step)
    where = [axis * pull + np.float32(size / 2) for axis in (x, y, z)]
    level = np.asarray(map_coordinates(texture, where, order=1, mode="grid-wrap", output=np.float32))
    wide = (frame.spacing[0] * strides[0], frame.spacing[1] * strides[1], frame.spacing[2] * strides[2])
    return np.abs(enlarge(_distance(level, wide), frame.shape, [1.0 / s for s in strides]))


def pial_depth(frame: Frame, hull: Volume, rng: np.random.Generator) -> Volume:
    """Depth in mm below the pial surface, which covers the hull and lines the sulci; negative in the fluid.

    Parameters
    ----------
    frame : Frame
    hull : array, shape (F, Y, X)
        Depth in mm below the smooth surface that wraps the brain.
    rng : Generator
    """
    shape, spacing = frame.shape, frame.spacing
    sheet = _sulcal_sheets(frame, rng.uniform(17.0, 28.0), rng)
    limit = np.float32(rng.uniform(14.0, 26.0)) + np.float32(rng.uniform(3.0, 7.0)) * smooth_field(
        shape, spacing, 15.0, rng
    )
    sulcus = length(sheet, np.maximum(hull - limit, 0.0))
    fissure = length(frame.x, np.maximum(hull - np.float32(rng.uniform(32.0, 42.0)), 0.0))
    opening = rng.uniform(-0.2, 1.2) + rng.uniform(0.3, 0.9) * smooth_field(shape, spacing, 8.0, rng)
    inner = np.minimum(sulcus, fissure) - np.maximum(opening, 0.0)
    if rng.random() < 0.6:
        # Secondary folds: shallow and closer to each other.
        small = _sulcal_sheets(frame, rng.uniform(9.0, 14.0), rng)
        inner = np.minimum(inner, length(small, np.maximum(hull - rng.uniform(3.0, 8.0), 0.0)))
    return np.asarray(np.minimum(inner, hull - rng.uniform(0.5, 3.0)), dtype=np.float32)


def paint_cortex(image: Volume, frame: Frame, hull: Volume, tissues: Tissues, rng: np.random.Generator) -> None:
    """Paint grey and white matter into the fluid, in place."""
    depth = pial_depth(frame, hull, rng)
    across = np.maximum(variation(depth), 0.3 * min(frame.spacing))
    thickness = rng.uniform(2.0, 3.4) + 0.35 * smooth_field(frame.shape, frame.spacing, 10.0, rng)
    paint(image, coverage(depth, across), tissues.grey)
    # Deep layers are more heavily myelinated: the inner border is a little softer than the outer one.
    paint(image, coverage(depth - thickness, across + rng.uniform(0.0, 0.8)), tissues.white)


def paint_cerebellum(image: Volume, frame: Frame, depth: Volume, tissues: Tissues, rng: np.random.Generator) -> None:
    """Paint the cerebellum, whose leaves (folia) are 2 to 4 mm thick, in place.

    Parameters
    ----------
    image : array, shape (F, Y, X)
    frame : Frame
    depth : array, shape (F, Y, X)
        Depth in mm below its hull.
    tissues : Tissues
    rng : Generator
    """
    if float(depth.max()) < 0:
        return
    pitch = rng.uniform(4.0, 7.0)
    swirl = (
        frame.z * 1.0
        + 0.35 * length(frame.x, 20.0)
        + rng.uniform(2.0, 5.0) * smooth_field(frame.shape, frame.spacing, 10.0, rng)
    )
    phase = np.abs((swirl / pitch) % 1.0 - 0.5) * pitch
    limit = rng.uniform(8.0, 14.0) + 3.0 * smooth_field(frame.shape, frame.spacing, 8.0, rng)
    leaf = np.minimum(length(phase, np.maximum(depth - limit, 0.0)) - rng.uniform(0.1, 0.5), depth)
    inside = coverage(depth)
    across = np.maximum(variation(leaf), 0.4 * min(frame.spacing))
    part = np.full_like(image, 0.0) + tissues.fluid
    paint(part, coverage(leaf, across), tissues.grey)
    paint(part, coverage(leaf - pitch * rng.uniform(0.22, 0.32), across), tissues.white)
    paint(image, inside, part)
