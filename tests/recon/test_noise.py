"""Noise covariance and whitening against known covariance, dwell times and receiver bandwidth."""

from dataclasses import replace

import numpy as np
import pytest

from quietmr.data import READOUT, InputError, QuietmrWarning, Readouts, System
from quietmr.recon.covariance import noise_covariance
from quietmr.recon.whitening import whitening

from .scans import repeated_scan


def _noise(psi: np.ndarray, n: int, rng: np.random.Generator, dwell: float = 10.0, samples: int = 256) -> Readouts:
    white = rng.standard_normal((n, len(psi), samples, 2)) @ [1, 1j] / np.sqrt(2)
    headers = np.zeros(n, READOUT)
    headers["sample_time_us"] = dwell
    return Readouts((np.linalg.cholesky(psi) @ white).astype(np.complex64), headers)


def _covariance(n_coils: int, rng: np.random.Generator) -> np.ndarray:
    mixed = rng.standard_normal((n_coils, n_coils, 2)) @ [1, 1j]
    return mixed @ mixed.conj().T / n_coils + 0.1 * np.eye(n_coils)


def test_covariance_is_that_of_the_coils(rng: np.random.Generator) -> None:
    psi = _covariance(6, rng)
    found = noise_covariance(_noise(psi, 400, rng)).matrix
    sd = np.sqrt(psi.diagonal().real)
    # sampling error of each element: 1 / sqrt(M), M = 102400
    assert (np.abs(found - psi) / np.outer(sd, sd)).max() < 5 / np.sqrt(400 * 256)


def test_whitened_noise_has_identity_covariance_per_component(rng: np.random.Generator) -> None:
    psi = _covariance(8, rng)
    noise = noise_covariance(_noise(psi, 200, rng))
    white = whitening(noise, 10.0, System(bandwidth=1.0))
    fresh = _noise(psi, 400, rng).data
    whitened = np.einsum("ab,nbs->ans", white.matrix, fresh).reshape(8, -1)
    for part in (whitened.real, whitened.imag):
        np.testing.assert_allclose(part @ part.T / part.shape[1], np.eye(8), atol=0.03)
    np.testing.assert_allclose(whitened.real @ whitened.imag.T / whitened.shape[1], 0, atol=0.03)


def test_dwell_and_bandwidth_enter_as_variances(rng: np.random.Generator) -> None:
    noise = noise_covariance(_noise(_covariance(4, rng), 50, rng, dwell=10.0))
    plain = whitening(noise, 10.0, System(bandwidth=1.0)).matrix
    # imaging at half the dwell has twice the noise variance
    np.testing.assert_allclose(whitening(noise, 5.0, System(bandwidth=1.0)).matrix, plain * np.sqrt(0.5))
    np.testing.assert_allclose(whitening(noise, 10.0, System(bandwidth=0.64)).matrix, plain * 0.8)


def test_bandwidth_is_measured_where_the_header_is_silent() -> None:
    scan = repeated_scan(repetitions=1, noise_readouts=512)
    noise = noise_covariance(scan.kspace.noise)
    system = replace(scan.kspace.system, bandwidth=None)
    white = whitening(noise, scan.kspace.imaging.dwell_us, system)
    assert white.facts["bandwidth_origin"] == "measured"
    assert abs(white.facts["bandwidth"] / 0.793 - 1) < 0.02


def test_truth_whitener_agrees() -> None:
    scan = repeated_scan(repetitions=1, noise_readouts=1024)
    white = whitening(noise_covariance(scan.kspace.noise), scan.kspace.imaging.dwell_us, scan.kspace.system)
    product = white.matrix @ scan.truth.covariance @ white.matrix.conj().T / 2
    np.testing.assert_allclose(product, np.eye(len(product)), atol=0.03)


@pytest.mark.parametrize(
    ("system", "origin", "value"),
    [
        (System(vendor="SIEMENS"), "usual for Siemens", 0.793),
        (System(vendor="GE"), "assumed", 1.0),
        (System(bandwidth=0.5), "header", 0.5),
    ],
)
def test_bandwidth_policy(system: System, origin: str, value: float, rng: np.random.Generator) -> None:
    facts = whitening(noise_covariance(_noise(_covariance(3, rng), 10, rng)), 10.0, system).facts
    assert (facts["bandwidth_origin"], facts["bandwidth"]) == (origin, value)


def test_nonsense_bandwidth_of_a_converter_is_not_used(rng: np.random.Generator) -> None:
    noise = noise_covariance(_noise(_covariance(3, rng), 10, rng))
    with pytest.warns(QuietmrWarning, match="no ratio"):
        facts = whitening(noise, 10.0, System(bandwidth=62500.0)).facts
    assert facts["bandwidth"] == 1.0
    with pytest.raises(InputError, match="not in hertz"):
        whitening(noise, 10.0, System(), bandwidth=62500.0)


def test_suspicious_dwell_is_told(rng: np.random.Generator) -> None:
    noise = noise_covariance(_noise(_covariance(3, rng), 10, rng, dwell=5000.0))
    with pytest.warns(QuietmrWarning, match="suspicious"):
        whitening(noise, 5.0, System(bandwidth=1.0))
    silent = noise_covariance(_noise(_covariance(3, rng), 10, rng, dwell=0.0))
    with pytest.warns(QuietmrWarning, match="does not say the dwell"):
        whitening(silent, 5.0, System(bandwidth=1.0))


def test_too_few_noise_samples(rng: np.random.Generator) -> None:
    psi = _covariance(8, rng)
    with pytest.raises(InputError, match="at least 16 are needed"):
        noise_covariance(_noise(psi, 1, rng, samples=12))
    with pytest.warns(QuietmrWarning, match=r"Only 128 noise samples .* about 3\.1 %"):
        noise_covariance(_noise(psi, 1, rng, samples=128))


def test_silent_copied_and_broken_coils_are_refused(rng: np.random.Generator) -> None:
    good = _noise(_covariance(4, rng), 10, rng)
    for change, said in ((0, "measured no noise"), (1, "independent channels"), (2, "NaN")):
        data = good.data.copy()
        data[:, 2] = (0, data[:, 1], np.nan)[change]
        with pytest.raises(InputError, match=said):
            noise_covariance(Readouts(data, good.headers))
