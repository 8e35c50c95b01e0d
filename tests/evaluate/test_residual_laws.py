"""The figures of the residual tests against closed forms."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from quietmr.data import Image, NoiseMap
from quietmr.evaluate.residual.bands import COARSE, FINE, FINEST
from quietmr.evaluate.residual.earlier import color_of_noise
from quietmr.evaluate.residual.measures import locate, measure
from quietmr.evaluate.residual.planes import Planes, flat_tissue, prepare
from quietmr.noise import rician_mean

BANDS = {"finest": FINEST, "fine": FINE, "coarse": COARSE}


def planes(before, after):
    tissue, present = np.ones((2, *before.shape), bool)
    return Planes(before, after, present, tissue, np.ones(before.shape, np.float32))


@pytest.mark.parametrize("band", BANDS.values(), ids=BANDS)
def test_band_knows_what_it_makes_of_white_noise(band, rng):
    noise = rng.standard_normal((24, 128, 128)).astype(np.float32)
    power = np.square(band.of(noise))[:, 24:-24, 24:-24]
    assert power.mean() == pytest.approx(band.noise_power, rel=0.05)
    scatter = power.mean(axis=(1, 2)).std(ddof=1) / band.noise_power  # of 24 means: known to 15 %
    assert scatter == pytest.approx(np.sqrt(2 * band.area / power[0].size), rel=0.5)
    local = band.local_mean(np.square(band.of(noise)))[:, 24:-24, 24:-24] / band.noise_power
    assert local.var() == pytest.approx(2 / band.freedom, rel=0.15)


@pytest.mark.parametrize("band", BANDS.values(), ids=BANDS)
def test_pure_noise_has_unit_power_everywhere_and_no_slope(band, rng):
    anatomy = 10 + 3 * gaussian_filter(rng.standard_normal((12, 96, 96)), (0, 1.5, 1.5)).astype(np.float32) / 0.2
    noise = rng.standard_normal(anatomy.shape).astype(np.float32)
    found = measure(planes(anatomy + noise, anatomy), band)
    assert found.floor == pytest.approx(1, abs=0.1)
    assert found.edges == pytest.approx(1, abs=4 * found.error + 0.05)
    assert abs(found.slope) < 4 * found.slope_error


@pytest.mark.parametrize("width", [0.6, 1.0])
def test_slope_of_a_blur_is_what_the_spectra_say(width, rng):
    anatomy = 100 * rng.standard_normal((32, 128, 128)).astype(np.float32)  # no noise to speak of
    blurred = gaussian_filter(anatomy, (0, width, width), mode="wrap")
    point = np.zeros((1, 128, 128))
    point[0, 64, 64] = 1
    blur = np.abs(np.fft.fft2(gaussian_filter(point, (0, width, width))[0]))
    band = np.abs(np.fft.fft2(FINE.of(point)[0])) ** 2
    expected = np.sum(band * (1 - blur) * blur) / np.sum(band * blur**2)
    pair = planes(anatomy, blurred)
    pair.tissue[:] = False
    pair.tissue[:, 24:-24, 24:-24] = True  # beyond the reach of the borders, which the two filters treat differently
    assert measure(pair, FINE).slope == pytest.approx(expected, rel=0.03)


def test_slope_of_an_exaggeration_is_its_strength(rng):
    anatomy = rng.standard_normal((4, 96, 96)).astype(np.float32)
    assert measure(planes(anatomy, 1.25 * anatomy), FINE).slope == pytest.approx(-0.2, abs=1e-4)


def test_map_of_pure_noise_is_in_standard_errors(rng):
    noise = rng.standard_normal((16, 128, 128)).astype(np.float32)
    pair = planes(noise + 10, np.full_like(noise, 10))
    for band in BANDS.values():
        excess = np.abs(locate(pair, [measure(pair, band)]).structure)[:, 20:-20, 20:-20]
        assert np.mean(excess > 1.2816) == pytest.approx(0.10, abs=0.03)  # of a normal variable
        assert np.mean(excess > 3) < 0.006


@pytest.mark.parametrize("method", ["signal", "mean", "told too much"])
def test_bias_of_a_magnitude_is_no_structure(method, rng):
    """Neither methods that give the signal, nor its mean, nor those that subtract the bias of twice the noise."""
    signal = np.clip(6 + 3 * gaussian_filter(rng.standard_normal((16, 96, 96)), (0, 5, 5)) * 18, 1, None)
    noisy = np.abs(signal + rng.standard_normal(signal.shape) + 1j * rng.standard_normal(signal.shape))
    after = {
        "signal": signal,
        "mean": rician_mean(signal, 1.0),
        "told too much": np.sqrt(np.maximum(signal**2 + 2 - 8, 0)),
    }[method]
    found = prepare(Image(noisy[None]), Image(after[None]), NoiseMap(np.float32(1)), None)
    residual = (found.before - found.after)[found.tissue & (signal > 4)]
    assert abs(residual.mean()) < 0.06
    assert abs(measure(found, FINE).slope) < 0.05


@pytest.mark.parametrize(("width", "lowest", "highest"), [(0.0, 0.8, 1.3), (0.5, 1.6, 3.0), (1.0, 10, 60)])
def test_color_of_noise_grows_with_the_filter(width, lowest, highest, rng):
    noisy = 100 + gaussian_filter(rng.standard_normal((1, 4, 96, 96)), (0, 0, width, width))
    assert lowest < color_of_noise(Image(noisy), None) < highest


def test_flat_tissue_is_the_part_without_edges():
    picture = np.full((1, 64, 64), 20, np.float32)
    picture[:, :, 32:] = 40
    flat = flat_tissue(planes(picture, picture))
    assert flat[0, :, 8].any()
    assert not flat[0, :, 31:33].any()
