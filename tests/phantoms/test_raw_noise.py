"""Noise of simulated raw scans: covariance, bandwidth, receiver filter; against the laws that it has to follow."""

import numpy as np
import pytest

from quietmr.phantoms.raw import RawProtocol, simulate_raw
from quietmr.phantoms.raw.receiver import draw_noise, filter_power
from quietmr.signal.fourier import to_image


def noise_of(protocol, seed=5):
    """Imaging readouts of the same scan with and without noise, subtracted."""
    noisy = simulate_raw(protocol, np.random.default_rng(seed))
    clean = simulate_raw(protocol, np.random.default_rng(seed), noise=False)
    return noisy.kspace.imaging.data - clean.kspace.imaging.data, noisy


def without_oversampling(readouts, count):
    image = to_image(readouts, (2,))
    start = image.shape[2] // 2 - count // 2
    return image[..., start : start + count]


def covariance_of(samples):
    flat = np.moveaxis(samples, 1, 0).reshape(samples.shape[1], -1).astype(complex)
    return flat @ flat.conj().T / flat.shape[1], flat.shape[1]


def deviation(found, expected):
    """Largest error of a covariance in units of the noise levels of its two coils."""
    level = np.sqrt(np.diag(expected).real)
    return float(np.abs((found - expected) / np.outer(level, level)).max())


@pytest.mark.parametrize("oversampling", [2, 4])
def test_covariance_in_the_image_is_the_one_of_the_truth(oversampling):
    protocol = RawProtocol(subject="disk", matrix=(64, 64, 1), coils=6, repetitions=16, oversampling=oversampling)
    noise, scan = noise_of(protocol)
    found, count = covariance_of(without_oversampling(noise, 64))
    # 36 entries with a standard error of 1 / sqrt(count) each.
    assert deviation(found, scan.truth.covariance) < 4.5 / np.sqrt(count)


def test_a_conjugated_covariance_would_be_noticed():
    scan = simulate_raw(RawProtocol(subject="disk", matrix=(32, 32, 1), coils=6), np.random.default_rng(5))
    assert deviation(scan.truth.covariance.conj(), scan.truth.covariance) > 0.1


def test_whitened_noise_has_unit_sd_in_each_component_and_each_column():
    protocol = RawProtocol(subject="disk", matrix=(64, 64, 1), coils=6, repetitions=24, gain_spread=6.0)
    noise, scan = noise_of(protocol)
    white = np.einsum("ab,nbx->nax", scan.truth.whitener, without_oversampling(noise, 64))
    count = white.size
    assert white.real.std() == pytest.approx(1.0, abs=4 / np.sqrt(2 * count))
    assert white.imag.std() == pytest.approx(1.0, abs=4 / np.sqrt(2 * count))
    columns = np.sqrt(np.square(np.abs(white)).mean(axis=(0, 1)) / 2)
    assert np.abs(columns - 1).max() < 4.5 / np.sqrt(4 * count / 64)
    crossed, samples = covariance_of(white)
    assert np.abs(crossed - 2 * np.eye(6)).max() < 2 * 4.5 / np.sqrt(samples)


@pytest.mark.parametrize(("dwell", "noise_dwell", "bandwidth"), [(5.0, 10.0, 0.793), (8.0, 4.0, 0.65), (5.0, 5.0, 1.0)])
def test_variance_of_the_noise_scan_goes_with_bandwidth(dwell, noise_dwell, bandwidth):
    protocol = RawProtocol(
        subject="disk",
        matrix=(64, 32, 1),
        coils=4,
        dwell_us=dwell,
        noise_dwell_us=noise_dwell,
        receiver_bandwidth=bandwidth,
        noise_readouts=1024,
    )
    scan = simulate_raw(protocol, np.random.default_rng(6))
    assert scan.kspace.noise is not None
    found, count = covariance_of(scan.kspace.noise.data)
    expected = scan.truth.covariance * (dwell / noise_dwell) * bandwidth
    # Colored samples tell less than white ones: by the mean of |H|^4 over the square of that of |H|^2, below 1.5.
    assert deviation(found, expected) < 4.5 * np.sqrt(1.5 / count)
    assert scan.kspace.system.bandwidth == bandwidth
    assert scan.kspace.noise.dwell_us == pytest.approx(noise_dwell)
    assert scan.kspace.imaging.dwell_us == pytest.approx(dwell)


@pytest.mark.parametrize("bandwidth", [0.6, 0.793, 0.95, 1.0])
def test_receiver_is_flat_in_the_middle_and_falls_to_the_edges(bandwidth):
    power = filter_power(256, bandwidth)
    np.testing.assert_array_equal(power[64:193], 1.0)
    assert power.mean() == pytest.approx(bandwidth, abs=1e-9)
    assert (np.diff(power[:65]) >= 0).all()
    assert (np.diff(power[192:]) <= 0).all()


def test_smallest_scan_with_the_narrowest_receiver():
    protocol = RawProtocol(subject="disk", matrix=(8, 8, 1), coils=2, receiver_bandwidth=0.6, calibration_lines=(4, 4))
    assert np.isfinite(simulate_raw(protocol, np.random.default_rng(0)).kspace.imaging.data).all()


def test_drawn_noise_has_the_spectrum_of_the_receiver(rng):
    noise = draw_noise(4000, 64, np.eye(1, dtype=complex), 0.7, rng)
    spectrum = np.square(np.abs(to_image(noise, (2,)))).mean(axis=(0, 1))
    expected = filter_power(64, 0.7)[::-1]
    error = np.abs(spectrum - np.roll(expected, 1)) / np.maximum(expected, 0.02)
    assert error.max() < 5 / np.sqrt(4000)


def test_averages_repetitions_and_coils_of_other_seeds_do_not_share_noise():
    protocol = RawProtocol(subject="disk", matrix=(32, 32, 1), coils=2, averages=2, repetitions=2)
    noise, scan = noise_of(protocol)
    headers = scan.kspace.imaging.headers
    parts = [
        noise[(headers["average"] == average) & (headers["repetition"] == repetition), 0].ravel()
        for average in range(2)
        for repetition in range(2)
    ]
    related = np.abs(np.corrcoef(np.stack(parts))) - np.eye(4)
    assert related.max() < 5 * np.sqrt(1.5 / parts[0].size)


def test_noise_of_an_asymmetric_echo_is_a_piece_of_the_same_process():
    protocol = RawProtocol(subject="disk", matrix=(64, 64, 1), coils=3, repetitions=12, asymmetric_echo=0.7)
    noise, scan = noise_of(protocol)
    assert noise.shape[2] == round(0.7 * 128)
    found, count = covariance_of(noise)
    assert deviation(found, 0.793 * scan.truth.covariance) < 4.5 * np.sqrt(1.5 / count)


def test_no_noise_scan_when_none_is_asked_for():
    protocol = RawProtocol(subject="disk", matrix=(32, 32, 1), coils=2, noise_readouts=0)
    assert simulate_raw(protocol, np.random.default_rng(0)).kspace.noise is None


def test_coils_that_see_the_same_tissue_share_its_noise_with_gains_and_cable_phases():
    protocol = RawProtocol(subject="disk", matrix=(48, 48, 1), coils=8, correlation=0.9)
    scan = simulate_raw(protocol, np.random.default_rng(8), noise=False)
    kspace = np.moveaxis(scan.kspace.imaging.data, 1, 0).reshape(8, -1).astype(complex)
    # By Parseval's theorem the overlap of the signals in k-space is that in the (nearly even) disk.
    overlap = kspace @ kspace.conj().T
    pairs = np.triu_indices(8, 1)
    levels = np.sqrt(np.diag(overlap).real)
    signal, noise = (overlap / np.outer(levels, levels))[pairs], scan.truth.covariance[pairs]
    level = np.sqrt(np.diag(scan.truth.covariance).real)
    noise = noise / np.outer(level, level)[pairs]
    coherence = (signal.conj() @ noise) / np.sqrt((np.abs(signal) ** 2).sum() * (np.abs(noise) ** 2).sum())
    assert coherence.real > 0.95
    assert np.abs(noise).max() > 0.3


@pytest.mark.parametrize("spread", [1.0, 6.0])
def test_gains_spread_as_asked_and_one_coil_is_enough(spread):
    protocol = RawProtocol(subject="disk", matrix=(32, 32, 1), coils=5, gain_spread=spread)
    level = np.sqrt(np.diag(simulate_raw(protocol, np.random.default_rng(0)).truth.covariance).real)
    assert level.max() / level.min() == pytest.approx(spread)
    single = simulate_raw(RawProtocol(subject="disk", matrix=(32, 32, 1), coils=1), np.random.default_rng(0))
    np.testing.assert_allclose(np.abs(single.truth.coil_maps), 1.0, atol=1e-6)
