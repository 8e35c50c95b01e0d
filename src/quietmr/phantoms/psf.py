"""What the scanner does to the object: k-space cut off sharply (ringing), filtered, or filled with zeros at its rim."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray
from torch import Tensor

from quietmr.phantoms.texture import Volume


@dataclass(frozen=True)
class Aperture:
    """Which part of k-space a scan has acquired, and how it was filtered.

    Attributes
    ----------
    extent : (float, float)
        Acquired part of k-space along Y and X, 1 = up to the Nyquist frequency of the image; the rest is zero.
    taper : float
        Outer part of the acquired extent over which a raised cosine falls, 0 = sharp cut, 1 = Hann window.
    floor : float
        Height of the taper at the rim, 0.08 with ``taper`` 1 is the Hamming window.
    """

    extent: tuple[float, float] = (1.0, 1.0)
    taper: float = 0.0
    floor: float = 0.0

    def profile(self, n: int, extent: float) -> Volume:
        """Weight of each of the ``n`` frequencies of an axis, in FFT order."""
        f = np.abs(np.fft.fftfreq(n)) * 2.0 / extent
        inside = f <= 1.0 + 1e-6
        if self.taper <= 0:
            return np.asarray(inside, dtype=np.float32)
        fall = np.clip((f - (1.0 - self.taper)) / self.taper, 0.0, 1.0)
        weight = self.floor + (1.0 - self.floor) * 0.5 * (1.0 + np.cos(np.pi * fall))
        return np.asarray(np.where(inside, weight, 0.0), dtype=np.float32)


def draw_aperture(rng: np.random.Generator) -> Aperture:
    """Draw an aperture: most scans fill k-space and filter nothing, some filter, some fill the rim with zeros."""
    kind = rng.random()
    if kind < 0.5:
        return Aperture()
    if kind < 0.75:
        return Aperture(taper=float(rng.uniform(0.1, 1.0)), floor=float(rng.uniform(0.1, 0.9)))
    short = float(rng.uniform(0.72, 1.0))
    extent = [(short, 1.0), (1.0, short), (short, short)][int(rng.integers(3))]
    return Aperture(extent, taper=float(rng.uniform(0.0, 0.4)) * (rng.random() < 0.5))


def _box_response(n: int, step: float) -> NDArray[np.float64]:
    """Transfer function of the average over a box of ``step`` voxels, in FFT order for ``n`` frequencies."""
    return np.sinc(np.fft.fftfreq(n) * step)


def acquire(fine: Volume, size: tuple[int, int], aperture: Aperture) -> Volume:
    """Image an object that was drawn on a finer grid in plane, by keeping the center of its k-space.

    Parameters
    ----------
    fine : array, shape (F, Y', X')
        Object; each value is the average over its own small voxel, whose low-pass effect is undone.
    size : (Y, X)
        Size of the image, at most that of ``fine``.
    aperture : Aperture

    Returns
    -------
    array, shape (F, Y, X), float32
        Magnitude; a uniform object keeps its value.
    """
    kept, scale = _transfer(size, fine.shape[1:], aperture)
    spectrum = scipy.fft.fft2(fine)[:, kept[0][:, np.newaxis], kept[1]]
    return np.asarray(np.abs(scipy.fft.ifft2(spectrum * scale)), dtype=np.float32)


def acquire_complex(fine: Tensor, size: tuple[int, int], aperture: Aperture) -> Tensor:
    """Image a complex object as :func:`acquire` does, on the device that it lies on.

    Parameters
    ----------
    fine : Tensor, shape (F, Y', X'), complex
    size : (Y, X)
    aperture : Aperture

    Returns
    -------
    Tensor, shape (F, Y, X), complex
    """
    (rows, columns), scale = _transfer(size, fine.shape[1:], aperture)
    spectrum = torch.fft.fft2(fine)[:, torch.as_tensor(rows)[:, None], torch.as_tensor(columns)]
    made: Tensor = torch.fft.ifft2(spectrum * torch.as_tensor(scale, device=fine.device))
    return made


def _transfer(
    size: tuple[int, int], fine: Sequence[int], aperture: Aperture
) -> tuple[list[NDArray[np.int_]], NDArray[np.float32]]:
    """Frequencies of the fine grid that are kept along Y and X, and their weights (Y, X)."""
    kept = [np.fft.fftfreq(n, 1.0 / n).round().astype(int) for n in size]
    rows, columns = (
        aperture.profile(n, e) / _box_response(n, n / m) for n, m, e in zip(size, fine, aperture.extent, strict=True)
    )
    scale = size[0] * size[1] / (fine[0] * fine[1])
    return kept, (scale * rows[:, np.newaxis] * columns).astype(np.float32)
