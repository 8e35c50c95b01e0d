"""Noise that varies over the image: found where it does, not invented where it does not."""

import numpy as np
import pytest

from quietmr.data import Image
from quietmr.noise import estimate_noise
from quietmr.noise.cells import Cells
from quietmr.noise.variation import find_variation

from .scenes import complex_noise, head


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    return head((12, 160, 144), np.random.default_rng(5))


def swell(shape: tuple[int, ...]) -> np.ndarray:
    """More than twice the noise in the middle of the picture, as parallel imaging leaves it."""
    y, x = np.meshgrid(np.linspace(-1, 1, shape[1]), np.linspace(-1, 1, shape[2]), indexing="ij")
    return np.broadcast_to(1 + 1.3 * np.exp(-((y / 0.6) ** 2) - (x / 0.6) ** 2), shape)


@pytest.mark.parametrize("law", ["magnitude", "complex"])
@pytest.mark.parametrize("background", ["air", "zeroed"])
def test_a_known_map_is_recovered(clean, law, background, rng):
    sigma = 60 * swell(clean.shape)
    noisy = clean + sigma * complex_noise(clean.shape, 1.0, rng)
    if background == "zeroed":
        noisy[clean == 0] = 0
    image = np.abs(noisy) if law == "magnitude" else noisy
    found = estimate_noise(Image(image[None]))
    assert found.sigma.shape == (1, *clean.shape)
    ratio = (found.sigma[0] / sigma)[clean > 300]
    assert np.median(np.abs(ratio - 1)) < 0.08
    assert np.quantile(np.abs(ratio - 1), 0.9) < 0.2


def test_the_map_follows_the_unit_of_the_image(clean, rng):
    noisy = np.abs(clean + 60 * swell(clean.shape) * complex_noise(clean.shape, 1.0, rng)).astype(np.float32)
    maps = [estimate_noise(Image((noisy * np.float32(scale))[None])).sigma for scale in (1.0, 2.0**-20)]
    np.testing.assert_allclose(maps[1] * 2.0**20, maps[0], rtol=1e-5)


def test_the_map_is_smooth(clean, rng):
    noisy = np.abs(clean + 60 * swell(clean.shape) * complex_noise(clean.shape, 1.0, rng))
    log_sigma = np.log(estimate_noise(Image(noisy[None])).sigma[0])
    assert max(np.abs(np.diff(log_sigma, axis=axis)).max() for axis in (1, 2)) < 0.05


@pytest.mark.parametrize("seed", range(4))
def test_white_noise_is_the_same_everywhere(clean, seed):
    noisy = np.abs(clean + complex_noise(clean.shape, 70.0, np.random.default_rng(seed)))
    assert estimate_noise(Image(noisy[None])).sigma.size == 1


def cells(log_sigma: np.ndarray, error: float) -> Cells:
    place = np.stack(np.meshgrid([0.5], np.linspace(0, 1, 10), np.linspace(0, 1, 10), indexing="ij"), -1).reshape(-1, 3)
    return Cells(place, log_sigma.ravel(), np.full(100, error), np.zeros(100, bool))


def test_evidence_decides(rng):
    field = 0.3 * np.sin(np.linspace(0, 3, 10))[:, None] * np.ones(10)
    scatter = rng.normal(scale=0.08, size=(10, 10))
    assert find_variation(cells(scatter, 0.08), 0.02) is None
    found = find_variation(cells(field + scatter, 0.08), 0.02)
    assert found is not None
    estimated = np.log(found.at(cells(field, 0.08).place)).reshape(10, 10)
    assert np.sqrt(np.mean((estimated - (field - field.mean())) ** 2)) < 0.06
