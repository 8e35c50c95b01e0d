"""Coil maps against the truth of a smooth ring: direction, unit norm, continuous phase."""

import numpy as np
import pytest
import torch

from quietmr.data import InputError
from quietmr.recon import coil_maps as coil_maps_module
from quietmr.recon.coil_maps import coil_maps
from quietmr.recon.sense import sense_unmixing
from quietmr.signal.fourier import to_kspace

METHODS = ("inati", "walsh")


def positions(shape):
    return np.meshgrid(*[(np.arange(n) - n // 2) / n for n in shape], indexing="ij")


def ring(n_coils, shape):
    """Maps of coils around the field of view; the phase of each follows its angle, as that of a real loop."""
    z, y, x = positions(shape)
    maps = []
    for c in range(n_coils):
        angle, height = 2 * np.pi * c / n_coils, (0.4 if c % 2 else -0.4) * (shape[0] > 1)
        dy, dx, dz = y - 0.75 * np.sin(angle), x - 0.75 * np.cos(angle), z - height
        maps.append((dx + 1j * dy) / (dy**2 + dx**2 + dz**2 + 0.06) ** 1.5)
    stacked = np.stack(maps)
    return stacked / np.sqrt((np.abs(stacked) ** 2).sum(0))


def body(shape):
    """An ellipse with bright rim, two dark organs and a smooth phase; a rounded slab along z."""
    z, y, x = positions(shape)
    inside = (y / 0.38) ** 2 + (x / 0.42) ** 2 + (z / 0.4) ** 2 * (shape[0] > 1) < 1
    size = 1.0 * inside + 1.5 * (inside & ((y / 0.33) ** 2 + (x / 0.37) ** 2 > 1))
    for side in (-0.17, 0.17):
        size[inside & ((y / 0.2) ** 2 + ((x - side) / 0.1) ** 2 < 1)] = 0.15
    return size * np.exp(1j * (1.5 * np.sin(5 * x) + 2 * y)), inside


def calibration(maps, image, block, snr, rng):
    kspace = to_kspace(maps * image * snr, (1, 2, 3))
    cut = tuple(slice(n // 2 - k // 2, n // 2 - k // 2 + k) for n, k in zip(image.shape, block, strict=True))
    center = kspace[(slice(None), *cut)]
    noise = rng.standard_normal((*center.shape, 2)) @ [1, 1j] if rng is not None else 0
    return torch.from_numpy((center + noise).astype(np.complex64))


def likeness(estimate, truth):
    return np.abs((estimate.numpy().conj() * truth).sum(0))


CASES = [
    (16, (1, 128, 128), (1, 32, 128)),
    (12, (1, 96, 129), (1, 24, 129)),
    (8, (1, 144, 100), (1, 144, 100)),
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("n_coils", "shape", "block"), CASES)
def test_maps_are_the_true_ones(n_coils, shape, block, method):
    truth, (image, inside) = ring(n_coils, shape), body(shape)
    found = likeness(coil_maps(calibration(truth, image, block, 20, None), shape, method), truth)
    assert np.median(found[inside]) > 0.9995
    assert np.percentile(found[inside], 1) > 0.995


@pytest.mark.parametrize("method", METHODS)
def test_maps_of_noisy_data_are_nearly_the_true_ones(rng, method):
    shape = (1, 128, 128)
    truth, (image, inside) = ring(16, shape), body(shape)
    found = likeness(coil_maps(calibration(truth, image, (1, 32, 128), 20, rng), shape, method), truth)
    assert np.median(found[inside]) > 0.999
    assert np.percentile(found[inside], 1) > 0.97


@pytest.mark.parametrize("method", METHODS)
def test_volumes(rng, method):
    shape = (32, 48, 40)
    truth, (image, inside) = ring(12, shape), body(shape)
    maps = coil_maps(calibration(truth, image, (24, 24, 40), 20, rng), shape, method)
    found = likeness(maps, truth)
    assert np.median(found[inside]) > 0.998
    np.testing.assert_allclose(maps.abs().square().sum(0), 1, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_the_norm_is_one_everywhere_and_the_phase_continuous_in_the_object(rng, method):
    shape = (1, 128, 96)
    truth, (image, inside) = ring(12, shape), body(shape)
    maps = coil_maps(calibration(truth, image, (1, 24, 96), 20, rng), shape, method).numpy()
    assert maps.dtype == np.complex64
    np.testing.assert_allclose((np.abs(maps) ** 2).sum(0), 1, atol=1e-5)
    for axis in (2, 3):
        ahead = np.roll(maps, -1, axis)
        both = inside & np.roll(inside, -1, axis - 1)
        assert np.abs(np.angle((ahead.conj() * maps).sum(0)))[both].max() < 0.3


@pytest.mark.parametrize("method", METHODS)
def test_continuous_even_if_the_plain_sum_of_the_coils_vanishes(method):
    """Coils whose phases turn once around the ring cancel in the center: a fixed sum is no phase reference there."""
    shape = (1, 96, 96)
    truth, (image, inside) = ring(16, shape), body(shape)
    center = (0, 48, 48)
    assert np.abs(truth.sum(0))[center] < 0.05
    maps = coil_maps(calibration(truth, image, (1, 32, 96), 20, None), shape, method).numpy()
    around = np.angle((np.roll(maps, -1, 3).conj() * maps).sum(0))
    assert np.abs(around[inside & np.roll(inside, -1, 2)]).max() < 0.3


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scale", [1e-12, 1e9])
def test_the_scale_of_the_data_does_not_matter(method, scale):
    shape = (1, 48, 48)
    truth, (image, _) = ring(6, shape), body(shape)
    data = calibration(truth, image, (1, 24, 48), 20, None)
    np.testing.assert_allclose(coil_maps(data * scale, shape, method), coil_maps(data, shape, method), atol=1e-3)


def test_both_methods_agree():
    shape = (1, 96, 80)
    truth, (image, inside) = ring(10, shape), body(shape)
    data = calibration(truth, image, (1, 32, 80), 20, None)
    one, other = (coil_maps(data, shape, method) for method in METHODS)
    assert np.percentile(likeness(one, other.numpy())[inside], 1) > 0.998


def test_maps_on_a_finer_and_a_coarser_grid_lie_in_the_same_place():
    shape = (1, 96, 80)
    truth, (image, _) = ring(10, shape), body(shape)
    data = calibration(truth, image, (1, 32, 80), 20, None)
    for other in ((1, 144, 81), (1, 50, 40)):
        _, inside = body(other)
        found = likeness(coil_maps(data, other), ring(10, other))
        assert np.median(found[inside]) > 0.999


def test_the_g_factor_of_the_estimate_is_the_true_one():
    shape = (1, 128, 128)
    truth, (image, inside) = ring(16, shape), body(shape)
    maps = coil_maps(calibration(truth, image, (1, 32, 128), 20, None), shape)
    g, true_g = (
        sense_unmixing(m, 2).abs().square().sum(0).sqrt().numpy()
        for m in (maps, torch.from_numpy(truth.astype(np.complex64)))
    )
    both = inside & np.roll(inside, 64, 1)
    assert np.median((g / true_g)[both]) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("method", METHODS)
def test_one_coil(method):
    shape = (1, 40, 40)
    image, _ = body(shape)
    maps = coil_maps(calibration(np.ones((1, *shape)), image, (1, 24, 40), 20, None), shape, method)
    np.testing.assert_allclose(maps, 1, atol=1e-5)


def test_what_gives_no_maps_is_refused():
    data = torch.ones(4, 1, 24, 32, dtype=torch.complex64)
    with pytest.raises(InputError, match="inati or walsh"):
        coil_maps(data, (1, 32, 32), "espirit")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="without a signal"):
        coil_maps(data * 0, (1, 32, 32))
    with pytest.raises(InputError, match="without a signal"):
        coil_maps(data * torch.nan, (1, 32, 32))
    with pytest.raises(InputError, match="one partition"):
        coil_maps(data, (8, 32, 32))
    with pytest.raises(InputError, match="complex calibration"):
        coil_maps(data.real, (1, 32, 32))


def test_maps_stay_true_where_their_phase_winds():
    """A map does not vanish where the reference of its phase does: interpolation must not let neighbors cancel."""
    n, m = 24, 96
    y, x = torch.meshgrid(torch.arange(n) - n // 2 + 0.5, torch.arange(n) - n // 2 + 0.5, indexing="ij")
    winding = torch.polar(torch.ones(n, n), torch.atan2(y, x))
    smooth = torch.stack([torch.ones(n, n), 0.6 + 0.02 * x, 0.8 + 0.02j * y])
    smooth = smooth / torch.linalg.vector_norm(smooth, dim=0)
    fine = coil_maps_module._interpolate((smooth * winding)[:, None], (1, m, m))[:, 0]
    plain = coil_maps_module._interpolate(smooth[:, None].to(torch.complex64), (1, m, m))[:, 0]
    overlap = (fine.conj() * plain).sum(dim=0).abs()
    assert overlap[8:-8, 8:-8].min() > 0.999
