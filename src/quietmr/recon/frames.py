"""One frame after the other: samples to aliased coil images to one picture in SNR units.

Only acquired lines are transformed (see `FramePlanner.compact`). Whitening and coil compression act on coils alone, as
the unmixing does, and are part of its coefficients: raw samples go straight into the transform.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray
from torch import Tensor

from quietmr.recon.frame_plan import Complex, FramePlan, FramePlanner, fft_crop
from quietmr.recon.snr_units import Scale

# samples transformed at a time, and rows combined at a time: what fits a processor's cache
_CHUNK = 2**20
_ROWS = 8


def fold(coefficients: Tensor, mixing: Tensor) -> Tensor:
    """Put whitening and coil compression into unmixing coefficients, in the order in which the FFT delivers pixels.

    Parameters
    ----------
    coefficients : Tensor, shape (C', Z, Y, X)
        For whitened, compressed coils.
    mixing : Tensor, shape (C', C)
        Whitening, then compression.

    Returns
    -------
    Tensor, shape (Z, Y, C, X), complex64
        For raw coils.
    """
    n_coils, n_z, n_y, n_x = coefficients.shape
    flat = coefficients.permute(1, 2, 0, 3).reshape(n_z * n_y, n_coils, n_x)
    raw = (mixing.T.to(torch.complex64).contiguous() @ flat).reshape(n_z, n_y, -1, n_x)
    folded: Tensor = torch.fft.ifftshift(raw, dim=(0, 1, 3)).contiguous()
    return folded


@dataclass(frozen=True, eq=False)
class FrameMaker:
    """Makes the frames of one slice on the CPU; calls from several threads run side by side.

    Attributes
    ----------
    planner : FramePlanner
    coefficients : Tensor, shape (Z, Y, C, X), complex64
        As `fold` gives them.
    """

    planner: FramePlanner
    coefficients: Tensor

    def __call__(self, chosen: NDArray[np.int64]) -> tuple[Complex, Scale]:
        """Reconstruct a frame.

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
        plan = self.planner.plan(chosen)
        image = self._combined(plan)
        z, y, x = plan.phases
        image *= z[:, None, None]
        image *= y[:, None] * x
        return self.planner.grid.crop(np.fft.fftshift(image)), plan.scale

    def _combined(self, plan: FramePlan) -> Complex:
        slots = self._coil_rows(plan)
        axes = tuple(axis for axis in (0, 1) if slots.shape[axis] > 1)
        if axes:
            slots = scipy.fft.ifftn(slots, axes=axes, norm="forward", overwrite_x=True)
        return _combine(self.coefficients.numpy(), slots)

    def _coil_rows(self, plan: FramePlan) -> Complex:
        """Turn samples to pixels along x, and put lines into their slots: (Z / r2, Y / r1, C, X)."""
        planner, readouts = self.planner, self.planner.placed.readouts
        n_x, full_x = planner.grid.kept[2], planner.grid.full[2]
        window = planner.readout_window
        flat = bool((window == 1).all() and (plan.weights == 1).all())
        slots = np.zeros((int(np.prod(planner.compact)), readouts.n_coils, n_x), np.complex64)
        step = max(1, _CHUNK // (readouts.n_coils * len(window)))
        for start in range(0, len(plan.readouts), step):
            part = slice(start, start + step)
            samples = readouts.data[plan.readouts[part], :, planner.samples]
            if not flat:
                samples = samples * (plan.weights[part, None, None] * window)
            pixels = scipy.fft.ifft(samples, n=full_x, axis=-1, norm="forward", overwrite_x=True)
            if plan.has_averages:
                np.add.at(slots, plan.slots[part], fft_crop(pixels, n_x))
            else:
                slots[plan.slots[part]] = fft_crop(pixels, n_x)
        return slots.reshape(*planner.compact, *slots.shape[1:])


def _combine(coefficients: Complex, aliased: Complex) -> Complex:
    """Sum coefficients (Z, Y, C, X) times aliased coil images (Z / r2, Y / r1, C, X), repeated, over the coils."""
    n_z, n_y, _, n_x = coefficients.shape
    short_z, short_y = aliased.shape[:2]
    image = np.empty((n_z, n_y, n_x), np.complex64)
    product = np.empty((_ROWS, *aliased.shape[2:]), np.complex64)
    for z in range(n_z):
        for y in range(0, short_y, _ROWS):
            rows = aliased[z % short_z, y : min(y + _ROWS, short_y)]
            # a few rows at a time stay in the cache for all of their aliases
            for start in range(y, n_y, short_y):
                there = slice(start, start + len(rows))
                np.multiply(coefficients[z, there], rows, out=product[: len(rows)])
                np.add.reduce(product[: len(rows)], axis=1, out=image[z, there])
    return image


@dataclass(frozen=True, eq=False)
class TensorFrameMaker(FrameMaker):
    """Makes the frames of one slice on the device of the coefficients, one call at a time."""

    def _combined(self, plan: FramePlan) -> Complex:
        planner, device = self.planner, self.coefficients.device
        n_z, n_y, n_coils, n_x = self.coefficients.shape
        short_z, short_y = planner.compact
        window = torch.from_numpy(planner.readout_window).to(device)
        samples = torch.from_numpy(planner.placed.readouts.data[plan.readouts, :, planner.samples]).to(device)
        samples = samples * (torch.from_numpy(plan.weights).to(device)[:, None, None] * window)
        pixels = torch.fft.ifft(samples, n=planner.grid.full[2], dim=-1, norm="forward")
        if pixels.shape[-1] > n_x:
            pixels = torch.cat([pixels[..., : n_x - n_x // 2], pixels[..., pixels.shape[-1] - n_x // 2 :]], dim=-1)
        slots = torch.zeros((short_z * short_y, n_coils, n_x), dtype=torch.complex64, device=device)
        slots.index_add_(0, torch.from_numpy(plan.slots).to(device), pixels)
        aliased = torch.fft.ifftn(slots.reshape(short_z, short_y, n_coils, n_x), dim=(0, 1), norm="forward")
        shape = (n_z // short_z, short_z, n_y // short_y, short_y, n_coils, n_x)
        image = torch.einsum("abcdex,bdex->abcdx", self.coefficients.reshape(shape), aliased)
        return np.asarray(image.reshape(n_z, n_y, n_x).cpu().numpy())
