"""MR noise has the SD, the spectrum and the place that its law says; tolerances are sampling errors in closed form."""

from dataclasses import replace
from math import exp, pi, sqrt

import numpy as np
import pytest
import torch

from quietmr.data import InputError
from quietmr.noise.kspace_shaping import AxisFilters, local_sd
from quietmr.noise.mr_law import OURS, PAPER, REFERENCE
from quietmr.noise.mr_noise import MrNoiseDraw, apply, draw, unit_frames, windows
from quietmr.noise.sample_seed import white_noise

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
LAWS = {"ours": OURS, "paper": PAPER, "reference": REFERENCE}
FILTERED = MrNoiseDraw(
    sigma=6.0,
    y=AxisFilters(0.7, 0.75, "late", 1.5),
    x=AxisFilters(gaussian=2.25),
    temporal=0.0,
    gmap=0,
    seed=5,
    convention=OURS.convention,
)
WHITE = replace(FILTERED, y=AxisFilters(), x=AxisFilters())


def nothing(*shape, device="cpu"):
    return torch.zeros(shape, dtype=torch.complex64, device=device)


def channel_sd(noise):
    return float(noise.abs().square().mean().div(2).sqrt())


def spread_of_sd(one, shape):
    """Relative standard error of the SD of shaped noise: sqrt(mean P^2 / n) / 2 for a spectrum P of mean 1."""
    power = np.prod([np.mean(window**4) for window in windows(one, shape).values()])
    temporal = 4.0 if one.temporal else 1.0  # more than the mean P^2 of the strongest temporal filter
    return 0.5 * sqrt(power * temporal / np.prod(shape))


def ramp_map(y, x):
    """Map of g from 1 to 5 with a sharp edge, where the order of g and filter matters."""
    g = torch.linspace(1, 3, x).repeat(y, 1)
    g[y // 3 : y // 2] += 2
    return g[None]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("seed", range(8))
def test_sd_per_channel_is_sigma_whatever_the_filters(name, seed, device):
    shape = (16, 96, 80)
    one = draw(np.random.default_rng(seed), shape, LAWS[name])
    noisy = apply(one, nothing(*shape, device=device)).noisy
    assert noisy.device.type == device
    expected = one.sigma / sqrt(one.sigma**2 + 1)
    assert channel_sd(noisy) == pytest.approx(expected, rel=4.5 * spread_of_sd(one, shape))
    for channel in (noisy.real, noisy.imag):
        tolerance = 6 * sqrt(2) * spread_of_sd(one, shape)
        assert float(channel.square().mean().sqrt()) == pytest.approx(expected, rel=tolerance)


@pytest.mark.parametrize("sigma", [0.1, 1.0, 7.5, 31.0])
@pytest.mark.parametrize("g", [1.0, 2.0, 8.0])
@pytest.mark.parametrize("name", LAWS)
def test_pair_of_a_scan_without_signal_has_the_sd_of_the_closed_form(sigma, g, name):
    shape = (24, 64, 64)
    native = white_noise(shape, 99, nothing(1, 1, 1))
    one = replace(FILTERED, sigma=sigma, convention=LAWS[name].convention)
    noisy, clean, told = apply(one, native, torch.full((1, 1, 64, 64), g))
    expected = sqrt((1 + sigma**2 * g**2) / (1 + sigma**2))
    assert channel_sd(noisy) == pytest.approx(expected, rel=4.5 * spread_of_sd(one, shape))
    assert float(told.mean()) == pytest.approx(expected if name == "ours" else g)
    assert channel_sd(clean) == pytest.approx(1.0 if name == "paper" else 1 / sqrt(1 + sigma**2), rel=0.01)


@pytest.mark.parametrize("name", LAWS)
def test_pair_is_the_formula(name):
    shape = (3, 24, 32)
    one = replace(FILTERED, convention=LAWS[name].convention)
    signal = 50 * white_noise(shape, 1, nothing(1, 1, 1))
    g = ramp_map(24, 32)[None]
    noisy, clean, told = apply(one, signal, g)
    added = apply(one, nothing(*shape), g).noisy
    scale = 1 / sqrt(one.sigma**2 + 1)
    torch.testing.assert_close(noisy, signal * scale + added, rtol=1e-4, atol=1e-4)
    assert torch.equal(clean, signal) if name == "paper" else torch.equal(clean, signal * scale)
    assert told.shape == noisy.shape == clean.shape
    assert name == "ours" or torch.equal(told, g[0].expand(shape))


@pytest.mark.parametrize("rule", ["acquired", "matrix"])
def test_spectrum_is_the_square_of_the_filters(rule):
    shape = (400, 32, 40)
    one = replace(FILTERED, convention=replace(OURS.convention, windows=rule))
    noise = apply(replace(one, gmap=None), nothing(*shape)).noisy * sqrt(one.sigma**2 + 1) / one.sigma
    kspace = torch.fft.fftshift(torch.fft.fft2(noise, norm="ortho"), dim=(-2, -1))
    power = (kspace.abs().square().mean(dim=0) / 2).numpy()
    shaping = windows(one, shape)
    expected = np.outer(shaping[-2] ** 2, shaping[-1] ** 2)
    np.testing.assert_allclose(power[expected == 0], 0, atol=1e-8)
    seen = expected > 1e-6
    z = (power[seen] / expected[seen] - 1) * sqrt(shape[0])  # a mean of 400 exponential values
    assert np.abs(z).max() < 5.5  # about 500 values
    assert np.mean(z**2) == pytest.approx(1, abs=4.5 * sqrt(2 / seen.sum()))


@pytest.mark.parametrize("strength", [1.5, 2.25])
def test_gaussian_filter_gives_its_correlation_length(strength):
    # Power exp(-(2 s f)^2) over frequencies f, in cycles per pixel, is the correlation exp(-(pi d / (2 s))^2) over
    # distances d; what the filter leaves at the edge of k-space (up to 11 %) adds a little.
    one = replace(WHITE, x=AxisFilters(gaussian=strength), gmap=None)
    noise = apply(one, nothing(64, 64, 64)).noisy
    power = noise.abs().square().mean()
    for distance in (1, 2, 3):
        correlation = (noise * noise.roll(distance, dims=-1).conj()).mean() / power
        expected = exp(-((pi * distance / (2 * strength)) ** 2))
        assert float(correlation.real) == pytest.approx(expected, abs=0.05 if strength < 2 else 0.01)
        assert float(correlation.imag) == pytest.approx(0, abs=0.01)
    across = (noise * noise.roll(1, dims=-2).conj()).mean().abs() / power
    assert float(across) < 0.01


def z_of_sd(noise, expected):
    """Deviation of the SD over frames from a map, in its standard errors 1 / sqrt(4 T)."""
    sd = noise.abs().square().mean(dim=0).div(2).sqrt()
    return (sd / expected - 1) * sqrt(4 * noise.shape[0])


def test_order_of_g_and_filter_shows_in_the_local_sd_as_the_closed_forms_say():
    shape = (1000, 36, 40)
    g = ramp_map(36, 40)
    closed = {"filter-then-g": g[0], "g-then-filter": local_sd(g, windows(FILTERED, shape))[0]}
    apart = (closed["g-then-filter"] / closed["filter-then-g"] - 1).abs()
    assert float(apart.max()) > 0.15
    for order, other in (("filter-then-g", "g-then-filter"), ("g-then-filter", "filter-then-g")):
        one = replace(FILTERED, convention=replace(OURS.convention, order=order))
        noise = apply(one, nothing(*shape), g[None]).noisy * sqrt(one.sigma**2 + 1) / one.sigma
        z = z_of_sd(noise, closed[order])
        assert float(z.abs().max()) < 5
        assert float(z.square().mean()) == pytest.approx(1, abs=0.25)  # correlated: some 400 independent pixels
        assert float(z_of_sd(noise, closed[other]).abs().max()) > 8


@pytest.mark.parametrize("native_sd", [0.0, 1.0])
@pytest.mark.parametrize("sigma", [0.5, 6.0])
def test_map_that_is_told_is_the_sd_of_the_noise_there_is(native_sd, sigma):
    shape = (1000, 36, 40)
    one = replace(FILTERED, sigma=sigma)
    native = native_sd * white_noise(shape, 77, nothing(1, 1, 1))
    noisy, _, told = apply(one, native, ramp_map(36, 40)[None], native_sd=native_sd)
    z = z_of_sd(noisy, told[0])
    assert float(z.abs().max()) < 5
    assert float(z.square().mean()) == pytest.approx(1, abs=0.25)


def frame_correlation(noise, first, second):
    return float((noise[first] * noise[second].conj()).mean().real / noise.abs().square().mean())


def test_circular_temporal_filter_joins_last_and_first_frame_as_the_reference_does():
    one = replace(WHITE, temporal=2.25, gmap=None, convention=REFERENCE.convention)
    noise = unit_frames(one, nothing(16, 128, 128))
    # snraware.md section 1.3: 0.69 in the executed reference code, strength 2.25, T = 16.
    assert frame_correlation(noise, -1, 0) == pytest.approx(0.69, abs=0.02)
    assert frame_correlation(noise, 4, 5) == pytest.approx(0.69, abs=0.02)
    assert channel_sd(noise) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("frames", [3, 16])
def test_temporal_filter_that_does_not_wrap_is_the_same_at_all_frames(frames):
    one = replace(WHITE, temporal=2.25, gmap=None)
    noise = unit_frames(one, nothing(frames, 128, 128))
    error = 1 / sqrt(2 * 128 * 128)
    near = exp(-((pi / (2 * 2.25)) ** 2))
    for frame in range(frames):
        assert channel_sd(noise[frame]) == pytest.approx(1, abs=4 * error)
    for frame in range(frames - 1):
        assert frame_correlation(noise, frame, frame + 1) == pytest.approx(near, abs=0.01 + 4 * error)
    far = exp(-((pi * (frames - 1) / (2 * 2.25)) ** 2))
    assert frame_correlation(noise, 0, -1) == pytest.approx(far, abs=0.01 + 4 * error)


def test_leading_axes_share_filters_but_no_noise():
    noise = apply(replace(FILTERED, gmap=None), nothing(2, 4, 64, 64)).noisy
    outside = np.flatnonzero(windows(FILTERED, (64, 64))[-2] == 0)
    kspace = torch.fft.fftshift(torch.fft.fft(noise, dim=-2), dim=-2)
    assert float(kspace[..., outside, :].abs().max()) < 1e-4
    overlap = (noise[0] * noise[1].conj()).mean().abs() / noise.abs().square().mean()
    assert float(overlap) < 0.05


def test_g_map_that_changes_over_time_is_used_frame_by_frame():
    g = torch.tensor([1.0, 4.0]).reshape(1, 2, 1, 1).expand(1, 2, 64, 64)
    noisy, _, told = apply(replace(WHITE, sigma=100.0), nothing(2, 64, 64), g)
    for frame, expected in enumerate((1.0, 4.0)):
        assert channel_sd(noisy[frame]) == pytest.approx(expected, rel=0.03)
        torch.testing.assert_close(told[frame], torch.full((64, 64), expected), rtol=1e-2, atol=0)


@pytest.mark.parametrize("name", LAWS)
def test_law_without_filters_is_white(name):
    rng = np.random.default_rng(1)
    for _ in range(50):
        one = draw(rng, (8, 32, 32), LAWS[name].only_white(), 1)
        assert windows(one, (8, 32, 32)) == {} and one.temporal == 0


@pytest.mark.parametrize(
    ("signal", "gmaps", "told"),
    [
        (torch.zeros((2, 8, 8)), None, "complex"),
        (nothing(8, 8), None, "complex"),
        (nothing(2, 8, 8), None, "drawn for g-map 0"),
        (nothing(2, 8, 8), torch.ones((0, 1, 8, 8)), "drawn for g-map 0"),
        (nothing(2, 8, 8), torch.ones((1, 1, 8, 7)), "does not fit"),
        (nothing(2, 8, 8), torch.ones((1, 3, 8, 8)), "does not fit"),
        (nothing(2, 8, 8), torch.ones((1, 8, 8)), "does not fit"),
        (nothing(2, 8, 8), torch.zeros((1, 1, 8, 8)), "not positive"),
        (nothing(2, 8, 8), torch.full((1, 1, 8, 8), torch.nan), "not positive"),
    ],
)
def test_what_cannot_be_used_is_refused(signal, gmaps, told):
    with pytest.raises(InputError, match=told):
        apply(FILTERED, signal, gmaps)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 8, 8), (2, 5, 3), (3, 1, 17)])
@pytest.mark.parametrize("name", LAWS)
def test_any_size_gets_its_noise(shape, name):
    rng = np.random.default_rng(4)
    for _ in range(10):
        noisy = apply(draw(rng, shape, LAWS[name]), nothing(*shape)).noisy
        assert noisy.shape == shape
        assert bool(torch.isfinite(torch.view_as_real(noisy)).all())
