"""Compression keeps noise white and loses as little signal as n mixtures can."""

import numpy as np
import pytest
import torch

from quietmr.data import InputError
from quietmr.recon.coil_compression import compression_matrix


def mixtures(rng, coils, sources, n=400):
    parts = rng.standard_normal((coils, sources, 2)) @ [1, 1j], rng.standard_normal((sources, n, 2)) @ [1, 1j]
    return torch.from_numpy((parts[0] @ parts[1]).astype(np.complex64))


@pytest.mark.parametrize("n", [1, 3, 8])
def test_rows_are_orthonormal(rng, n):
    matrix = compression_matrix(mixtures(rng, 8, 5).reshape(8, 1, 20, 20), n)
    assert matrix.shape == (n, 8)
    np.testing.assert_allclose(matrix @ matrix.mH, np.eye(n), atol=1e-12)


def test_white_noise_stays_white(rng):
    matrix = compression_matrix(mixtures(rng, 8, 5), 5)
    noise = torch.from_numpy(rng.standard_normal((8, 40000, 2)) @ [1, 1j])
    mixed = matrix @ noise
    covariance = (mixed @ mixed.mH / 40000).numpy()
    np.testing.assert_allclose(covariance, 2 * np.eye(5), atol=2 * 5 / np.sqrt(40000))


def test_it_keeps_all_signal_if_there_are_coils_enough(rng):
    data = mixtures(rng, 12, 4)
    matrix = compression_matrix(data, 4)
    wide = data.to(torch.complex128)
    np.testing.assert_allclose(matrix.mH @ (matrix @ wide), wide, atol=1e-4)


def test_it_is_the_best_rank_n(rng):
    data = mixtures(rng, 10, 10)
    kept = (compression_matrix(data, 6) @ data.to(torch.complex128)).abs().square().sum()
    singular = np.linalg.svd(data.numpy().astype(np.complex128), compute_uv=False)
    assert kept.item() == pytest.approx((singular[:6] ** 2).sum(), rel=1e-9)


@pytest.mark.parametrize("n", [0, -1, 9])
def test_impossible_numbers_are_refused(rng, n):
    with pytest.raises(InputError, match="8 coils cannot be compressed"):
        compression_matrix(mixtures(rng, 8, 5), n)


def test_data_that_are_not_finite_are_refused():
    with pytest.raises(InputError, match="not finite"):
        compression_matrix(torch.full((4, 8), torch.nan, dtype=torch.complex64), 2)
