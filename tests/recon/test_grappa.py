"""GRAPPA calibration and unmixing against plain sliding windows and plain k-space convolution."""

import numpy as np
import pytest
import torch

from quietmr.data import InputError, QuietmrWarning
from quietmr.recon.grappa import Kernel, Weights, calibrate
from quietmr.recon.grid import Grid
from quietmr.recon.lattice import Lattice
from quietmr.recon.unmixing import gfactor, unmixing
from quietmr.signal.fourier import to_image


def _random(shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(seed))


def _sliding_window(block: torch.Tensor, lattice: Lattice, kernel: Kernel, regularization: float) -> torch.Tensor:
    """Weights (missing, source, tap, in, out) from the written-out system, one row for each window."""
    sources, missing = lattice.sources(kernel.lines, kernel.partitions if block.shape[1] > 1 else 1), lattice.missing()
    data = block.numpy().astype(np.complex128)
    n_coils, n_z, n_y, n_x = data.shape
    rows, right = [], []
    for z in range(n_z):
        for y in range(n_y):
            points = [(z + dz, y + dy) for dz, dy in [*sources, *missing]]
            if not all(0 <= a < n_z and 0 <= b < n_y for a, b in points):
                continue
            for x in range(kernel.readout // 2, n_x - kernel.readout // 2):
                taps = [data[:, a, b, x + d] for d in kernel.taps for a, b in points[: len(sources)]]
                rows.append(np.concatenate(taps))
                right.append(np.concatenate([data[:, a, b, x] for a, b in points[len(sources) :]]))
    system, wanted = np.array(rows), np.array(right)
    normal = system.conj().T @ system
    normal += regularization * np.trace(normal).real / len(normal) * np.eye(len(normal))
    solution = np.linalg.solve(normal, system.conj().T @ wanted)
    shape = (kernel.readout, len(sources), n_coils, len(missing), n_coils)
    return torch.from_numpy(solution.reshape(shape)).permute(3, 1, 0, 2, 4)


@pytest.mark.parametrize(
    ("lattice", "shape"),
    [(Lattice(3), (4, 1, 20, 17)), (Lattice(2, 2), (3, 8, 9, 14)), (Lattice(2, 2, 1), (3, 9, 9, 14))],
)
@pytest.mark.parametrize("regularization", [1e-3, 0.1])
def test_weights_are_those_of_the_sliding_window(
    lattice: Lattice, shape: tuple[int, ...], regularization: float
) -> None:
    kernel = Kernel(3, 2, 2)
    block = _random(shape)
    weights = calibrate(block, lattice, kernel, regularization)
    expected = _sliding_window(block, lattice, kernel, regularization).reshape(weights.values.shape)
    torch.testing.assert_close(weights.values.to(torch.complex128), expected, rtol=1e-4, atol=1e-6)


def _filled_by_convolution(weights: Weights, acquired: np.ndarray) -> np.ndarray:
    """Missing points of k-space as sums over neighbors, periodic at the edges."""
    filled = acquired.copy()
    values = weights.values.numpy()
    for (dz, dy), taps in zip(weights.shifts, values, strict=True):
        for d, matrix in zip(weights.kernel.taps, taps, strict=True):
            moved = np.roll(acquired, (-dz, -dy, -d), axis=(1, 2, 3))
            filled += np.einsum("szyx,st->tzyx", moved, matrix)
    return filled


@pytest.mark.parametrize("lattice", [Lattice(2), Lattice(3), Lattice(2, 2), Lattice(2, 2, 1)], ids=str)
def test_unmixing_is_convolution_in_kspace_then_coil_combination(lattice: Lattice) -> None:
    n_z, n_y, n_x = (12 if lattice.r2 > 1 else 1), 24, 16
    block = _random((4, min(n_z, 11), 22, n_x), 1)
    weights = calibrate(block, lattice, Kernel(3, 2, 2))
    kspace = _random((4, n_z, n_y, n_x), 2).numpy()
    z, y = np.meshgrid(np.arange(n_z), np.arange(n_y), indexing="ij")
    acquired = (y % lattice.r1 == 0) & ((z - lattice.shift * (y // lattice.r1)) % lattice.r2 == 0)
    kspace *= acquired[..., None]
    maps = _random((4, n_z, n_y, n_x), 3)
    maps /= torch.linalg.vector_norm(maps, dim=0)
    axes = (1, 2, 3)
    expected = (maps.numpy().conj() * to_image(_filled_by_convolution(weights, kspace), axes)).sum(0)
    grid = Grid((n_z, n_y, n_x), (n_z, n_y, n_x), (n_z, n_y, n_x), (1.0, 1.0, 1.0))
    coefficients = unmixing(weights, maps, grid).numpy()
    found = (coefficients * to_image(kspace, axes)).sum(0) * lattice.acceleration
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


def test_gfactor_of_full_sampling_is_one() -> None:
    maps = _random((5, 1, 8, 8))
    maps /= torch.linalg.vector_norm(maps, dim=0)
    grid = Grid((1, 8, 8), (1, 8, 8), (1, 8, 8), (1.0, 1.0, 1.0))
    torch.testing.assert_close(gfactor(unmixing(None, maps, grid)), torch.ones(1, 8, 8))


def test_too_few_calibration_lines_name_the_acceleration_that_works() -> None:
    with pytest.raises(InputError, match=r"allows up to R = 5"):
        calibrate(_random((4, 1, 8, 64)), Lattice(8))
    with pytest.raises(InputError, match="allows no acceleration"):
        calibrate(_random((4, 1, 2, 64)), Lattice(2))


def test_kernel_shrinks_before_it_refuses() -> None:
    # every source line has to meet the center of k-space: 3 R lines on both sides for four of them, 2 R for three
    for n, center, lines in ((14, 7, 2), (24, 12, 3), (25, 12, 4), (26, 13, 4)):
        assert calibrate(_random((4, 1, n, 64)), Lattice(4), center=(0, center)).kernel.lines == lines
    with pytest.warns(QuietmrWarning, match="do not reach as far"):
        assert calibrate(_random((4, 1, 14, 64)), Lattice(4), center=(0, 2)).kernel.lines == 2


@pytest.mark.parametrize("arguments", [(4, 4, 4), (5, 1, 4), (0, 4, 4), (-3, 4, 4)])
def test_impossible_kernels_are_refused(arguments: tuple[int, int, int]) -> None:
    with pytest.raises(InputError, match="odd number"):
        Kernel(*arguments)


@pytest.mark.parametrize("regularization", [-1e-3, 1.0, float("nan")])
def test_impossible_regularization_is_refused(regularization: float) -> None:
    with pytest.raises(InputError, match="lambda"):
        calibrate(_random((2, 1, 24, 32)), Lattice(2), regularization=regularization)
