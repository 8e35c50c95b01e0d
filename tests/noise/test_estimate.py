"""Blind noise level: known noise on seeded scenes, invariances, hostile inputs, real scans."""

import tracemalloc
import warnings

import numpy as np
import pytest
from scipy.ndimage import median_filter

from quietmr.data import Image, InputError, NoiseMap, QuietmrWarning
from quietmr.noise import estimate_noise

from .scenes import PEAK, band_limited, complex_noise, head, rician


def silent(data: np.ndarray, mask: np.ndarray | None = None, frames: str = "unknown") -> NoiseMap:
    """Estimate of an array with its remarks left aside; 2-D and 3-D arrays get leading axes."""
    data = np.asarray(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", QuietmrWarning)
        return estimate_noise(Image(data.reshape((1,) * (4 - data.ndim) + data.shape), frames=frames), mask)


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    return head((12, 112, 96), np.random.default_rng(5))


@pytest.mark.parametrize("percent", [2, 5, 9, 15, 30])
@pytest.mark.parametrize("background", ["air", "zeroed"])
def test_white_rician_noise_is_found_within_six_percent(clean, percent, background, rng):
    sigma = percent / 100 * PEAK
    image = rician(clean, sigma, rng)
    if background == "zeroed":
        image[clean == 0] = 0
    found = estimate_noise(Image(image[None]))  # without any remark: warnings are errors here
    assert found.kind == "rician"
    assert found.origin == "estimated"
    assert found.sigma.shape == (1, 1, 1, 1)
    assert found.level == pytest.approx(sigma, rel=0.06)
    assert abs(found.level / sigma - 1) < 4 * found.uncertainty


@pytest.mark.parametrize("percent", [5, 9, 30])
def test_image_without_any_background(clean, percent, rng):
    sigma = percent / 100 * PEAK
    assert silent(rician(clean[:, 30:80, 30:66], sigma, rng)).level == pytest.approx(sigma, rel=0.08)


def test_one_slice(clean, rng):
    for sigma in (40.0, 150.0):
        assert silent(rician(clean[6], sigma, rng)).level == pytest.approx(sigma, rel=0.1)


def test_eight_by_eight_pixels_give_the_right_order():
    levels = [silent(rician(np.full((8, 8), 500.0), 20.0, np.random.default_rng(seed))).level for seed in range(20)]
    assert np.mean(levels) == pytest.approx(20, rel=0.15)
    assert min(levels) > 8
    assert max(levels) < 36


@pytest.mark.parametrize("phase", [0.0, 3.0])
def test_complex_noise_is_counted_per_real_channel(clean, phase, rng):
    ramp = np.exp(1j * phase * np.linspace(-1, 1, clean.shape[2]) ** 2)
    for sigma in (30.0, 150.0):
        found = silent((clean * ramp + complex_noise(clean.shape, sigma, rng)).astype(np.complex64))
        assert found.kind == "complex"
        assert found.level == pytest.approx(sigma, rel=0.05)


def test_real_gaussian_noise(clean, rng):
    found = silent(clean + rng.normal(scale=60, size=clean.shape))
    assert found.kind == "gaussian"
    assert found.level == pytest.approx(60, rel=0.06)


@pytest.mark.parametrize("support", [(1.0, 0.7), (0.66, 1.0), (0.75, 0.6)])
def test_interpolated_images_are_recognised_and_measured(support, rng):
    clean = np.abs(band_limited(head((8, 160, 144), rng), support))
    for sigma in (50.0, 120.0):
        image = rician(clean, sigma, rng, support)
        with pytest.warns(QuietmrWarning, match="interpolated"):
            found = estimate_noise(Image(image[None]))
        np.testing.assert_allclose(found.support[1:], support, atol=0.06)
        assert found.level == pytest.approx(sigma, rel=0.1)


def test_smoothed_noise_is_reported_and_not_overestimated(clean, rng):
    noisy = clean[:, 30:80, 30:66] / 4 + complex_noise((12, 50, 36), 100.0, rng)
    frequency = np.fft.fftfreq(50)[:, None] ** 2 + np.fft.fftfreq(36) ** 2
    bell = np.exp(-0.5 * frequency / 0.2**2)
    image = np.abs(1000 + np.fft.ifft2(np.fft.fft2(noisy) * bell))
    true = 100 * np.sqrt(np.mean(bell**2))
    with pytest.warns(QuietmrWarning, match=r"looks filtered|interpolated"):
        found = estimate_noise(Image(image[None]))
    assert 0.6 * true < found.level < 1.15 * true


def test_denoised_images_are_reported(clean, rng):
    image = median_filter(rician(clean[:, 30:80, 30:66], 50.0, rng), size=(1, 3, 3))
    with pytest.warns(QuietmrWarning, match="already denoised"):
        estimate_noise(Image(image[None]))


def test_ghosts_and_zeroed_air_do_not_mislead(clean, rng):
    sigma = 70.0
    ghosted = clean + 0.12 * np.roll(clean, clean.shape[1] // 2, axis=1)
    assert silent(rician(ghosted, sigma, rng)).level == pytest.approx(sigma, rel=0.06)
    half_zeroed = rician(clean, sigma, rng)
    half_zeroed[:, :, :20] = 0
    half_zeroed[:, :9] = 0
    assert silent(half_zeroed).level == pytest.approx(sigma, rel=0.06)


def test_attenuated_air_is_outvoted_by_tissue(clean, rng):
    image = rician(clean, 70.0, rng)
    image[clean == 0] *= 0.5
    with pytest.warns(QuietmrWarning, match="uncertain: tissue reads"):
        found = estimate_noise(Image(image[None]))
    assert found.level == pytest.approx(70, rel=0.08)


@pytest.mark.parametrize("scale", [2.0**-30, 1e-9, 1e-3, 1e9, 2.0**30])
def test_scale_equivariance(clean, scale, rng):
    image = rician(clean, 80.0, rng).astype(np.float32)
    rel = 1e-7 if np.log2(scale) % 1 == 0 else 2e-3
    assert silent(image * np.float32(scale)).level == pytest.approx(scale * silent(image).level, rel=rel)


def test_flips_and_transposes_matter_little(clean, rng):
    image = rician(clean, 60.0, rng)
    level = silent(image).level
    for changed in (image[:, ::-1], image[:, :, ::-1], image.transpose(0, 2, 1), image[::-1]):
        assert silent(changed).level == pytest.approx(level, rel=0.02)


def test_padding_by_zeros_matters_not_at_all_and_repeats_agree(clean, rng):
    image = rician(clean, 60.0, rng)
    level = silent(image).level
    assert silent(image).level == level
    assert silent(np.pad(image, ((3, 1), (17, 4), (0, 33)))).level == level


def test_missing_values_are_left_out(clean, rng):
    image = rician(clean, 60.0, rng)
    broken = image.copy()
    broken.ravel()[rng.choice(image.size, image.size // 200, replace=False)] = np.nan
    broken[0, 0, :3] = [np.inf, -np.inf, np.nan]
    assert silent(broken).level == pytest.approx(60, rel=0.06)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, ">i2"])
def test_quantised_values(clean, dtype, rng):
    image = np.clip(np.round(rician(clean / 5, 8.0, rng)), 0, 255).astype(dtype)
    assert silent(image).level == pytest.approx(8, rel=0.06)


def test_noise_below_the_quantisation_step_is_reported(rng):
    image = np.round(rician(30 + 10 * np.linspace(-1, 1, 64) ** 2 * np.ones((6, 64, 1)), 0.15, rng))
    with pytest.warns(QuietmrWarning, match="smaller than the steps"):
        found = estimate_noise(Image(image[None]))
    assert found.level < 1


def test_mask_limits_where_noise_is_looked_for(rng):
    image = np.full((6, 64, 128), 900.0)
    image[:, :, :64] = rician(image[:, :, :64], 10.0, rng)
    image[:, :, 64:] = rician(image[:, :, 64:], 40.0, rng)
    left = np.zeros((6, 64, 128), bool)
    left[:, :, :64] = True
    assert silent(image, left).level == pytest.approx(10, rel=0.05)
    assert silent(image, ~left).level == pytest.approx(40, rel=0.05)
    assert silent(image, left[None]).level == silent(image, left).level


def test_repeats_see_through_texture(rng):
    texture = 500 + 100 * rng.normal(size=(5, 48, 48))
    series = np.abs(texture + complex_noise((6, 5, 48, 48), 15.0, rng))
    for frames in ("time", "repetition"):
        assert silent(series, frames=frames).level == pytest.approx(15, rel=0.06)
    assert silent(series, frames="direction").level > 60


def test_moving_frames_do_not_add_to_the_noise(clean, rng):
    moving = np.stack([np.roll(clean, 2 * step, axis=2) for step in range(6)])
    assert silent(rician(moving, 50.0, rng), frames="time").level == pytest.approx(50, rel=0.08)


def test_frames_that_differ_are_not_subtracted(clean, rng):
    echoes = np.stack([clean * decay for decay in (1.0, 0.7, 0.45)])
    for frames in ("echo", "unknown"):
        assert silent(rician(echoes, 40.0, rng), frames=frames).level == pytest.approx(40, rel=0.08)


@pytest.mark.parametrize("value", [0.0, 100.0])
@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_constant_images_have_no_noise(value, dtype):
    with pytest.warns(QuietmrWarning, match="no noise to measure"):
        found = estimate_noise(Image(np.full((1, 3, 16, 16), value, dtype)))
    assert found.level == 0
    assert found.kind == ("complex" if dtype is np.complex64 else "rician")


def test_refusals_say_what_to_do(clean):
    with pytest.raises(InputError, match=r"No finite pixel.*give sigma"):
        estimate_noise(Image(np.full((1, 1, 8, 8), np.nan)))
    with pytest.raises(InputError, match="inside the mask"):
        estimate_noise(Image(clean[None]), np.zeros(clean.shape, bool))
    with pytest.raises(InputError, match="does not fit the image"):
        estimate_noise(Image(clean[None]), np.ones((3, 3, 3), bool))
    with pytest.raises(InputError, match="too few"):
        estimate_noise(Image(np.arange(12.0).reshape(1, 1, 3, 4)))
    with pytest.raises(InputError, match="No region"):
        estimate_noise(Image(np.tile([[1.0, 0, 2, 0], [0, 3, 0, 4]], (5, 5))[None, None]))


def test_memory_stays_below_three_images(rng):
    image = Image(rician(np.full((1, 64, 160, 160), 300.0), 20.0, rng))
    tracemalloc.start()
    estimate_noise(image)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * image.data.nbytes + 60e6


def test_air_of_many_channels_helps_where_anatomy_hides_the_noise(rng):
    checkers = np.kron(rng.uniform(200, 1000, size=(4, 16, 16)), np.ones((1, 4, 4)))
    clean = np.zeros((4, 96, 96))
    clean[:, 16:80, 16:80] = checkers
    channels = [clean * np.sqrt(1 / 16) + complex_noise(clean.shape, 4.0, rng) for _ in range(16)]
    image = np.sqrt(sum(np.abs(channel) ** 2 for channel in channels))
    found = silent(image)
    assert found.level == pytest.approx(4, rel=0.1)
    assert found.uncertainty >= 0.3
