"""Parts of the estimator: filters keep the noise they are made for, the rim of k-space is found, air is told apart."""

import numpy as np
import pytest

from quietmr.noise.background import air_level
from quietmr.noise.bands import axis_bands, filter_along
from quietmr.noise.blocks import Plane, block_statistics
from quietmr.noise.support import axis_support

from .scenes import band_limited, complex_noise, head, rician


@pytest.mark.parametrize("support", [1.0, 0.85, 0.66, 0.5])
def test_bands_keep_the_variance_of_noise_and_reject_shading(support, rng):
    noise = band_limited(complex_noise((64, 4096), 2.0, rng), (1.0, support)).real
    bands = axis_bands(support)
    for band in (bands.high, bands.middle, bands.low):
        assert filter_along(noise, band.taps, 1).std() == pytest.approx(noise.std(), rel=0.02)
    assert bands.low.frequency < bands.middle.frequency < bands.high.frequency
    ramp = np.tile(np.arange(100.0), (3, 1))
    np.testing.assert_allclose(filter_along(ramp, bands.high.taps, 1), 0, atol=1e-4)


@pytest.mark.parametrize("support", [0.5, 0.6, 0.75, 0.9])
@pytest.mark.parametrize("size", [160, 256])
def test_the_rim_of_k_space_is_found(support, size, rng):
    clean = np.abs(band_limited(head((6, 96, size), rng), (1.0, support)))
    planes = [(plane, plane > 0) for plane in rician(clean, 40.0, rng, (1.0, support))]
    assert axis_support(planes, size) == pytest.approx(support, abs=0.05)


@pytest.mark.parametrize("sigma", [10.0, 40.0, 200.0])
def test_white_noise_has_no_rim(sigma, rng):
    planes = [(plane, plane > 0) for plane in rician(head((6, 128, 160), rng), sigma, rng)]
    assert axis_support(planes, 160) == 1.0


def blocks_of(volume: np.ndarray, side: int = 8):
    full = np.ones(volume.shape[1:], bool)
    planes = [Plane(p, np.abs(p), full, p != 0) for p in volume.astype(np.float32)]
    return block_statistics(planes, [axis_bands(1.0), axis_bands(1.0)], side)


@pytest.mark.parametrize("support", [1.0, 0.6])
def test_air_gives_its_level_whatever_the_correlation(support, rng):
    volume = rician(head((6, 128, 128), rng), 50.0, rng, (1.0, support))
    air = air_level(blocks_of(volume), 8)
    assert air is not None
    assert air.sigma == pytest.approx(50, rel=0.03)


@pytest.mark.parametrize("law", ["uniform", "exponential", "pedestal", "texture"])
def test_what_is_not_rayleigh_is_not_taken_for_air(law, rng):
    shape = (6, 128, 128)
    volume = {
        "uniform": rng.uniform(0, 1, shape),
        "exponential": rng.exponential(size=shape),
        "pedestal": rician(np.full(shape, 10.0), 1.0, rng),
        "texture": rician(np.kron(rng.uniform(0, 50, (6, 16, 16)), np.ones((1, 8, 8))), 1.0, rng),
    }[law]
    assert air_level(blocks_of(volume), 8) is None
