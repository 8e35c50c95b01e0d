"""Transforms of tensors, and the center of k-space."""

import numpy as np
import pytest
import torch

from quietmr.recon import tensor_fourier
from quietmr.recon.tensor_fourier import center_window
from quietmr.signal import fourier


def white(rng, *shape):
    return torch.from_numpy((rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64))


def test_the_transforms_agree_with_those_of_the_house(rng):
    kspace = white(rng, 3, 5, 8)
    np.testing.assert_allclose(
        tensor_fourier.to_image(kspace, (1, 2)).numpy(), fourier.to_image(kspace.numpy(), (1, 2)), atol=1e-6
    )
    turned = tensor_fourier.to_kspace(tensor_fourier.to_image(kspace.conj(), (1, 2)), (1, 2))
    np.testing.assert_allclose(turned, kspace.conj().resolve_conj(), atol=1e-5)


@pytest.mark.parametrize(("n", "m"), [(8, 5), (9, 6), (5, 8), (6, 9), (7, 7)])
def test_the_center_of_kspace_stays_the_center(n, m):
    k = torch.arange(n) - n // 2
    moved = center_window(k, (m,))
    kept = (torch.arange(m) - m // 2).where(
        (torch.arange(m) - m // 2 >= -(n // 2)) & (torch.arange(m) - m // 2 < n - n // 2), 0
    )
    np.testing.assert_array_equal(moved, kept)
