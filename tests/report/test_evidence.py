"""Numbers whose truth is known by construction."""

import numpy as np
import pytest

from quietmr.data import Image, NoiseMap
from quietmr.evaluate.tissue import tissue
from quietmr.report.evidence import median_snr, removed_rms


def noise_of(sigma, kind="gaussian"):
    return NoiseMap(np.asarray(sigma, dtype=np.float32), kind)


def test_removing_all_of_the_noise_is_an_rms_of_one(rng):
    clean = np.full((1, 8, 40, 40), 100.0, dtype=np.float32)
    sigma = np.linspace(1, 5, 40, dtype=np.float32)
    before = Image(clean + sigma * rng.standard_normal(clean.shape).astype(np.float32))
    noise = noise_of(np.broadcast_to(sigma, clean.shape))
    where = tissue(before, noise)
    assert where.all()
    assert removed_rms(before, Image(clean), noise, where) == pytest.approx(1, abs=0.03)
    assert median_snr(before, noise, where) == pytest.approx(100 / 3, rel=0.05)


def test_complex_noise_counts_per_real_channel(rng):
    clean = np.full((1, 8, 40, 40), 50 + 50j, dtype=np.complex64)
    added = 4 * (rng.standard_normal(clean.shape) + 1j * rng.standard_normal(clean.shape))
    noise = noise_of(4.0, "complex")
    before = Image(clean + added)
    assert removed_rms(before, Image(clean), noise, tissue(before, noise)) == pytest.approx(1, abs=0.03)


def test_air_of_a_magnitude_image_is_not_tissue(rng):
    air = np.hypot(*rng.standard_normal((2, 1, 10, 50, 50))).astype(np.float32)
    assert tissue(Image(air), noise_of(1.0, "rician")).mean() == pytest.approx(np.exp(-4.5), rel=0.2)


def test_mask_decides_what_is_tissue_except_where_there_is_no_number():
    data = np.ones((1, 1, 2, 3), dtype=np.float32)
    data[0, 0, 0, 0] = np.nan
    mask = np.array([[[True, True, False], [False, False, True]]])
    expected = [[[[False, True, False], [False, False, True]]]]
    np.testing.assert_array_equal(tissue(Image(data), noise_of(10.0), mask), expected)


def test_without_noise_or_tissue_there_is_no_number():
    image = Image(np.ones((1, 1, 4, 4), dtype=np.float32))
    for sigma in (0.0, 100.0):
        noise = noise_of(sigma)
        where = tissue(image, noise)
        assert median_snr(image, noise, where) is None
        assert removed_rms(image, image, noise, where) is None
