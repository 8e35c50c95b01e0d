"""Resizing keeps amplitude or noise, says which, and carries the noise map along."""

import math

import numpy as np
import pytest
import torch

from quietmr.data import InputError
from quietmr.recon.resize import center_window, noise_factor, resize, resize_map, resize_unit_noise

SHAPES = [
    ((1, 24, 32), (1, 36, 32)),
    ((1, 24, 31), (1, 36, 47)),
    ((1, 25, 32), (1, 40, 33)),
    ((6, 10, 12), (9, 15, 13)),
    ((1, 32, 24), (1, 20, 17)),
    ((7, 12, 16), (5, 18, 16)),
]


def white(rng, *shape):
    return torch.from_numpy((rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64))


def plane_waves(shape):
    """A band-limited object, given by its formula on any grid."""
    z, y, x = np.meshgrid(*[(np.arange(n) - n // 2) / n for n in shape], indexing="ij")
    waves = 2.0 + np.exp(2j * np.pi * (2 * y - 3 * x)) + 0.5j * np.exp(2j * np.pi * (-y + x + (shape[0] > 1) * z))
    return torch.from_numpy(waves.astype(np.complex64))


@pytest.mark.parametrize(("old", "new"), SHAPES)
def test_amplitude_and_position_are_kept(old, new):
    np.testing.assert_allclose(resize(plane_waves(old), new), plane_waves(new), atol=2e-5)


@pytest.mark.parametrize(("old", "new"), SHAPES)
def test_the_noise_is_what_is_declared(rng, old, new):
    noise = white(rng, 200, *old)
    independent = 2 * 200 * math.prod(min(n, m) for n, m in zip(old, new, strict=True))
    error = 4 / math.sqrt(2 * independent)
    both = torch.view_as_real(resize(noise, new)).std().item()
    assert both == pytest.approx(noise_factor(old, new), rel=error)
    assert torch.view_as_real(resize_unit_noise(noise, new)).std().item() == pytest.approx(1, rel=error)


def test_the_two_ways_differ_by_the_declared_factor(rng):
    image = white(rng, 2, 4, 10, 12)
    np.testing.assert_allclose(
        resize(image, (3, 15, 7)),
        resize_unit_noise(image, (3, 15, 7)) * noise_factor((4, 10, 12), (3, 15, 7)),
        atol=1e-5,
    )
    assert noise_factor((4, 10, 12), (3, 15, 6)) == pytest.approx(math.sqrt(3 / 4 * 1 / 2))
    assert noise_factor((1, 96, 96), (1, 128, 128)) == 1


def test_same_size_changes_nothing(rng):
    image = white(rng, 1, 5, 6)
    assert resize(image, (1, 5, 6)) is image


@pytest.mark.parametrize(("old", "new"), SHAPES[:5])
def test_zero_filling_and_back_is_the_identity(rng, old, new):
    if any(m < n for n, m in zip(old, new, strict=True)):
        old, new = new, old
    image = white(rng, *old)
    np.testing.assert_allclose(resize(resize(image, new), old), image, atol=1e-5)


@pytest.mark.parametrize(("old", "new"), SHAPES)
def test_the_noise_map_is_the_sd_of_replicas(rng, old, new):
    z, y, x = np.meshgrid(*[np.arange(n) / n for n in old], indexing="ij")
    sigma = torch.from_numpy((1.2 + np.sin(6 * y + 2 * z) * np.cos(5 * x) + (y > 0.5)).astype(np.float32))
    n = 600
    noise = resize_unit_noise(white(rng, n, *old) * sigma, new)
    sd = torch.view_as_real(noise).square().mean(dim=(0, -1)).sqrt()
    ratio = (sd / resize_map(sigma, new)).numpy()
    assert np.median(ratio) == pytest.approx(1, abs=0.01)
    assert np.sqrt(np.mean((ratio - 1) ** 2)) == pytest.approx(1 / np.sqrt(4 * n), rel=0.25)


@pytest.mark.parametrize(("old", "new"), SHAPES)
def test_the_noise_map_never_leaves_its_range(rng, old, new):
    sigma = torch.from_numpy(rng.choice([0.0, 1.0, 9.0], size=old).astype(np.float32))
    resized = resize_map(sigma, new)
    assert resized.shape == new and resized.dtype == torch.float32
    assert resized.min() >= 0 and resized.max() <= 9 * (1 + 1e-6)
    np.testing.assert_allclose(resize_map(torch.full(old, 3.0), new), 3.0, rtol=1e-6)


@pytest.mark.parametrize("shape", [(0, 4, 4), (4, 4), (1, -2, 3)])
def test_impossible_shapes_are_refused(shape):
    with pytest.raises(InputError, match="three positive"):
        resize(torch.ones(1, 4, 4, dtype=torch.complex64), shape)
    with pytest.raises(InputError, match="three positive"):
        resize_map(torch.ones(1, 4, 4), shape)


@pytest.mark.parametrize(("n", "m"), [(8, 5), (9, 6), (5, 8), (6, 9), (7, 7)])
def test_the_center_of_kspace_stays_the_center(n, m):
    k = torch.arange(n) - n // 2
    moved = center_window(k, (m,))
    kept = (torch.arange(m) - m // 2).where(
        (torch.arange(m) - m // 2 >= -(n // 2)) & (torch.arange(m) - m // 2 < n - n // 2), 0
    )
    np.testing.assert_array_equal(moved, kept)
