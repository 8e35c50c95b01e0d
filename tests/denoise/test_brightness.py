"""The brightest tissue under noise is that of the clean image, as training has it."""

import numpy as np
import pytest

from quietmr.data import InputError
from quietmr.denoise.brightness import brightest_tissue
from quietmr.phantoms import Mixture, draw_scene
from quietmr.training.scans import tissue_level

LEVELS = [0.03, 0.09, 0.2]


def noisy(clean, sigma, seed=3):
    rng = np.random.default_rng(seed)
    noise = sigma * rng.standard_normal((2, *clean.shape))
    return np.hypot(clean + noise[0], noise[1]).astype(np.float32)[None]


@pytest.mark.parametrize("sigma", LEVELS)
@pytest.mark.parametrize("seed", [40, 41, 42])
def test_it_is_what_training_calls_brightest_tissue(seed, sigma):
    clean = draw_scene((4, 96, 96), Mixture(dynamic=0), np.random.default_rng(seed))
    truth = tissue_level(clean)
    assert brightest_tissue(noisy(clean, sigma * truth), sigma * truth) == pytest.approx(truth, rel=0.03 + 0.2 * sigma)


@pytest.mark.parametrize("sigma", [0.02, *LEVELS, 0.3])
def test_two_tissues(sigma):
    """The brightest one is 1. What the filter leaves of the noise moves its 99th percentile by less than a SD."""
    y, x = np.mgrid[-1:1:96j, -1:1:96j]
    head = np.where(x**2 + y**2 < 0.3, 1.0, np.where(x**2 + y**2 < 0.7, 0.6, 0.0))
    found = brightest_tissue(noisy(np.broadcast_to(head, (8, 96, 96)), sigma), sigma)
    assert 0.98 < found < 1.01 + 0.75 * sigma


def test_thin_bright_structures_count():
    """Lines two pixels wide, 3 % of the foreground, are the brightest tissue; means over 3 x 3 would lose 30 %."""
    clean = np.full((2, 64, 64), 0.5, np.float32)
    clean[:, :, 30:32] = 1.0
    assert brightest_tissue(noisy(clean, 0.03), 0.03) == pytest.approx(1.0, rel=0.06)


@pytest.mark.parametrize("factor", [1e-9, 1e9])
def test_it_scales_with_the_image(factor):
    image = noisy(np.pad(np.ones((1, 20, 20)), ((0, 0), (8, 8), (8, 8))), 0.05)
    scaled = brightest_tissue(image * np.float32(factor), 0.05 * factor)
    assert scaled / factor == pytest.approx(brightest_tissue(image, 0.05), rel=1e-4)


@pytest.mark.parametrize("shape", [(1, 64, 64), (3, 9, 7)])
def test_noise_alone_has_no_tissue(shape):
    for image in (noisy(np.zeros(shape), 1.0), np.zeros((1, *shape), np.float32)):
        with pytest.raises(InputError, match="brighter than its noise"):
            brightest_tissue(image, 1.0)
