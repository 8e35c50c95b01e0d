"""The guided filter on complex images: it knows no phase but that of the image."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from quietmr.data import Geometry, Image, NoiseMap
from quietmr.denoise.correlation import noise_correlation
from quietmr.denoise.guard import give_back
from quietmr.denoise.nonlocal_bayes import filter_groups
from quietmr.denoise.presets import PRESETS
from quietmr.denoise.second_stage import GuidedDenoiser
from quietmr.noise.synthesis import colour
from quietmr.phantoms import Mixture, draw_scene

STILL = Mixture(dynamic=0, thick=0)
SHAPES = [(1, 1, 8, 8), (1, 1, 9, 31), (1, 3, 16, 17), (3, 6, 12, 12), (5, 1, 13, 12)]


def complex_normal(shape, rng):
    values = rng.standard_normal((2, *shape))
    return (values[0] + 1j * values[1]).astype(np.complex64)


def with_phase(magnitude):
    """Give a volume (F, Y, X) a phase that turns one and a half times over it."""
    y = np.linspace(0, 3 * np.pi, magnitude.shape[1])[:, None]
    return (magnitude * np.exp(1j * y)).astype(np.complex64)


def filtered(noisy, pilot, variance=1.0, **choices):
    spread = torch.full(noisy.shape, float(variance))
    return filter_groups(torch.from_numpy(noisy), torch.from_numpy(pilot), spread, **choices).numpy()


@pytest.mark.parametrize("shape", [(1, 20, 23), (3, 13, 12), (6, 11, 12)])
def test_the_filter_of_rotated_data_is_the_rotated_result(shape, rng):
    pilot = 3 * complex_normal(shape, rng)
    noisy = pilot + complex_normal(shape, rng)
    factor = np.complex64(3.0 * np.exp(0.7j))
    reference = filtered(noisy, pilot, group=20)
    turned = filtered(factor * noisy, factor * pilot, 9.0, group=20) / factor
    assert np.abs(reference - noisy).max() > 0.5
    np.testing.assert_allclose(turned, reference, atol=1e-4)
    mirrored = filtered(noisy.conj(), pilot.conj(), group=20).conj()
    np.testing.assert_allclose(mirrored, reference, atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 20, 23), (6, 11, 12)])
def test_an_imaginary_part_of_nothing_halves_the_covariance(shape, rng):
    """Both parts share one covariance, so a real volume in the complex plane is as one with twice the noise."""
    pilot = rng.standard_normal(shape, dtype=np.float32)
    noisy = pilot + rng.standard_normal(shape, dtype=np.float32)
    flat = filtered(noisy.astype(np.complex64), pilot.astype(np.complex64), 1.0)
    np.testing.assert_allclose(flat.real, filtered(noisy, pilot, 2.0), atol=1e-4)
    np.testing.assert_array_equal(flat.imag, 0.0)


def test_blocks_of_another_phase_are_not_alike(rng):
    """Two tissues of one magnitude and opposite phase stay apart: the mean of a group is not their mean."""
    pilot = np.ones((1, 28, 28), np.complex64)
    pilot[:, :, 14:] = -1
    noisy = pilot + 0.3 * complex_normal(pilot.shape, rng)
    result = filtered(noisy, pilot, 0.09, group=30)
    assert np.abs(result - pilot).max() < 0.3
    assert np.sqrt(np.mean(np.abs(result - pilot) ** 2)) < 0.4 * np.sqrt(2) * 0.3


@pytest.mark.parametrize("shape", [(1, 64, 64), (12, 40, 40)])
def test_it_beats_a_smooth_pilot(shape, rng):
    clean = 10 * with_phase(draw_scene(shape, STILL, rng))
    noisy = clean + complex_normal(shape, rng)
    pilot = gaussian_filter(noisy, [0.0 if n == 1 else 0.8 for n in shape])
    errors = [np.mean(np.abs(image - clean) ** 2) for image in (noisy, pilot, filtered(noisy, pilot))]
    assert errors[2] < 0.95 * errors[1] < 0.5 * errors[0]


def denoiser_for(model, **changes):
    changes = {"complex_passes": 1, "complex_passes_time": 1} | changes
    return GuidedDenoiser("mine", replace(PRESETS["quiet"], complex_network=model, **changes))


def complex_image(shape, rng, sigma=0.1, **fields):
    clean = np.stack([with_phase(draw_scene(shape[1:], STILL, rng)) for _ in range(shape[0])])
    return Image(clean + sigma * complex_normal(shape, rng), noise=NoiseMap(np.array(sigma), "complex"), **fields)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_preset_with_passes_takes_any_shape(complex_model, shape, rng):
    frames = {"frames": "time", "geometry": Geometry(np.diag([1.0, 1.0, 8.0, 1.0]))} if shape[1] == 1 else {}
    image = complex_image(shape, rng, **frames)
    result = denoiser_for(complex_model)(image)
    assert (result.shape, result.data.dtype) == (shape, np.complex64)
    assert np.isfinite(result.data).all()
    used = result.history[-1].parameters
    assert (used["passes"], used["white_noise"]) == (1, True)
    assert used["third_axis"] == ("time" if shape[0] == 5 else "slices")
    alone = denoiser_for(complex_model, complex_passes=0, complex_passes_time=0)(image)
    assert not np.array_equal(result.data, alone.data)


@pytest.mark.parametrize("factor", [2.0**-30, 2.0**30])
def test_scale_equivariance(complex_model, factor, rng):
    image = complex_image((1, 6, 24, 20), rng)
    scaled = Image(image.data * np.float32(factor), noise=NoiseMap(np.array(0.1 * factor), "complex"))
    small, large = (denoiser_for(complex_model)(each).data for each in (image, scaled))
    np.testing.assert_array_equal(large / np.float32(factor), small)


def test_noise_that_varies_and_voxels_without_it(complex_model, rng):
    image = complex_image((1, 4, 24, 24), rng)
    sigma = np.broadcast_to(np.linspace(0.05, 0.2, 24, dtype=np.float32), image.shape).copy()
    sigma[..., :6] = 0
    result = denoiser_for(complex_model)(image.replace(noise=NoiseMap(sigma, "complex"))).data
    np.testing.assert_array_equal(result[..., :6], image.data[..., :6])
    assert np.isfinite(result).all()


def test_white_complex_noise_is_seen_as_white(rng):
    clean = np.zeros((12, 64, 64), np.complex64)
    assert noise_correlation(complex_normal(clean.shape, rng), clean, (4, 4, 4)) is None
    assert noise_correlation(9 + complex_normal(clean.shape, rng), clean + 9, (4, 4, 4)) is None


@pytest.mark.parametrize("level", [0.0, 20.0])
def test_filtered_complex_noise_is_measured(level):
    """A Gaussian k-space filter along x correlates neighbors by a known amount, in air and in tissue."""
    generator = torch.Generator().manual_seed(1)
    shape = (12, 64, 64)
    transfer = torch.exp(-0.5 * (torch.fft.fftfreq(64).abs() * 2 / 0.45) ** 2).expand(shape)
    rho = torch.fft.ifft(transfer[0, 0] ** 2).real
    expected = (rho / rho[0])[:4].numpy()
    noise = colour(torch.complex(*torch.randn((2, *shape), generator=generator)), transfer).numpy()
    clean = np.full(shape, level, np.complex64)
    found = noise_correlation(clean + noise.astype(np.complex64), clean, (4, 4, 4))
    np.testing.assert_allclose(found[2], expected, atol=0.03)
    np.testing.assert_allclose(found[1][1:], 0.0, atol=0.03)


def test_the_guard_gives_back_a_spot_that_differs_in_phase_only(rng):
    truth = np.full((9, 32, 32), 6.0, np.complex64)
    spots = truth.copy()
    spots[3:6, 15:18, 15:18] = 6.0 * np.exp(1.5j)
    noisy = spots + complex_normal(truth.shape, rng)
    guarded = give_back(noisy, truth)
    before, after = (np.abs(image[4, 16, 16] - spots[4, 16, 16]) for image in (truth, guarded))
    assert after < 0.5 * before
    np.testing.assert_allclose(give_back(1j * noisy, 1j * truth), 1j * guarded, atol=1e-4)


def test_the_guard_errs_as_seldom_as_for_real_values(rng):
    """What noise alone brings back, in each of its parts, is the same for one part and for two, and is little."""
    shape, returned = (16, 64, 64), []
    for high in (np.float32(50.0), np.complex64(50.0)):
        truth = np.full(shape, high)
        noise = complex_normal(shape, rng) if np.iscomplexobj(truth) else rng.standard_normal(shape, dtype=np.float32)
        change = np.abs(give_back(truth + noise, truth) - truth) ** 2
        returned.append(float(change.mean()) / (2 if np.iscomplexobj(truth) else 1))
    assert returned[0] < 0.05
    assert returned[1] == pytest.approx(returned[0], rel=0.2)
