"""The taper keeps noise known; POCS finds the missing side and changes the noise as its docstring says."""

import numpy as np
import pytest
import torch

from quietmr.data import InputError
from quietmr.recon.partial_fourier import pocs, taper
from quietmr.recon.tensor_fourier import to_image, to_kspace


def white(rng, *shape):
    return torch.from_numpy((rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64))


def test_the_taper_falls_only_at_the_cut_edge():
    window = taper(64, 16, 63, 0.2)
    assert (window[:16] == 0).all()
    assert (window[23:] == 1).all()
    assert (np.diff(window[15:23]) > 0).all()
    mirrored = taper(65, 0, 48, 0.2)
    assert (mirrored[49:] == 0).all() and (mirrored[:42] == 1).all()
    assert (np.diff(mirrored[42:50]) < 0).all()


@pytest.mark.parametrize(("n", "first", "last"), [(64, 0, 63), (65, 0, 64), (64, 10, 54), (65, 10, 54)])
def test_scans_without_a_cut_are_not_tapered(n, first, last):
    window = taper(n, first, last, 0.3)
    np.testing.assert_array_equal(window, (np.arange(n) >= first) & (np.arange(n) <= last))


@pytest.mark.parametrize("width", [0.0, 0.3, 1.0])
def test_the_taper_leaves_the_center(width):
    window = taper(64, 24, 63, width)
    assert window[32] > 0.99
    assert window[24] > 0


def test_the_tapered_noise_is_known(rng):
    n, first = 64, 16
    window = taper(n, first, n - 1, 0.25)
    scaled = torch.from_numpy((window / np.sqrt(np.mean(window**2))).astype(np.float32))
    image = to_image(white(rng, 500, 1, n, 20) * scaled[:, None], (-2,))
    assert torch.view_as_real(image).std().item() == pytest.approx(1, abs=4e-3)


@pytest.mark.parametrize(("first", "last"), [(40, 63), (0, 20), (-1, 63), (0, 64)])
def test_a_scan_without_center_is_refused(first, last):
    with pytest.raises(InputError, match="center"):
        taper(64, first, last, 0.1)


def body(n_y, n_x):
    """An object with sharp edges and a smooth phase."""
    y, x = np.meshgrid((np.arange(n_y) - n_y // 2) / n_y, (np.arange(n_x) - n_x // 2) / n_x, indexing="ij")
    size = 1.0 * ((y / 0.4) ** 2 + (x / 0.35) ** 2 < 1) + 1.0 * (((y - 0.1) / 0.1) ** 2 + (x / 0.15) ** 2 < 1)
    phase = np.exp(1j * (0.8 * np.sin(4 * y + 1) + 0.7 * x))
    return torch.from_numpy((size * phase).astype(np.complex64))[None], torch.from_numpy(phase.astype(np.complex64))[
        None
    ]


@pytest.mark.parametrize(("n_y", "n_x"), [(96, 80), (97, 64)])
@pytest.mark.parametrize("sixteenths", [10, 12])
@pytest.mark.parametrize("late", [False, True])
def test_pocs_finds_the_missing_side(n_y, n_x, sixteenths, late):
    image, _ = body(n_y, n_x)
    sampled = np.arange(n_y) >= n_y - n_y * sixteenths // 16
    sampled = sampled if late else sampled[::-1].copy()
    kspace = to_kspace(image, (-2,))
    cut = to_image(kspace * torch.from_numpy(sampled)[:, None], (-2,))
    filled = pocs(cut, (None, sampled, None))
    assert (filled - image).abs().square().sum() < 0.1 * (cut - image).abs().square().sum()
    np.testing.assert_allclose(to_kspace(filled, (-2,))[:, sampled], kspace[:, sampled], atol=1e-4)


def test_pocs_along_the_readout(rng):
    image, _ = body(64, 96)
    sampled = np.arange(96) >= 30
    cut = to_image(to_kspace(image, (-1,)) * torch.from_numpy(sampled), (-1,))
    filled = pocs(cut, (None, None, sampled))
    assert (filled - image).abs().square().sum() < 0.1 * (cut - image).abs().square().sum()


@pytest.mark.parametrize("eighths", [5, 6])
def test_pocs_noise_is_what_the_docstring_says(rng, eighths):
    n_y, n_x, snr, n_replicas = 64, 48, 400.0, 200
    _, phase = body(n_y, n_x)
    n = n_y * eighths // 8
    sampled = np.arange(n_y) >= n_y - n
    noise = white(rng, n_replicas, 1, n_y, n_x)
    kspace = (to_kspace(phase * snr, (-2,)) + noise) * torch.from_numpy(sampled)[:, None] * np.sqrt(n_y / n)
    filled = pocs(to_image(kspace, (-2,)), (None, sampled, None), iterations=12)
    turned = ((filled - filled.mean(0)) * phase.conj())[..., 10:-10, 10:-10]
    assert turned.real.std().item() == pytest.approx(np.sqrt((3 * n_y - 2 * n) / n), rel=0.03)
    assert turned.imag.std().item() == pytest.approx(np.sqrt((2 * n - n_y) / n), rel=0.06)


def test_pocs_without_a_cut_changes_nothing(rng):
    image = white(rng, 1, 8, 8)
    assert pocs(image, (None, np.ones(8, dtype=bool), None)) is image


def test_pocs_refuses_what_it_cannot_fill(rng):
    image = white(rng, 1, 8, 8)
    with pytest.raises(InputError, match="center"):
        pocs(image, (None, np.arange(8) > 4, None))
    with pytest.raises(InputError, match="axis of 8"):
        pocs(image, (None, np.arange(9) > 3, None))
