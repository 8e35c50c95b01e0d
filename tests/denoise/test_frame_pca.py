"""What frames share: singular values and the noise that is left against their closed forms."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from quietmr.denoise.frame_pca import _shrink, common_part
from quietmr.denoise.noise_edge import edge_inflation

SHAPE = (20, 40, 36)


def white(shape, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)


def still(shape=SHAPE, snr=20.0):
    """A picture with a smooth phase that does not change."""
    y, x = np.mgrid[-1 : 1 : shape[1] * 1j, -1 : 1 : shape[2] * 1j]
    picture = snr * (1 + np.cos(4 * y) * np.cos(5 * x)) * np.exp(1j * (2 * y + x))
    return np.broadcast_to(picture, shape).astype(np.complex64)


def rms(array):
    return float(np.sqrt(np.mean(np.abs(array) ** 2) / 2))


def test_noise_alone_goes():
    assert rms(common_part(white(SHAPE))) < 0.1


def test_singular_values_are_shrunk_as_the_closed_form_says():
    frames, pixels = 10, 40
    generator = torch.Generator().manual_seed(0)
    left, right = (
        torch.linalg.qr(torch.randn(n, 3, dtype=torch.complex64, generator=generator))[0] for n in (frames, pixels)
    )
    sizes = torch.tensor([8.0, 2.5, 1.2])  # the last lies below the edge, 1 + sqrt(1 / 4)
    scale = (2.0 * pixels) ** 0.5
    matrix = (left * sizes * scale) @ right.mH
    kept, rank = _shrink(matrix[None], 1.0)
    ratio = frames / pixels
    expected = ((sizes**2 - ratio - 1) ** 2 - 4 * ratio).clamp_min(0).sqrt() / sizes * (sizes > 1.5)
    torch.testing.assert_close(torch.linalg.svdvals(kept[0])[:3] / scale, expected, atol=1e-3, rtol=1e-3)
    assert int(rank) == 2


@pytest.mark.parametrize("shape", [SHAPE, (100, 30, 30), (6, 24, 24)])
def test_still_tissue_keeps_little_noise(shape):
    """A matrix of rank 1 has m + n - 1 free numbers of m n, and keeps as much of the noise."""
    truth, pixels = still(shape), 81
    left = (shape[0] + pixels - 1) / (shape[0] * pixels)
    error = rms(common_part(truth + white(shape, 1)) - truth)
    # Patches overlap, which takes a little more.
    assert 0.5 * left**0.5 < error < 1.2 * left**0.5


def test_moving_things_are_kept():
    t, y, x = np.mgrid[0:24, 0:40, 0:40]
    radius = 10 + 4 * np.sin(2 * np.pi * t / 12)
    truth = (15.0 / (1 + np.exp(np.hypot(y - 20, x - 20) - radius))).astype(np.complex64)
    noisy = truth + white(truth.shape, 2)
    found = common_part(noisy)
    edge = (np.abs(truth) > 2) & (np.abs(truth) < 13)
    assert rms((found - truth)[edge]) < 0.6
    blurred = gaussian_filter(noisy.real, (1.5, 0, 0)) + 1j * gaussian_filter(noisy.imag, (1.5, 0, 0))
    assert rms((found - truth)[edge]) < 0.6 * rms((blurred - truth)[edge])


def test_a_common_phase_passes_through():
    series, turn = still() + white(SHAPE), np.exp(0.8j)
    np.testing.assert_allclose(common_part(series * turn), common_part(series) * turn, atol=2e-3)


def test_bright_and_clean_stays():
    truth = still(snr=1e4)
    np.testing.assert_allclose(common_part(truth), truth, atol=0.05)


@pytest.mark.parametrize("shape", [(4, 1, 1), (5, 3, 7), (8, 9, 9), (4, 10, 11)])
def test_small_sequences(shape):
    found = common_part(still(shape) + white(shape))
    assert found.shape == shape
    assert np.isfinite(found).all()


def smoothed(shape, width, seed=0):
    """Noise of SD 1 per real channel that is correlated in the plane."""
    noise = white(shape, seed)
    soft = gaussian_filter(noise.real, (0, width, width), mode="wrap") + 1j * gaussian_filter(
        noise.imag, (0, width, width), mode="wrap"
    )
    return (soft / rms(soft)).astype(np.complex64)


def test_white_noise_pushes_nothing_out():
    assert edge_inflation(white((16, 64, 64)), (9, 9)) == 1.0


@pytest.mark.parametrize("width", [0.7, 1.0])
def test_correlated_noise_is_told_by_its_edge(width):
    series = smoothed((16, 64, 64), width)
    inflation = edge_inflation(series, (9, 9))
    largest = []
    for kind in (series, white(series.shape, 5)):
        patches = [kind[:, y : y + 9, x : x + 9].reshape(16, -1) for y in range(0, 54, 9) for x in range(0, 54, 9)]
        largest.append(np.mean([np.linalg.svd(patch, compute_uv=False)[0] for patch in patches]))
    assert inflation > 1.1
    assert inflation == pytest.approx(largest[0] / largest[1], rel=0.1)


def test_correlated_noise_goes_as_well():
    assert rms(common_part(smoothed((16, 64, 64), 0.8))) < 0.25
