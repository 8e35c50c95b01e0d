"""Random fields: smooth, rough, folded. The material of which all phantoms are made."""

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Volume = NDArray[np.float32]
Spacing = tuple[float, float, float]


def frequency_radius(shape: tuple[int, ...], spacing: tuple[float, ...]) -> Volume:
    """Spatial frequency in cycles per unit length on the half-spectrum grid of a real FFT.

    Parameters
    ----------
    shape : tuple of int
        Grid size (F, Y, X).
    spacing : tuple of float
        Distance between samples along each axis.

    Returns
    -------
    array, shape (F, Y, X // 2 + 1)
    """
    axes = [np.fft.fftfreq(n, d) for n, d in zip(shape[:-1], spacing[:-1], strict=True)]
    axes.append(np.fft.rfftfreq(shape[-1], spacing[-1]))
    squares = [np.square(axis) for axis in np.meshgrid(*axes, indexing="ij", sparse=True)]
    return np.asarray(np.sqrt(sum(squares)), dtype=np.float32)


def _shaped_noise(shape: tuple[int, ...], gain: Volume, rng: np.random.Generator) -> Volume:
    white = rng.standard_normal(shape, dtype=np.float32)
    field = scipy.fft.irfftn(scipy.fft.rfftn(white) * gain, s=shape).astype(np.float32)
    field -= field.mean()
    return np.asarray(field / max(float(field.std()), 1e-12), dtype=np.float32)


def power_law_field(
    shape: tuple[int, ...],
    exponent: float,
    rng: np.random.Generator,
    spacing: tuple[float, ...] = (1.0, 1.0, 1.0),
    cutoff: float = 0.0,
) -> Volume:
    """Gaussian random field whose amplitude spectrum falls as ``1 / f ** exponent``; mean 0, SD 1.

    ``cutoff`` (cycles per unit length) flattens the spectrum below it, so that structures larger than ``1 / cutoff``
    are not favored. Natural images have an exponent near 1 in 2-D and 1.5 in 3-D (Field 1987).
    """
    radius = frequency_radius(shape, spacing)
    floor = max(cutoff, 1.0 / max(n * d for n, d in zip(shape, spacing, strict=True)))
    gain = np.maximum(radius, floor) ** -exponent
    gain.flat[0] = 0.0
    return _shaped_noise(shape, gain.astype(np.float32), rng)


def band_field(
    shape: tuple[int, ...],
    wavelength: float,
    rng: np.random.Generator,
    spacing: tuple[float, ...] = (1.0, 1.0, 1.0),
    octaves: float = 0.5,
) -> Volume:
    """Gaussian random field with one dominant wavelength (log-normal band of the given width); mean 0, SD 1."""
    radius = np.maximum(frequency_radius(shape, spacing), 1e-6)
    gain = np.exp(-0.5 * np.square(np.log2(radius * wavelength) / octaves))
    return _shaped_noise(shape, gain.astype(np.float32), rng)


def distance_to_level(field: Volume, spacing: Spacing) -> Volume:
    """First-order distance to the zero level of a field, ``field / |gradient|``, positive inside (field > 0)."""
    slopes = [
        np.gradient(field, step, axis=axis) if field.shape[axis] > 1 else np.zeros_like(field)
        for axis, step in enumerate(spacing)
    ]
    steepness = np.sqrt(sum(np.square(slope) for slope in slopes))
    typical = float(np.mean(steepness)) + 1e-9
    return np.asarray(field / (steepness + 0.15 * typical), dtype=np.float32)


def soft_step(distance: Volume, width: float) -> Volume:
    """1 inside (distance > 0), 0 outside, with an edge of the given half width: the partial volume of a voxel."""
    return np.asarray(np.clip(0.5 + distance / (2.0 * max(width, 1e-6)), 0.0, 1.0), dtype=np.float32)
