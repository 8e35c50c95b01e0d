"""GRAPPA calibration: how missing points of k-space follow from acquired neighbors.

Griswold et al., MRM 47:1202 (2002); in two phase-encoding directions with a sheared lattice, Breuer et al., MRM 55:549
(2006). The normal equations are formed in hybrid space: a correlation over kx is a product over x, so that the taps
along the readout cost one small Fourier sum instead of squaring the size of the system.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from quietmr.data import InputError, QuietmrWarning
from quietmr.recon.lattice import Lattice

# equations for each unknown below which noise in the calibration lines shapes the kernel
_OVERDETERMINED = 3.0


@dataclass(frozen=True)
class Kernel:
    """Size of the GRAPPA kernel.

    Parameters
    ----------
    readout : int
        Points along kx, odd.
    lines, partitions : int
        Acquired neighbors along ky and kz.

    Raises
    ------
    InputError
        If a size is not positive, or the number of readout points is even.
    """

    readout: int = 5
    lines: int = 4
    partitions: int = 4

    def __post_init__(self) -> None:
        if self.readout < 1 or self.readout % 2 == 0 or self.lines < 2 or self.partitions < 2:
            raise InputError(
                f"A GRAPPA kernel has an odd number of readout points and at least 2 lines and partitions, got "
                f"{self.readout} x {self.lines} x {self.partitions}: the usual one is 5 x 4 x 4."
            )

    @property
    def taps(self) -> range:
        """Offsets along kx."""
        return range(-(self.readout // 2), self.readout // 2 + 1)


@dataclass(frozen=True, eq=False)
class Weights:
    """GRAPPA weights as a convolution kernel.

    Attributes
    ----------
    lattice : Lattice
    kernel : Kernel
        The kernel used, perhaps smaller than the one asked for.
    shifts : list of (dz, dy)
        Distance from a missing point to an acquired one.
    values : Tensor, shape (len(shifts), taps, coils in, coils out), complex64
        ``missing[out](k) = sum values[shift, tap, in, out] acquired[in](k + shift + tap)``.
    equations : float
        Equations for each unknown.
    """

    lattice: Lattice
    kernel: Kernel
    shifts: list[tuple[int, int]]
    values: Tensor
    equations: float


def calibrate(
    block: Tensor,
    lattice: Lattice,
    kernel: Kernel | None = None,
    regularization: float = 5e-4,
    center: tuple[int, int] | None = None,
) -> Weights:
    """Fit GRAPPA weights to fully sampled calibration data.

    Parameters
    ----------
    block : Tensor, shape (C, Z, Y, X), complex
        Whitened k-space of the calibration block, all of it measured.
    lattice : Lattice
        Sampling to be filled.
    kernel : Kernel, optional
        5 x 4 x 4 if left out; where the calibration block is too short for it, 3 or 2 lines (partitions).
    regularization : float
        Tikhonov weight relative to the mean eigenvalue of the normal equations. More of it lowers the g-factor and
        leaves more aliasing: the g-map belongs to this number.
    center : (z, y), optional
        Index of k = 0 in the block; n // 2 if left out.

    Returns
    -------
    Weights

    Raises
    ------
    InputError
        If the block is too small for the lattice (names the acceleration that it allows) or the regularization is
        negative.
    """
    if not 0 <= regularization < 1:
        raise InputError(f"The regularization lambda lies between 0 and 1, got {regularization:g}: usual is 5e-4.")
    if center is None:
        center = (block.shape[1] // 2, block.shape[2] // 2)
    kernel = _fitting_kernel(block, center, lattice, kernel or Kernel())
    sources = lattice.sources(kernel.lines, kernel.partitions if block.shape[1] > 1 else 1)
    missing = lattice.missing()
    stack, n_rows = _windows(block, [*sources, *missing])
    n_coils, n_sources = block.shape[0], len(sources)
    with _full_precision():
        gram, right = _normal_equations(stack, n_sources * n_coils, kernel.taps)
    size = gram.shape[0]
    gram.diagonal().add_(regularization * gram.diagonal().real.mean())
    solution = _solve(gram, right)
    values = solution.reshape(kernel.readout, n_sources, n_coils, len(missing), n_coils)
    values = values.permute(3, 1, 0, 2, 4).reshape(-1, kernel.readout, n_coils, n_coils)
    shifts = [(sz - mz, sy - my) for mz, my in missing for sz, sy in sources]
    return Weights(lattice, kernel, shifts, values.to(torch.complex64), n_rows * block.shape[3] / size)


@contextmanager
def _full_precision() -> Iterator[None]:
    """Keep TF32 out of the normal equations: squared data with ten bits make g wrong."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _fitting_kernel(block: Tensor, center: tuple[int, int], lattice: Lattice, kernel: Kernel) -> Kernel:
    tried = [
        Kernel(kernel.readout, lines, partitions)
        for lines in dict.fromkeys((kernel.lines, 3, 2))
        for partitions in dict.fromkeys((kernel.partitions, 3, 2))
    ]
    enough = [smaller for smaller in tried if _equations(block, lattice, smaller) >= _OVERDETERMINED]
    for smaller in enough:
        if meets_center(block, center, lattice, smaller):
            return smaller
    if enough:
        warnings.warn(
            f"The calibration lines do not reach as far from the center of k-space as the acceleration {lattice} asks "
            "for: aliases may remain in the image; measure more calibration lines.",
            QuietmrWarning,
            stacklevel=4,
        )
        return enough[-1]
    n_z, n_y = block.shape[1:3]
    possible = [
        r for r in range(2, lattice.r1) if _equations(block, Lattice(r), Kernel(kernel.readout, 2, 2)) > _OVERDETERMINED
    ]
    allowed = f"it allows up to R = {possible[-1]}" if possible else "it allows no acceleration"
    raise InputError(
        f"The calibration block of {n_y} lines x {n_z} partitions x {block.shape[3]} samples is too small for the "
        f"acceleration {lattice}: {allowed}; measure more calibration lines, or compress the coils (--coils)."
    )


def meets_center(block: Tensor, center: tuple[int, int], lattice: Lattice, kernel: Kernel) -> bool:
    """Tell whether every source position of the kernel meets the center of k-space somewhere in the block.

    Most of the signal is there: a weight that never saw it is fitted to little more than noise, and the image is wrong
    where that weight matters, while its noise still is that of g.
    """
    sources = lattice.sources(kernel.lines, kernel.partitions if block.shape[1] > 1 else 1)
    for axis, (c, n) in enumerate(zip(center, block.shape[1:3], strict=True)):
        span = max(p[axis] for p in sources) - min(p[axis] for p in sources)
        if c < span or n - 1 - c < span:
            return False
    return True


def _equations(block: Tensor, lattice: Lattice, kernel: Kernel) -> float:
    """Equations for each unknown, 0 if the window does not fit into the block."""
    n_coils, n_z, n_y, n_x = block.shape
    sources = lattice.sources(kernel.lines, kernel.partitions if n_z > 1 else 1)
    spans = [max(p[axis] for p in [*sources, *lattice.missing()]) - min(p[axis] for p in sources) for axis in (0, 1)]
    rows = max(0, n_z - spans[0]) * max(0, n_y - spans[1]) * max(0, n_x - kernel.readout + 1)
    return rows / (kernel.readout * len(sources) * n_coils)


def _windows(block: Tensor, points: list[tuple[int, int]]) -> tuple[Tensor, int]:
    """Stack the block shifted to each point: (rows, points * C, X), rows running over all positions of the window."""
    low = [min(p[axis] for p in points) for axis in (0, 1)]
    n_z, n_y = (block.shape[axis + 1] - (max(p[axis] for p in points) - low[axis]) for axis in (0, 1))
    shifted = [block[:, z - low[0] : z - low[0] + n_z, y - low[1] : y - low[1] + n_y] for z, y in points]
    n_x = block.shape[3]
    return torch.cat(shifted).permute(1, 2, 0, 3).reshape(n_z * n_y, -1, n_x), n_z * n_y


def _normal_equations(stack: Tensor, n_known: int, taps: range) -> tuple[Tensor, Tensor]:
    """A^H A and A^H b for all taps along kx, from windows (rows, known + wanted, X), in double precision.

    The products over x give sums over all kx as if the readout were periodic; positions where the window reaches round
    the end are subtracted again, so that the equations are those of the plain sliding window.
    """
    n_x, half = stack.shape[2], len(taps) // 2
    known = stack[:, :n_known]
    lags = range(-2 * half, 2 * half + 1)
    correlations = _correlations(stack, n_known, lags)
    ends = [i % n_x for i in range(-half, half)]
    beyond = torch.stack([known[:, :, [(i + d) % n_x for i in ends]] for d in taps], dim=1)
    # unknowns in the order (tap, source, coil)
    beyond = beyond.permute(0, 3, 1, 2).reshape(-1, len(taps) * n_known)
    wanted = stack[:, n_known:, ends].permute(0, 2, 1).reshape(beyond.shape[0], -1)
    gram = torch.cat([torch.cat([correlations[b - a + 2 * half][:, :n_known] for b in taps], dim=1) for a in taps])
    right = torch.cat([correlations[2 * half - a][:, n_known:] for a in taps])
    gram = gram - (beyond.mH @ beyond).to(torch.complex128)
    return gram, right - (beyond.mH @ wanted).to(torch.complex128)


def _correlations(stack: Tensor, n_known: int, lags: range) -> Tensor:
    """Sum over rows and kx of conj(known(kx)) all(kx + lag): (lags, known, all), complex128."""
    hybrid: Tensor = torch.fft.ifft(stack, dim=2, norm="ortho").permute(2, 0, 1).contiguous()
    # torch conjugates strided batches one by one, which takes longer than their product
    products = hybrid[:, :, :n_known].mH.resolve_conj().contiguous() @ hybrid
    n_x = stack.shape[2]
    x = torch.arange(n_x, device=stack.device, dtype=torch.float64)
    turns = torch.outer(torch.tensor(list(lags), device=stack.device, dtype=torch.float64), x) / n_x
    phases = torch.polar(torch.ones_like(turns), -2 * torch.pi * turns)
    summed: Tensor = phases.to(stack.dtype) @ products.reshape(n_x, -1)
    return summed.reshape(len(lags), *products.shape[1:]).to(torch.complex128)


def _solve(gram: Tensor, right: Tensor) -> Tensor:
    factor, failed = torch.linalg.cholesky_ex(gram)
    if failed.any():
        raise InputError(
            "The calibration data do not determine the GRAPPA kernel: raise the regularization (--lambda), or compress "
            "the coils (--coils)."
        )
    solution: Tensor = torch.cholesky_solve(right, factor)
    return solution
