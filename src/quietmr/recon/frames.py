"""One frame after the other: samples to aliased coil images to one picture in SNR units.

Only acquired lines are transformed: along a direction in which the matrix is a multiple of R, the aliased image repeats
R times, so a transform of length N / R and a phase give all of it. Whitening and coil compression act on coils alone,
as the unmixing does, and are part of its coefficients: raw samples go straight into the transform.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray
from torch import Tensor

from quietmr.recon.arrangement import Placed
from quietmr.recon.grid import Grid
from quietmr.recon.lattice import Lattice
from quietmr.recon.snr_units import Scale, unit_noise_scale
from quietmr.recon.windows import Windows

Complex = NDArray[np.complex64]
# readouts transformed at a time, in samples: what fits a processor's cache
_CHUNK = 2**20
_ROWS = 8


@dataclass(frozen=True, eq=False)
class _Lines:
    """Acquired lines of one frame, the places they go to, and the weights they get."""

    readouts: NDArray[np.int64]
    slots: NDArray[np.int64]
    weights: NDArray[np.float32]
    phases: tuple[Complex, Complex]
    scale: Scale


@dataclass(frozen=True, eq=False)
class FrameMaker:
    """Makes the frames of one slice.

    Attributes
    ----------
    coefficients : Tensor, shape (Z, Y, C, X), complex64
        Unmixing coefficients for raw coils (`fold`), every axis in the order of the FFT.
    placed : Placed
    grid : Grid
    lattice : Lattice
    windows : Windows
    """

    coefficients: Tensor
    placed: Placed
    grid: Grid
    lattice: Lattice
    windows: Windows

    def __call__(self, chosen: NDArray[np.int64]) -> tuple[Complex, Scale]:
        """Reconstruct a frame from its readouts.

        Parameters
        ----------
        chosen : array of int
            Readouts of this frame on the lattice. Readouts of the same line are averaged.

        Returns
        -------
        image : array, shape (Z, Y, X), complex64
            Noise SD = g per real channel.
        scale : Scale
        """
        lines = self._lines(chosen)
        slots = self._transform_readouts(lines)
        image = self._unmix(slots)
        z, y = lines.phases
        image *= (z * np.complex64(lines.scale.factor))[:, None, None]
        image *= y[:, None]
        image *= self._readout_phase()
        return self.grid.crop(np.fft.fftshift(image)), lines.scale

    @property
    def _compact(self) -> tuple[int, int]:
        """Transform lengths along z and y."""
        n_z, n_y, _ = self.grid.full
        by_z = self.lattice.r2 if self.lattice.shift == 0 and n_z % self.lattice.r2 == 0 else 1
        by_y = self.lattice.r1 if n_y % self.lattice.r1 == 0 else 1
        return n_z // by_z, n_y // by_y

    @property
    def _readout(self) -> tuple[int, int]:
        """First and last sample that the image grid holds."""
        inside = np.flatnonzero(self.windows.x)
        offset = self.placed.center - self.grid.kspace[2] // 2
        return max(self.placed.first, int(inside[0]) + offset), min(self.placed.last, int(inside[-1]) + 1 + offset)

    def _lines(self, chosen: NDArray[np.int64]) -> _Lines:
        points = self.placed.points[chosen]
        weights = self.windows.z[points[:, 0]] * self.windows.y[points[:, 1]]
        chosen, points, weights = chosen[weights > 0], points[weights > 0], weights[weights > 0]
        slots, phases = [], []
        for axis, length in enumerate(self._compact):
            n, full = self.grid.kspace[axis], self.grid.full[axis]
            step = full // length
            # place on the image grid's k-space, which may be larger or smaller than the scan's
            place = points[:, axis] - n // 2 + full // 2
            slots.append(place // step)
            phases.append(_phase(int(place[0] % step) - full // 2, full, full))
        slot = slots[0] * self._compact[1] + slots[1]
        averages = np.bincount(slot)[slot]
        first, last = self._readout
        samples = self.windows.x[self._positions(first, last)]
        scale = unit_noise_scale(
            *_unique_lines(slot, weights, averages), samples, int(np.prod(self.grid.kspace)), self.lattice.acceleration
        )
        return _Lines(chosen, slot, (weights / averages).astype(np.float32), (phases[0], phases[1]), scale)

    def _positions(self, first: int, last: int) -> slice:
        offset = self.grid.kspace[2] // 2 - self.placed.center
        return slice(first + offset, last + offset)

    def _readout_phase(self) -> Complex:
        first, _ = self._readout
        return _fft_crop(_phase(first - self.placed.center, self.grid.full[2], self.grid.full[2]), self.grid.kept[2])

    def _transform_readouts(self, lines: _Lines) -> NDArray[np.complex64] | Tensor:
        """Samples to pixels along x, and lines to their slots: (Z / r2, Y / r1, C, X)."""
        readouts = self.placed.readouts
        first, last = self._readout
        n_slots = int(np.prod(self._compact))
        window = self.windows.x[self._positions(first, last)].astype(np.float32)
        flat = bool((window == 1).all() and (lines.weights == 1).all())
        repeated = len(np.unique(lines.slots)) < len(lines.slots)
        slots = np.zeros((n_slots, readouts.n_coils, self.grid.kept[2]), np.complex64)
        step = max(1, _CHUNK // (readouts.n_coils * (last - first)))
        for start in range(0, len(lines.readouts), step):
            part = slice(start, start + step)
            samples = readouts.data[lines.readouts[part], :, first:last]
            if not flat:
                samples = samples * (lines.weights[part, None, None] * window)
            pixels = scipy.fft.ifft(samples, n=self.grid.full[2], axis=-1, norm="forward", overwrite_x=True)
            pixels = _fft_crop(pixels, self.grid.kept[2])
            if repeated:
                np.add.at(slots, lines.slots[part], pixels)
            else:
                slots[lines.slots[part]] = pixels
        return slots.reshape(*self._compact, *slots.shape[1:])

    def _unmix(self, slots: Complex) -> Complex:
        axes = tuple(axis for axis in (0, 1) if slots.shape[axis] > 1)
        if axes:
            slots = scipy.fft.ifftn(slots, axes=axes, norm="forward", overwrite_x=True)
        return combine(self.coefficients.numpy(), slots)


def fold(coefficients: Tensor, mixing: Tensor) -> Tensor:
    """Put whitening and coil compression into the unmixing coefficients, in the order in which the FFT delivers pixels.

    Parameters
    ----------
    coefficients : Tensor, shape (C', Z, Y, X)
        For whitened, compressed coils.
    mixing : Tensor, shape (C', C)
        Whitening, then compression.

    Returns
    -------
    Tensor, shape (Z, Y, C, X), complex64
    """
    n_coils, n_z, n_y, n_x = coefficients.shape
    flat = coefficients.permute(1, 2, 0, 3).reshape(n_z * n_y, n_coils, n_x)
    raw = (mixing.T.to(torch.complex64).contiguous() @ flat).reshape(n_z, n_y, -1, n_x)
    return torch.fft.ifftshift(raw, dim=(0, 1, 3)).contiguous()


def combine(coefficients: Complex, aliased: Complex) -> Complex:
    """Sum coefficients times aliased coil images over the coils, repeating the aliased image to the size of the other.

    Parameters
    ----------
    coefficients : array, shape (Z, Y, C, X)
    aliased : array, shape (Z / r2, Y / r1, C, X)

    Returns
    -------
    array, shape (Z, Y, X)
    """
    n_z, n_y, _, n_x = coefficients.shape
    short_z, short_y = aliased.shape[:2]
    image = np.empty((n_z, n_y, n_x), np.complex64)
    product = np.empty((_ROWS, *aliased.shape[2:]), np.complex64)
    for z in range(n_z):
        for y in range(0, short_y, _ROWS):
            rows = aliased[z % short_z, y : y + _ROWS]
            # a few rows at a time stay in the cache for all of their aliases
            for start in range(y, n_y, short_y):
                there = slice(start, start + len(rows))
                np.multiply(coefficients[z, there], rows, out=product[: len(rows)])
                np.add.reduce(product[: len(rows)], axis=1, out=image[z, there])
    return image


def _phase(k: int, n: int, full: int) -> Complex:
    """Phase of the sample at ``k`` over n pixels in the order of the FFT."""
    positions = np.fft.ifftshift(np.arange(n) - n // 2)
    return np.exp(2j * np.pi * k * positions / full).astype(np.complex64)


def _fft_crop(pixels: NDArray[np.complex64], n: int) -> Complex:
    """Keep the n pixels around the center of the last axis, order of the FFT."""
    if pixels.shape[-1] == n:
        return pixels
    return np.concatenate([pixels[..., : n - n // 2], pixels[..., pixels.shape[-1] - n // 2 :]], axis=-1)


def _unique_lines(
    slot: NDArray[np.int64], weights: NDArray[np.floating], averages: NDArray[np.int64]
) -> tuple[NDArray[np.floating], NDArray[np.int64]]:
    _, first = np.unique(slot, return_index=True)
    return weights[first], averages[first]
