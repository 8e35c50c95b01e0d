"""Deep parts of the brain: ventricles, nuclei, callosum, brainstem, and lesions."""

import numpy as np

from quietmr.phantoms.cortex import Tissues
from quietmr.phantoms.frame import Frame, coverage, ellipsoid, length, paint, smooth_field
from quietmr.phantoms.texture import Volume

# Paired nuclei: center (|x|, y, z) and radii in mm, share of white matter in their brightness (Talairach-like places).
_NUCLEI = (
    ((11.0, -14.0, 6.0), (8.5, 14.0, 9.0), 0.35),
    ((13.0, 14.0, 10.0), (5.0, 11.0, 9.0), 0.05),
    ((26.0, 3.0, 2.0), (5.5, 17.0, 10.0), 0.10),
    ((19.5, -1.0, 0.0), (4.0, 10.0, 6.5), 0.60),
)


def _paired(frame: Frame) -> Frame:
    return Frame(np.abs(frame.x), frame.y, frame.z, frame.spacing)


def paint_deep_brain(image: Volume, frame: Frame, tissues: Tissues, rng: np.random.Generator) -> None:
    """Paint callosum, nuclei and ventricles at their places near the midline, in place."""
    halves = _paired(frame)
    size = float(rng.uniform(0.85, 1.2))
    core = ellipsoid(halves, (0.0, 0.0, 8.0), (34.0 * size, 44.0 * size, 22.0 * size))
    if float(core.max()) < 0:
        return
    paint(image, coverage(core / 3.0), tissues.white)
    for center, radii, whiteness in _NUCLEI:
        depth = ellipsoid(halves, tuple(size * c for c in center), tuple(size * r for r in radii))
        value = tissues.grey + (tissues.white - tissues.grey) * np.float32(whiteness + rng.normal(0.0, 0.1))
        paint(image, coverage(depth * rng.uniform(0.5, 1.0)), value)
    wide = float(np.exp(rng.normal(0.0, 0.45)))
    bow = frame.z - size * (17.0 - 0.009 * np.square(frame.y))
    ridge = np.abs(halves.x - size * (3.0 + 3.5 * wide + 0.12 * np.abs(frame.y)))
    ventricle = Frame(ridge.astype(np.float32), frame.y, bow.astype(np.float32), frame.spacing)
    radii = (3.0 * wide, 36.0, 6.0 * wide**0.5)
    paint(image, coverage(ellipsoid(ventricle, (0.0, -4.0, 0.0), tuple(size * r for r in radii))), tissues.fluid)
    third = ellipsoid(halves, (0.0, -8.0, -2.0), (1.2 * wide + 0.3, 14.0, 9.0))
    paint(image, coverage(third), tissues.fluid)


def paint_brainstem(image: Volume, frame: Frame, tissues: Tissues, rng: np.random.Generator) -> None:
    """Paint pons and medulla with fluid around them, in place."""
    middle = frame.y + 18.0 - 0.25 * (frame.z + 40.0)
    radius = 12.0 + 4.0 * np.exp(-np.square((frame.z + 25.0) / 12.0))
    depth = radius - length(frame.x, middle)
    depth = np.minimum(depth, -8.0 - frame.z).astype(np.float32)
    if float(depth.max()) < -6.0:
        return
    paint(image, coverage(np.minimum(depth + rng.uniform(2.0, 5.0), -10.0 - frame.z)), tissues.fluid)
    value = tissues.white + (tissues.grey - tissues.white) * np.float32(rng.uniform(0.0, 0.5))
    paint(image, coverage(depth), value)


def paint_lesions(image: Volume, frame: Frame, where: Volume, tissues: Tissues, rng: np.random.Generator) -> None:
    """Paint spots, patches and rimmed masses where ``where`` is 1, in place."""
    rough = smooth_field(frame.shape, frame.spacing, 4.0, rng, 2.0)
    size = np.array(frame.shape)
    for _ in range(int(rng.integers(0, 14))):
        f, y, x = (int(rng.integers(n)) for n in size)
        if where[f, y, x] < 0.5:
            continue
        center = (float(frame.x[f, y, x]), float(frame.y[f, y, x]), float(frame.z[f, y, x]))
        radius = float(np.exp(rng.uniform(np.log(0.8), np.log(9.0))))
        radii = tuple((radius * np.exp(rng.normal(0.0, 0.35, 3))).tolist())
        depth = ellipsoid(frame, center, radii) + np.float32(0.25 * radius) * rough
        value = tissues.fluid if rng.random() < 0.5 else float(rng.uniform(0.0, 1.2))
        part = coverage(depth) * np.float32(rng.uniform(0.3, 1.0)) * where
        paint(image, part, value)
        if radius > 4.0 and rng.random() < 0.5:
            paint(image, coverage(depth - rng.uniform(1.0, 2.5)) * where, float(rng.uniform(0.0, 1.0)))
