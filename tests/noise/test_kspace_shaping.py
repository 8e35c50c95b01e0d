"""Windows keep the SD of white noise, agree with the published numbers, and leave the SD where they say."""

import numpy as np
import pytest
import torch

from quietmr.data import InputError
from quietmr.noise.kspace_shaping import (
    AxisFilters,
    axis_window,
    gaussian,
    kept_samples,
    local_sd,
    partial_fourier,
    shape_noise,
    unit_noise,
)
from quietmr.recon.partial_fourier import taper
from quietmr.signal import fourier, kspace_filters

RULES = ("acquired", "matrix")
SOME = [
    AxisFilters(),
    AxisFilters(0.55),
    AxisFilters(gaussian=2.25),
    AxisFilters(partial_fourier=0.55, side="late"),
    AxisFilters(0.7, 0.625, "early", 1.5),
    AxisFilters(0.85, 1.0, "late", 0.8),
]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("n", [1, 2, 5, 8, 16, 23, 64, 192])
@pytest.mark.parametrize("filters", SOME)
def test_every_window_has_mean_square_one_and_keeps_the_center(rule, n, filters):
    window = axis_window(n, filters, rule)
    assert window.shape == (n,)
    assert np.mean(window**2) == pytest.approx(1)
    assert window[n // 2] > 0
    assert window[n // 2] == window.max() or rule == "matrix"


def mirrored(*half, center):
    return np.array([*half, center, *half[::-1]])


def test_reference_gaussian_has_the_published_numbers():
    # snraware.md, section 1.2: executed reference code.
    even = np.array([0, *mirrored(0.475985, 0.778659, 1.106698, 1.36659, center=1.466137)])
    np.testing.assert_allclose(unit_noise(gaussian(10, 1.5, "matrix")), even, atol=2e-6)
    odd = mirrored(0.219666, 0.667286, 1.299696, center=1.623124)
    np.testing.assert_allclose(unit_noise(gaussian(7, 2.0, "matrix")), odd, atol=2e-6)


def test_reference_taper_has_the_published_numbers(monkeypatch):
    monkeypatch.setattr("quietmr.noise.kspace_shaping._REFERENCE_TAPER", 4)
    edge = [0.130193, 0.459854, 0.83473, 1.079413]
    expected = np.array([*edge, *[1.112973] * 16, *edge[::-1]])
    for side in ("early", "late"):  # the whole interval: both ends are tapered
        np.testing.assert_allclose(unit_noise(partial_fourier(24, 1.0, side, "matrix")), expected, atol=2e-6)


@pytest.mark.parametrize("n", [64, 65])
def test_reference_partial_fourier_keeps_one_sample_more_at_the_early_side(n):
    early, late = (partial_fourier(n, 0.7, side, "matrix") for side in ("early", "late"))
    assert np.flatnonzero(early).tolist() == list(range(int(0.7 * n) + 1))
    assert np.flatnonzero(late).tolist() == list(range(n - int(0.7 * n), n))


@pytest.mark.parametrize("n", [48, 63, 64])
@pytest.mark.parametrize("ratio", [0.51, 0.55, 0.625, 0.75, 0.875, 1.0])
@pytest.mark.parametrize("side", ["early", "late"])
def test_acquired_windows_are_those_of_the_reconstruction(n, ratio, side):
    kept = max(round(ratio * n), n // 2 + 1)
    first, last = (0, kept - 1) if side == "early" else (n - kept, n - 1)
    expected = kspace_filters.gaussian(n, 1.5) * taper(n, first, last, 0.1)
    window = axis_window(n, AxisFilters(1.0, ratio, side, 1.5), "acquired")
    np.testing.assert_allclose(window, expected / np.sqrt(np.mean(expected**2)), atol=1e-12)


@pytest.mark.parametrize("n", [16, 33, 64])
def test_acquired_windows_are_made_on_what_was_measured_and_zero_filled(n):
    filters = AxisFilters(0.7, gaussian=2.0)
    kept = kept_samples(n, 0.7)
    m = kept.stop - kept.start
    assert m == n - 2 * int((n - 0.7 * n) // 2)
    assert n // 2 - kept.start == m // 2  # k = 0 of the small matrix is k = 0 of the large one
    window = axis_window(n, filters, "acquired")
    assert np.flatnonzero(window).tolist() == list(range(kept.start, kept.stop))
    ratio = window[kept] / gaussian(m, 2.0, "acquired")
    np.testing.assert_allclose(ratio, ratio[0])


def test_unit_noise_needs_a_sample():
    with pytest.raises(InputError, match="keeps none"):
        unit_noise(np.zeros(8))


@pytest.mark.parametrize("n", [32, 33])
def test_shaping_is_the_centered_transform_times_the_window(n):
    rng = np.random.default_rng(1)
    image = rng.standard_normal((3, 20, n)) + 1j * rng.standard_normal((3, 20, n))
    window = axis_window(n, AxisFilters(0.8, 0.75, "late", 1.0), "acquired")
    expected = fourier.to_image(fourier.to_kspace(image.copy(), (-1,)) * window, (-1,))
    shaped = shape_noise(torch.from_numpy(image), {-1: window})
    np.testing.assert_allclose(shaped.numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_local_sd_is_that_of_the_filter_as_a_matrix_and_stays_within_the_map(rule):
    g = 1 + 3 * torch.rand((1, 30, 41), generator=torch.Generator().manual_seed(2))
    y, x = axis_window(30, AxisFilters(0.7, 0.75, "early", 1.5), rule), axis_window(41, SOME[3], rule)
    sd = local_sd(g, {-2: y, -1: x})
    # the point spread of a window as a matrix: independent noise adds its squares
    spread_y, spread_x = (
        np.abs(fourier.to_image(fourier.to_kspace(np.eye(len(w), dtype=complex), (0,)) * w[:, None], (0,))) ** 2
        for w in (y, x)
    )
    expected = np.sqrt(spread_y @ np.square(g[0].double().numpy()) @ spread_x.T)
    np.testing.assert_allclose(sd[0].numpy(), expected, rtol=1e-5)
    assert float(g.min()) <= float(sd.min()) <= float(sd.max()) <= float(g.max())
    flat = torch.full((1, 30, 41), 2.5)
    torch.testing.assert_close(local_sd(flat, {-2: y, -1: x}), flat)


def test_local_sd_leaves_an_axis_alone_along_which_the_map_is_one_value():
    g = 1 + torch.rand((4, 1, 9), generator=torch.Generator().manual_seed(2))
    assert torch.equal(local_sd(g, {-2: axis_window(30, SOME[1], "matrix")}), g)
