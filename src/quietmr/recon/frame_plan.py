"""Which samples make one frame, where they go, and what scales their sum to SNR units."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quietmr.recon.arrangement import Placed
from quietmr.recon.grid import Grid
from quietmr.recon.lattice import Lattice
from quietmr.recon.snr_units import Scale, unit_noise_scale
from quietmr.recon.windows import Windows

Complex = NDArray[np.complex64]


@dataclass(frozen=True, eq=False)
class FramePlan:
    """Acquired lines of one frame.

    Attributes
    ----------
    readouts : array of int, shape (L,)
    slots : array of int, shape (L,)
        Line of the compact transform that each readout belongs to; repeated ones are averaged.
    weights : array, shape (L,), float32
        Filter weight over the number of averages.
    phases : arrays, shape (Z,), (Y,), (X,), complex64
        Their product turns the result of the compact transforms, which count from their first sample, into the image;
        it holds the scale to SNR units. In the order of the FFT.
    scale : Scale
    """

    readouts: NDArray[np.int64]
    slots: NDArray[np.int64]
    weights: NDArray[np.float32]
    phases: tuple[Complex, Complex, Complex]
    scale: Scale

    @property
    def has_averages(self) -> bool:
        """Whether some line was measured more than once."""
        return len(np.unique(self.slots)) < len(self.slots)


@dataclass(frozen=True, eq=False)
class FramePlanner:
    """Plans the frames of one slice.

    Attributes
    ----------
    placed : Placed
    grid : Grid
    lattice : Lattice
    windows : Windows
    """

    placed: Placed
    grid: Grid
    lattice: Lattice
    windows: Windows

    @property
    def compact(self) -> tuple[int, int]:
        """Lengths of the transforms along z and y: N / R where R divides N, as the aliased image repeats R times."""
        n_z, n_y, _ = self.grid.full
        by_z = self.lattice.r2 if self.lattice.shift == 0 and n_z % self.lattice.r2 == 0 else 1
        by_y = self.lattice.r1 if n_y % self.lattice.r1 == 0 else 1
        return n_z // by_z, n_y // by_y

    @property
    def samples(self) -> slice:
        """Samples of a readout that the image grid holds."""
        inside = np.flatnonzero(self.windows.x)
        offset = self.placed.center - self.grid.kspace[2] // 2
        return slice(
            max(self.placed.first, int(inside[0]) + offset), min(self.placed.last, int(inside[-1]) + 1 + offset)
        )

    @property
    def readout_window(self) -> NDArray[np.float32]:
        """Filter weights of these samples."""
        offset = self.grid.kspace[2] // 2 - self.placed.center
        return self.windows.x[self.samples.start + offset : self.samples.stop + offset].astype(np.float32)

    def plan(self, chosen: NDArray[np.int64]) -> FramePlan:
        """Plan the frame made of the readouts ``chosen``, all of them on the lattice."""
        points = self.placed.points[chosen]
        weights = self.windows.z[points[:, 0]] * self.windows.y[points[:, 1]]
        chosen, points, weights = chosen[weights > 0], points[weights > 0], weights[weights > 0]
        slots, phases = [], []
        for axis, length in enumerate(self.compact):
            full = self.grid.full[axis]
            # place in the k-space of the image grid, which may be larger or smaller than that of the scan
            place = points[:, axis] - self.grid.kspace[axis] // 2 + full // 2
            slots.append(place // (full // length))
            phases.append(_phase(int(place[0] % (full // length)) - full // 2, full))
        slot = slots[0] * self.compact[1] + slots[1]
        _, first, line = np.unique(slot, return_index=True, return_inverse=True)
        averages = np.bincount(line.reshape(-1))
        scale = unit_noise_scale(
            weights[first],
            averages,
            self.readout_window,
            int(np.prod(self.grid.kspace)),
            self.lattice.acceleration,
        )
        x = fft_crop(_phase(self.samples.start - self.placed.center, self.grid.full[2]), self.grid.kept[2])
        shares = (weights / averages[line.reshape(-1)]).astype(np.float32)
        return FramePlan(chosen, slot, shares, (phases[0] * np.complex64(scale.factor), phases[1], x), scale)


def _phase(k: int, n: int) -> Complex:
    """Phase over n pixels, in the order of the FFT, that a shift by k samples makes."""
    positions = np.fft.ifftshift(np.arange(n) - n // 2)
    phase: Complex = np.exp(2j * np.pi * k * positions / n).astype(np.complex64)
    return phase


def fft_crop(pixels: Complex, n: int) -> Complex:
    """Keep the n pixels around the center of the last axis, which is in the order of the FFT and stays so."""
    if pixels.shape[-1] == n:
        return pixels
    return np.concatenate([pixels[..., : n - n // 2], pixels[..., pixels.shape[-1] - n // 2 :]], axis=-1)
