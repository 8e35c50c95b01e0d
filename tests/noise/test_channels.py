"""Air of several channels: the count, the level, and silence where there is none."""

import numpy as np
import pytest

from quietmr.data import Image
from quietmr.noise import estimate_noise

from .scenes import complex_noise, head


def root_sum_of_squares(clean: np.ndarray, sigma: float, n: int, rng: np.random.Generator) -> np.ndarray:
    channels = (clean / np.sqrt(n) + complex_noise(clean.shape, sigma, rng) for _ in range(n))
    return np.sqrt(sum(np.abs(channel) ** 2 for channel in channels))


@pytest.mark.parametrize("n", [1, 4, 8])
def test_channels_and_level_are_read_in_air(n, rng):
    clean = head((8, 128, 128), rng)
    found = estimate_noise(Image(root_sum_of_squares(clean, 20.0, n, rng)[None]))
    assert found.kind == ("rician" if n == 1 else "noncentral-chi")
    assert found.n_channels == n
    assert found.level == pytest.approx(20, rel=0.08)


def test_without_air_nothing_is_said_of_channels(rng):
    clean = head((8, 128, 128), rng)
    image = root_sum_of_squares(clean, 20.0, 8, rng)
    image[clean == 0] = 0
    assert estimate_noise(Image(image[None])).kind == "rician"
