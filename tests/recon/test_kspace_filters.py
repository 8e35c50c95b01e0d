"""k-space filters keep the SD of white noise and refuse what they cannot do."""

import numpy as np
import pytest
import torch

from quietmr.data import InputError
from quietmr.recon import kspace_filters as kf
from quietmr.signal import fourier


def white(rng, *shape):
    return torch.from_numpy((rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64))


@pytest.mark.parametrize("n", [16, 17])
@pytest.mark.parametrize("name", ["none", "gaussian:1.5", "hann", "hamming", "tukey:0.3", "tukey:0", "gaussian:0"])
def test_windows_are_one_at_the_center_and_symmetric(name, n):
    window = kf.filter_by_name(name)(n)
    assert window.shape == (n,)
    assert window[n // 2] == 1
    assert window.max() == 1 and window.min() >= 0
    reach = (n - 1) // 2
    left, right = window[n // 2 - reach : n // 2], window[n // 2 + 1 : n // 2 + 1 + reach]
    np.testing.assert_allclose(left, right[::-1], atol=1e-15)


def test_gaussian_follows_gadgetron():
    np.testing.assert_allclose(kf.gaussian(5, 2.0), np.exp(-0.5 * (2.0 * np.array([-1, -0.5, 0, 0.5, 1])) ** 2))


def test_the_windows_have_their_textbook_edges():
    assert kf.hann(9)[0] == pytest.approx(0)
    assert kf.hamming(9)[0] == pytest.approx(0.08)
    np.testing.assert_allclose(kf.tukey(9, 1.0), kf.hann(9))
    np.testing.assert_allclose(kf.tukey(17, 0.5)[4:13], 1)


@pytest.mark.parametrize(
    "name", ["", "gauss", "gaussian", "gaussian:", "gaussian:x", "gaussian:-1", "hann:2", "tukey:1.1"]
)
def test_unknown_filters_are_refused_with_the_choice(name):
    with pytest.raises(InputError, match=r"gaussian:SIGMA.*tukey:WIDTH"):
        kf.filter_by_name(name)


def test_unit_noise_averages_over_the_sampled_part():
    window = np.array([9.0, 1.0, 3.0, 9.0]) * 1j
    scaled = kf.unit_noise(window, np.array([False, True, True, False]))
    np.testing.assert_allclose(scaled, window / np.sqrt(5))


def test_a_filter_that_removes_everything_is_refused():
    with pytest.raises(InputError, match="removes all"):
        kf.unit_noise(np.array([0.0, 1.0]), np.array([True, False]))
    with pytest.raises(InputError, match="fit"):
        kf.unit_noise(np.ones(3), np.ones(4, dtype=bool))
    with pytest.raises(InputError, match="fit"):
        kf.apply(torch.ones(1, 4, 4, dtype=torch.complex64), (None, None, np.ones(5)))


@pytest.mark.parametrize("name", ["gaussian:1.5", "hann", "tukey:0.4"])
def test_white_noise_keeps_its_sd(rng, name):
    filtered = kf.apply(white(rng, 200, 6, 25, 32), tuple(kf.filter_by_name(name)(n) for n in (6, 25, 32)))
    # about a third of 960,000 pixels are independent
    assert filtered.real.std() == pytest.approx(1, abs=4e-3)
    assert filtered.imag.std() == pytest.approx(1, abs=4e-3)


def test_partial_fourier_noise_keeps_its_sd(rng):
    n, first = 64, 20
    sampled = np.arange(n) >= first
    kspace = white(rng, 400, 1, n, 32) * torch.from_numpy(sampled)[:, None]
    image = kf.to_image(kspace, (-2,)) * np.sqrt(n / (n - first))
    assert image.real.std() == pytest.approx(1, abs=5e-3)
    window = kf.gaussian(n, 2.0)
    assert kf.apply(image, (None, window, None), (None, sampled, None)).real.std() == pytest.approx(1, abs=5e-3)
    # averaged over the whole axis instead, it would not
    assert abs(kf.apply(image, (None, window, None)).real.std() - 1) > 0.03


def test_the_signal_is_the_filtered_one(rng):
    image = white(rng, 1, 8, 12)
    window = kf.hamming(12)
    expected = fourier.to_image(fourier.to_kspace(image.numpy(), (2,)) * kf.unit_noise(window, window > 0), (2,))
    np.testing.assert_allclose(kf.apply(image, (None, None, window)).numpy(), expected, atol=1e-5)
    assert kf.apply(image, (None, None, None)) is image


def test_the_noise_map_follows_the_filter(rng):
    y, x = np.mgrid[:24, :20]
    sigma = torch.from_numpy((1 + 0.8 * (y > 11) + 0.5 * np.sin(x / 3)).astype(np.float32))[None]
    windows = (None, kf.gaussian(24, 2.0), kf.hann(20))
    n = 2000
    measured = kf.apply(white(rng, n, 1, 24, 20) * sigma, windows)
    sd = ((measured.real.var(0) + measured.imag.var(0)) / 2).sqrt()
    ratio = (sd / kf.apply_to_map(sigma, windows)).numpy()
    assert np.median(ratio) == pytest.approx(1, abs=0.005)
    assert np.sqrt(np.mean((ratio - 1) ** 2)) == pytest.approx(1 / np.sqrt(4 * n), rel=0.25)


def test_a_uniform_noise_map_stays():
    sigma = torch.full((2, 9, 8), 2.5)
    np.testing.assert_allclose(kf.apply_to_map(sigma, (None, kf.hann(9), kf.gaussian(8, 1.0))), 2.5, rtol=1e-6)


def test_the_transforms_agree_with_those_of_the_house(rng):
    kspace = white(rng, 3, 5, 8)
    np.testing.assert_allclose(kf.to_image(kspace, (1, 2)).numpy(), fourier.to_image(kspace.numpy(), (1, 2)), atol=1e-6)
    turned = kf.to_kspace(kf.to_image(kspace.conj(), (1, 2)), (1, 2))
    np.testing.assert_allclose(turned, kspace.conj().resolve_conj(), atol=1e-5)
