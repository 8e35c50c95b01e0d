"""The fully sampled center of k-space: found, averaged, whitened."""

from dataclasses import dataclass

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray
from torch import Tensor

from quietmr.data import Flag
from quietmr.recon.arrangement import Placed, calibration_flagged
from quietmr.recon.grid import Grid
from quietmr.recon.lattice import central_block
from quietmr.signal.fourier import to_kspace

# more lines than this around the center add time, hardly knowledge
_ENOUGH_LINES = 48
_ENOUGH_PARTITIONS = 24


@dataclass(frozen=True, eq=False)
class CalibrationBlock:
    """Calibration data of one slice.

    Attributes
    ----------
    data : Tensor, shape (C, Z, Y, X), complex64
        Whitened k-space without readout oversampling, all of it measured.
    center : (z, y, x)
        Index of k = 0.
    """

    data: Tensor
    center: tuple[int, int, int]

    def centered(self) -> Tensor:
        """Cut the largest part with k = 0 at index n // 2 of every axis."""
        data = self.data
        for axis, (n, c) in enumerate(zip(self.data.shape[1:], self.center, strict=True), start=1):
            half = min(c, n - c)
            size = 1 if n == 1 else (2 * half if n > 2 * half else n)
            start = c - size // 2
            data = data.narrow(axis, start, size)
        return data


def calibration_block(
    placed: list[tuple[Placed, NDArray[np.int64]]], grid: Grid, mixing: Tensor
) -> CalibrationBlock | None:
    """Average all readouts of each point, and cut the fully sampled block around the center.

    Parameters
    ----------
    placed : list of (Placed, indices)
        Readouts that may serve (all frames of a slice: an average over interleaved frames is fully sampled, as in
        TGRAPPA, Breuer et al., MRM 53:981, 2005).
    grid : Grid
    mixing : Tensor, shape (C', C)
        Whitening (and coil compression).

    Returns
    -------
    CalibrationBlock or None
        None if the center of k-space was not measured.
    """
    shape = grid.kspace[:2]
    covered = np.zeros(shape, dtype=bool)
    for where, chosen in placed:
        covered |= where.covered(chosen, shape)
    z, y = (
        _at_most(found, n, most)
        for found, n, most in zip(central_block(covered), shape, (_ENOUGH_PARTITIONS, _ENOUGH_LINES), strict=True)
    )
    if z.start == z.stop or y.start == y.stop:
        return None
    averaged, _ = averaged_lines(placed, (z, y), grid, mixing)
    first, last, center = readout_extent([where for where, _ in placed], grid)
    data = averaged[..., first:last].contiguous()
    return CalibrationBlock(data, (shape[0] // 2 - z.start, shape[1] // 2 - y.start, center - first))


def averaged_lines(
    placed: list[tuple[Placed, NDArray[np.int64]]], block: tuple[slice, slice], grid: Grid, mixing: Tensor
) -> tuple[Tensor, NDArray[np.float32]]:
    """Collect the readouts of a block of k-space, average those of the same line, remove oversampling, mix the coils.

    Returns
    -------
    kspace : Tensor, shape (C', Z, Y, X), complex64
        k = 0 of the readout at index n // 2; 0 where nothing was measured.
    times : array, shape (Z, Y), float32
        How often each line was measured.
    """
    z, y = block
    total = np.zeros((z.stop - z.start, y.stop - y.start, placed[0][0].readouts.n_coils, grid.kspace[2]), np.complex64)
    times = np.zeros(total.shape[:2], np.float32)
    for where, chosen in placed:
        _accumulate(total, times, where, chosen, block, grid)
    total /= np.maximum(times, 1)[:, :, None, None]
    native = torch.from_numpy(np.ascontiguousarray(_without_oversampling(total, grid))).to(mixing.device)
    mixed = mixing.to(torch.complex64) @ native
    return mixed.permute(2, 0, 1, 3), times


def _at_most(found: slice, n: int, most: int) -> slice:
    return slice(max(found.start, n // 2 - most // 2), min(found.stop, n // 2 - most // 2 + most))


def _accumulate(
    total: NDArray[np.complex64],
    times: NDArray[np.float32],
    where: Placed,
    chosen: NDArray[np.int64],
    block: tuple[slice, slice],
    grid: Grid,
) -> None:
    z, y = block
    start = grid.kspace[2] // 2 - where.center + where.first
    columns = slice(start, start + where.last - where.first)
    for i in chosen:
        kz, ky = where.points[i]
        if z.start <= kz < z.stop and y.start <= ky < y.stop:
            total[kz - z.start, ky - y.start, :, columns] += where.readouts.data[i, :, where.samples]
            times[kz - z.start, ky - y.start] += 1


def readout_extent(placed: list[Placed], grid: Grid) -> tuple[int, int, int]:
    """Find the samples along kx, without oversampling, that all readouts have measured, and the index of kx = 0."""
    n = grid.native_readout
    scale = n / grid.kspace[2]
    before = min(where.center - where.first for where in placed) * scale
    after = min(where.last - where.center for where in placed) * scale
    # a cut between two samples smears over its neighbors when the oversampling is removed
    margin = 0 if before + after >= n - 1 else 2
    return max(0, n // 2 - int(before) + margin), min(n, n // 2 + int(after)), n // 2


def _without_oversampling(lines: NDArray[np.complex64], grid: Grid) -> NDArray[np.complex64]:
    n, kept = grid.kspace[2], grid.native_readout
    if n == kept:
        return lines
    pixels = scipy.fft.fftshift(scipy.fft.ifft(scipy.fft.ifftshift(lines, axes=-1), axis=-1, norm="ortho"), axes=-1)
    start = n // 2 - kept // 2
    return np.asarray(to_kspace(pixels[..., start : start + kept], (-1,)))


def calibration_readouts(
    imaging: Placed, extra: Placed | None, slice_number: int, mode: str
) -> list[tuple[Placed, NDArray[np.int64]]]:
    """Choose what may serve calibration in one slice.

    Separate calibration lines (another contrast, another time) are not mixed with imaging lines.
    """
    sources = []
    if extra is not None:
        sources.append((extra, extra.of_slice(slice_number)))
    own = imaging.of_slice(slice_number)
    if mode in ("separate", "external") and sources and len(sources[0][1]):
        return sources
    return [*sources, (imaging, own)]


def off_lattice(placed: Placed, chosen: NDArray[np.int64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Points (Z, Y) where a frame may hold more than its lattice: flagged calibration lines, and the full center."""
    flagged = chosen[calibration_flagged(placed.readouts)[chosen]]
    alone = chosen[placed.readouts.having(Flag.CALIBRATION)[chosen]]
    there = placed.covered(np.union1d(flagged, alone), shape)
    covered = placed.covered(chosen, shape)
    block = central_block(covered)
    if not covered.all():
        there[block] = True
    return there
