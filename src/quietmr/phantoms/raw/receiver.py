"""The receiver: gains and cable phases, noise covariance, and the filter that colors the noise of a readout."""

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.optimize import brentq

from quietmr.phantoms.raw.protocol import RawProtocol

# Noise SD per real channel of a coil with gain 1, in the raw units of the scanner: tiny, as in real raw data.
_RAW_UNIT = 4e-6
# Readouts drawn at once, so that white and colored noise need little memory beside the result.
_BATCH = 128


@dataclass(frozen=True, eq=False)
class Receiver:
    """What happens to signal and noise between coil and file.

    Attributes
    ----------
    gain : array, shape (C,), complex
        Amplification and cable phase of each channel; acts on signal and noise alike.
    covariance : array, shape (C, C), complex
        E[n n^H] of samples at the imaging dwell time in the flat part of the band, gain included.
    """

    gain: NDArray[np.complex128]
    covariance: NDArray[np.complex128]

    @property
    def whitener(self) -> NDArray[np.complex128]:
        """Matrix W with W covariance W^H = 2 I: noise SD 1 per real channel."""
        return np.asarray(np.sqrt(2.0) * np.linalg.inv(np.linalg.cholesky(self.covariance)))


def build_receiver(overlap: NDArray[np.complex128], protocol: RawProtocol, rng: np.random.Generator) -> Receiver:
    """Draw gains and cable phases, and build the covariance of the noise.

    Parameters
    ----------
    overlap : array, shape (C, C)
        Gram matrix of the coil sensitivities over the body, diagonal 1. Coils that see the same tissue receive the
        same thermal noise (Roemer et al., MRM 16:192, 1990); noise of preamplifiers adds to the diagonal.
    protocol : RawProtocol
    rng : Generator
    """
    spread = rng.uniform(-0.5, 0.5, protocol.coils)
    if protocol.coils > 1:
        spread = (spread - spread.min()) / np.ptp(spread) - 0.5
    gain = protocol.gain_spread**spread * np.exp(2j * np.pi * rng.random(protocol.coils))
    mixed = (1.0 - protocol.correlation) * np.eye(protocol.coils) + protocol.correlation * overlap
    return Receiver(gain, 2.0 * _RAW_UNIT**2 * gain[:, np.newaxis] * mixed * gain.conj())


def filter_power(samples: int, bandwidth: float) -> NDArray[np.float64]:
    """Power transfer |H|^2 of the receiver over the digitized band, centered, shape (samples,).

    1 in the central half of the band, then falling to the edges as a power of a cosine, such that the mean over all
    bins is ``bandwidth``.
    """
    frequency = np.abs(np.arange(samples) - samples // 2) / samples
    outside = np.clip((frequency - 0.25) / 0.25, 0.0, 1.0)
    fall = np.maximum(np.cos(0.5 * np.pi * outside), 1e-12)
    if bandwidth >= 1:
        return np.ones(samples)
    power = brentq(lambda exponent: float(np.mean(fall**exponent)) - bandwidth, 0.0, 200.0, xtol=1e-12)
    return np.asarray(fall**power)


def draw_noise(
    count: int, samples: int, covariance: NDArray[np.complex128], bandwidth: float, rng: np.random.Generator
) -> NDArray[np.complex64]:
    """Draw noise readouts, shape (count, C, samples): ``covariance`` in the flat band, colored by the receiver."""
    coils = len(covariance)
    root = np.linalg.cholesky(covariance / 2.0).astype(np.complex64)
    response = np.sqrt(scipy.fft.ifftshift(filter_power(samples, bandwidth))).astype(np.float32)
    noise = np.empty((count, coils, samples), dtype=np.complex64)
    for start in range(0, count, _BATCH):
        part = noise[start : start + _BATCH]
        white = rng.standard_normal((*part.shape, 2), dtype=np.float32).view(np.complex64)[..., 0]
        # White noise is white in the frequency domain too: drawn there, it needs one transform only.
        part[:] = root @ scipy.fft.ifft(white * response, axis=-1, norm="ortho")
    return noise
