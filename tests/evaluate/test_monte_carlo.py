"""Noise gain by replicas, against closed forms: a linear filter's, the Rician law's, and that of doing nothing."""

import numpy as np
import pytest
from scipy import ndimage, stats

from quietmr.data import Image, InputError, NoiseMap
from quietmr.denoise import create_denoiser
from quietmr.denoise.classical import GaussianFilter
from quietmr.evaluate.fresh_noise import add_noise
from quietmr.evaluate.monte_carlo import noise_gain
from quietmr.evaluate.running import Running
from quietmr.noise import rician_mean, rician_variance

N = 64
SHAPE = (1, 12, 36, 40)


def untouched(image):
    return image


class Doubling:
    """Has no business in another process: it holds a function of its own."""

    def __init__(self):
        self.how = lambda data: 2 * data

    def __call__(self, image):
        return image.replace(data=self.how(image.data))


def kernel_norm(width, n):
    """Root of the sum of squared weights with which each of n voxels in a row is made, mirrored ends included."""
    return np.sqrt((ndimage.gaussian_filter1d(np.eye(n), width, axis=0) ** 2).sum(axis=1))


@pytest.mark.parametrize("kind", ["gaussian", "complex"])
def test_a_linear_filter_leaves_the_norm_of_its_kernel(kind, rng):
    """(N - 1) s^2 / sigma^2 follows chi^2 of N - 1 degrees in every voxel; voxels far apart are independent."""
    width, sigma = 0.7, rng.uniform(1, 3, (1, 1, 1, 1))
    image = Image(np.full(SHAPE, 50, np.complex64 if kind == "complex" else np.float32))
    noise = NoiseMap(sigma, kind, "given")
    inner = np.zeros(SHAPE, bool)
    inner[:, 3:-3, 3:-3, 3:-3] = True  # where the kernel is not mirrored
    found = noise_gain(GaussianFilter(width), image, noise, replicas=N, rng=rng, around=image, mask=inner)
    z, y, x = (kernel_norm(width, n) for n in SHAPE[1:])
    norm = z[:, None, None] * y[:, None] * x
    degrees = (N - 1) * (2 if kind == "complex" else 1)
    chi = (degrees * (found.sd[0] / (sigma[0] * norm)) ** 2)[::5, ::5, ::5].ravel()
    assert stats.kstest(chi, stats.chi2(degrees).cdf).pvalue > 1e-3
    assert np.std(found.sd[0] / (sigma[0] * norm)) == pytest.approx(found.relative_error, rel=0.05)
    assert found.median == pytest.approx(1 / norm[6, 18, 20], rel=0.01)
    assert np.abs(found.bias).max() < 6 * sigma.max() / np.sqrt(N)
    assert found.bias.mean() == pytest.approx(0, abs=0.01 * float(sigma.max()))


def test_doing_nothing_gains_nothing(rng):
    image = Image(rng.uniform(0, 8, SHAPE).astype(np.float32))
    noise = NoiseMap(np.float32(1), "rician", "given")
    found = noise_gain(untouched, image, noise, replicas=200, rng=rng, around=image)
    np.testing.assert_allclose(found.gain, 1.0, rtol=1e-6)
    # and the SD of magnitudes is that of the Rician law, its bias that of its mean
    ratio = found.sd**2 / rician_variance(image.data, 1.0)
    assert ratio.mean() == pytest.approx(1, abs=5 * np.sqrt(2 / 199 / ratio.size))
    excess = found.bias - (rician_mean(image.data, 1.0) - image.data)
    assert excess.mean() == pytest.approx(0, abs=5 / np.sqrt(200 * ratio.size))


@pytest.mark.parametrize(("kind", "channels"), [("rician", 1), ("noncentral-chi", 4)])
def test_fresh_magnitudes_have_the_moments_of_their_law(kind, channels, rng):
    signal = np.linspace(0, 10, 50, dtype=np.float32).reshape(1, 50, 1, 1) * np.ones((1, 50, 100, 100), np.float32)
    noisy = add_noise(3 * signal, NoiseMap(np.float32(3), kind, "given", n_channels=channels), rng) / 3
    for law, found in ((rician_mean, noisy.mean((2, 3))), (rician_variance, noisy.var((2, 3)))):
        np.testing.assert_allclose(found[0], law(signal[0, :, 0, 0], 1.0, channels), atol=0.06)


@pytest.mark.parametrize("kind", ["complex", "gaussian", "rician"])
def test_noise_fills_the_part_of_k_space_that_is_filled(kind, rng):
    shape = (1, 16, 32, 32)
    signal = np.full(shape, 1e4, np.complex64 if kind == "complex" else np.float32)
    noise = NoiseMap(np.float32(2), kind, "given", support=(1.0, 0.5, 0.75))
    noisy = add_noise(signal, noise, rng) - signal
    power = np.abs(np.fft.fftn(noisy[0])) ** 2
    frequency = [2 * np.abs(np.fft.fftfreq(n)) for n in shape[2:]]
    empty = (frequency[0] > 0.5)[:, None] | (frequency[1] > 0.75)
    assert power[:, empty].sum() < 1e-4 * power.sum()
    assert noisy.real.std() == pytest.approx(2, rel=0.05)


def test_the_same_noise_on_two_signals():
    noise = NoiseMap(np.float32(1), "noncentral-chi", "given", n_channels=3)
    bright, brighter = (
        add_noise(np.full(SHAPE, level, np.float32), noise, np.random.default_rng(5)) for level in (1e3, 1e3 + 2)
    )
    np.testing.assert_allclose(brighter - bright, 2, atol=1e-2)


def test_any_number_of_workers_gives_the_same_map():
    image = Image(np.random.default_rng(0).uniform(20, 90, (1, 6, 20, 20)).astype(np.float32))
    noise = NoiseMap(np.float32(2), "rician", "given")
    told = []
    maps = [
        noise_gain(
            create_denoiser("gaussian"), image, noise, replicas=7, rng=np.random.default_rng(3), workers=workers,
            progress=told.append,
        )
        for workers in (1, 2)
    ]  # fmt: skip
    np.testing.assert_array_equal(maps[0].sd, maps[1].sd)
    np.testing.assert_array_equal(maps[0].gain, maps[1].gain)
    assert told == [k / 7 for k in range(1, 8)] * 2


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_running_moments_are_those_of_all_images_at_once(dtype, rng):
    images = (1e4 + rng.standard_normal((20, 5, 6))).astype(dtype)
    if dtype == np.complex64:
        images += 1j * rng.standard_normal(images.shape).astype(np.float32)
    running = Running()
    for image in images:
        running.add(image)
    parts = np.stack([images.real, images.imag]) if dtype == np.complex64 else images[None].real
    np.testing.assert_allclose(running.mean, images.astype(complex).mean(0), rtol=1e-6)
    # Values of 1e4 in single precision are known to 5e-4.
    np.testing.assert_allclose(running.sd, np.sqrt(parts.astype(float).var(1, ddof=1).mean(0)), rtol=2e-3)


@pytest.mark.parametrize("around", ["denoised", "image"])
def test_substitutes_for_the_truth_come_near_to_it(around, rng):
    """A linear filter has the same gain around every signal; at a distance from 0, magnitudes know no Rician law."""
    truth = Image(np.float32(100) + 20 * ndimage.gaussian_filter(rng.standard_normal(SHAPE), 1).astype(np.float32))
    noise = NoiseMap(np.float32(1), "rician", "given")
    image = truth.replace(data=add_noise(truth.data, noise, rng))
    gains = [
        noise_gain(GaussianFilter(0.6), image, noise, replicas=16, rng=np.random.default_rng(1), around=mean).median
        for mean in (truth, around)
    ]
    assert gains[1] == pytest.approx(gains[0], rel=0.01)


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_units_do_not_matter(scale, rng):
    data = rng.uniform(5, 9, SHAPE).astype(np.float32)
    gains = [
        noise_gain(
            GaussianFilter(), Image(np.float32(c) * data), NoiseMap(np.float32(c), "rician", "given"), replicas=4,
            rng=np.random.default_rng(2),
        ).gain
        for c in (1.0, scale)
    ]  # fmt: skip
    np.testing.assert_allclose(gains[1], gains[0], rtol=1e-3)


def test_odd_images(rng):
    """NaN, no noise in places, constant results: numbers, and zero where there is nothing to tell."""
    data = rng.uniform(5, 9, (1, 1, 9, 9)).astype(np.float32)
    data[0, 0, 0, 0] = np.nan
    sigma = np.ones((1, 1, 9, 9), np.float32)
    sigma[..., 8] = 0
    found = noise_gain(untouched, Image(data), NoiseMap(sigma, "gaussian", "given"), replicas=3, rng=rng)
    assert (found.gain[..., 8] == 0).all()
    np.testing.assert_allclose(found.gain[..., :8], 1, rtol=1e-6)

    def flat(image):
        return image.replace(data=np.zeros_like(image.data))

    found = noise_gain(flat, Image(data), NoiseMap(sigma, "gaussian", "given"), replicas=3, rng=rng)
    assert np.isfinite(found.gain).all()
    assert found.median == 1000


def test_what_makes_no_sense_is_refused_in_one_sentence(rng):
    image = Image(np.full(SHAPE, 9, np.float32))
    noise = NoiseMap(np.float32(1), "rician", "given")
    cases = [
        ({"replicas": 1}, "at least 2 replicas"),
        ({"workers": 0}, "at least one worker"),
        ({"mask": np.zeros(SHAPE, bool)}, "holds no voxel"),
        ({"mask": np.ones((3, 3), bool)}, "does not fit"),
        ({"around": Image(np.zeros((1, 1, 4, 4)))}, "grid of the image"),
        ({"noise": NoiseMap(np.float32(0))}, "nothing to measure"),
        ({"noise": NoiseMap(np.float32(1), "complex")}, "noise map that suits it"),
        ({"denoiser": Doubling(), "workers": 2}, "cannot be sent to other processes"),
    ]
    for change, words in cases:
        given = {"denoiser": GaussianFilter(), "image": image, "noise": noise, "replicas": 2, "rng": rng} | change
        with pytest.raises(InputError, match=words):
            noise_gain(**given)
