"""Noise of the receive channels: covariance, and how much of the receiver's band it fills."""

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from quietmr.data import InputError, QuietmrWarning, Readouts

# Whitening with M samples of C coils leaves the SD too high by about C / 2M (Wishart; recon.md 2.2): below this many
# samples per coil by more than 1 %.
_FEW_PER_COIL = 50
# readouts needed before the mean spectrum of the noise tells the bandwidth
_ENOUGH_READOUTS = 20
_BLOCK = 8192


@dataclass(frozen=True, eq=False)
class NoiseCovariance:
    """Noise of the coils in the units of the raw data.

    Attributes
    ----------
    matrix : array, shape (C, C), complex128
        ``E[n n^H]``: complex variance, twice the variance per real channel.
    n_samples : int
        Samples it was averaged over.
    dwell_us : float
        Time between these samples in microseconds; 0 if unknown.
    bandwidth : float or None
        Measured noise-equivalent bandwidth relative to the digitized band; None with too few readouts.
    origin : {"noise-scan", "edges"}
        Readouts without excitation, or the edges of k-space (an upper bound: they hold some signal).
    """

    matrix: NDArray[np.complex128]
    n_samples: int
    dwell_us: float
    bandwidth: float | None = None
    origin: Literal["noise-scan", "edges"] = "noise-scan"

    @property
    def eigenvalues(self) -> NDArray[np.float64]:
        """Variances along the principal axes, ascending."""
        return np.asarray(np.linalg.eigvalsh(self.matrix))

    @property
    def largest_correlation(self) -> float:
        """Largest correlation between two coils, 0 to 1."""
        sd = np.sqrt(self.matrix.diagonal().real)
        correlation = np.abs(self.matrix) / np.outer(sd, sd)
        return float((correlation - np.eye(len(sd))).max()) if len(sd) > 1 else 0.0


def noise_covariance(noise: Readouts) -> NoiseCovariance:
    """Average the covariance of the coils over readouts of noise alone.

    The mean is not subtracted (that of noise is zero). Kellman & McVeigh, MRM 54:1439 (2005).

    Parameters
    ----------
    noise : Readouts

    Returns
    -------
    NoiseCovariance

    Raises
    ------
    InputError
        If there are fewer than two samples per coil, a sample is not a number, or a coil is silent.
    """
    samples = np.moveaxis(noise.data, 1, 0).reshape(noise.n_coils, -1)
    return covariance_of(
        samples, dwell_us=noise.dwell_us, bandwidth=_bandwidth(noise) if len(noise) >= _ENOUGH_READOUTS else None
    )


def covariance_of(
    samples: NDArray[np.complex64],
    *,
    dwell_us: float,
    bandwidth: float | None = None,
    origin: Literal["noise-scan", "edges"] = "noise-scan",
) -> NoiseCovariance:
    """Covariance of noise samples, shape (C, M); see `noise_covariance`."""
    n_coils, n_samples = samples.shape
    if n_samples < 2 * n_coils:
        raise InputError(
            f"The noise scan has {n_samples} samples for {n_coils} coils; at least {2 * n_coils} are needed, "
            f"{_FEW_PER_COIL * n_coils} for SNR units within 1 %: give a longer one with --noise FILE."
        )
    # blocks in single precision, their sum in double: fast, and as exact as the samples
    matrix = np.zeros((n_coils, n_coils), np.complex128)
    for start in range(0, n_samples, _BLOCK):
        block = samples[:, start : start + _BLOCK]
        matrix += block @ block.conj().T
    matrix /= n_samples
    if not np.isfinite(matrix).all():
        raise InputError("The noise scan holds samples that are NaN or infinite: measure or export it again.")
    _check_channels(matrix)
    if n_samples < _FEW_PER_COIL * n_coils:
        warnings.warn(
            f"Only {n_samples} noise samples for {n_coils} coils: the noise SD of the image will be about "
            f"{50 * n_coils / n_samples:.1f} % above its g-factor map.",
            QuietmrWarning,
            stacklevel=3,
        )
    return NoiseCovariance(matrix, n_samples, dwell_us, bandwidth, origin)


def _check_channels(matrix: NDArray[np.complex128]) -> None:
    power = matrix.diagonal().real
    silent = np.flatnonzero(power <= 1e-12 * power.max())
    if len(silent):
        raise InputError(
            f"Coil {', '.join(map(str, silent))} (counted from 0) measured no noise: it was not connected; export the "
            "scan without it."
        )
    eigenvalues = np.linalg.eigvalsh(matrix)
    if eigenvalues[0] <= 1e-10 * eigenvalues[-1]:
        raise InputError(
            f"The noise of the {len(matrix)} coils has only {int((eigenvalues > 1e-10 * eigenvalues[-1]).sum())} "
            "independent channels: channels are copies or mixtures of others; export the scan before they are combined."
        )


def _bandwidth(noise: Readouts) -> float | None:
    """Mean of the noise spectrum over the whole band, relative to its central half (recon.md 2.2)."""
    n = noise.n_samples
    if n < 16:
        return None
    spectrum = np.zeros(n)
    for coil in range(noise.n_coils):
        turned = scipy.fft.fft(noise.data[:, coil], axis=-1)
        power = (np.square(turned.real) + np.square(turned.imag)).mean(axis=0)
        spectrum += power / power.mean()
    center = np.fft.fftshift(spectrum)[n // 4 : n - n // 4]
    return float(spectrum.mean() / center.mean())
