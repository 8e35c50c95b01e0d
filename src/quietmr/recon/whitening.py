"""From raw units to SNR units: whitening of the coils, with the bandwidths of noise scan and imaging scan."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from quietmr.data import InputError, QuietmrWarning, System
from quietmr.recon.covariance import NoiseCovariance

# what the Siemens converter writes, and the field's habit where nothing is known of a Siemens receiver
_SIEMENS = 0.793
_PLAUSIBLE = (0.3, 1.0)
# noise scans are made with dwell times of the same order as imaging; more is a unit mistake of a converter
_USUAL_RATIO = 16.0


@dataclass(frozen=True, eq=False)
class Whitening:
    """Turns raw coils into coils with independent noise of SD 1 per real and imaginary part.

    Attributes
    ----------
    matrix : array, shape (C, C), complex128
        W in ``whitened = W k``; ``W Psi W^H = 2 I`` for noise Psi at the bandwidth of the imaging scan.
    facts : mapping
        Everything the scale depends on, for the history.
    """

    matrix: NDArray[np.complex128]
    facts: dict[str, Any]


def whitening(noise: NoiseCovariance, dwell_us: float, system: System, bandwidth: float | None = None) -> Whitening:
    """Make the whitening matrix ``sqrt(2 t_imaging / t_noise B) L^-1`` with ``Psi = L L^H``.

    The factor 2 makes the noise SD 1 per real channel; the ratio of the dwell times brings the noise of the noise scan
    to the bandwidth of imaging; B brings its mean over the receiver's whole band to the flat center, which is all that
    removal of the readout oversampling leaves. Kellman & McVeigh, MRM 54:1439 (2005); Hansen & Kellman, JMRI 41:573
    (2015).

    Parameters
    ----------
    noise : NoiseCovariance
    dwell_us : float
        Time between two samples of the imaging readouts in microseconds, 0 if unknown.
    system : System
        Vendor and the bandwidth that the header states.
    bandwidth : float, optional
        B, if you know it: 0.3 to 1.

    Returns
    -------
    Whitening

    Raises
    ------
    InputError
        If the given bandwidth is not plausible.
    """
    ratio = 1.0 if noise.origin == "edges" else _dwell_ratio(dwell_us, noise.dwell_us)
    part, source = (1.0, "edges") if noise.origin == "edges" else _bandwidth(noise, system, bandwidth)
    lower = np.linalg.cholesky(noise.matrix)
    identity = np.eye(len(lower))
    matrix = np.sqrt(2.0 * ratio * part) * scipy.linalg.solve_triangular(lower, identity, lower=True)
    eigenvalues = noise.eigenvalues
    facts = {
        "noise_origin": noise.origin,
        "noise_samples": noise.n_samples,
        "noise_dwell_us": noise.dwell_us,
        "imaging_dwell_us": dwell_us,
        "dwell_ratio": ratio,
        "bandwidth": part,
        "bandwidth_origin": source,
        "scale": float(np.sqrt(2.0 * ratio * part)),
        "eigenvalue_spread": float(eigenvalues[-1] / eigenvalues[0]),
        "largest_correlation": noise.largest_correlation,
    }
    return Whitening(matrix, facts)


def _dwell_ratio(imaging: float, noise: float) -> float:
    if not (imaging > 0 and noise > 0):
        warnings.warn(
            "The file does not say the dwell time of imaging or noise readouts, so they were taken as equal; if they "
            "are not, the image is not in SNR units.",
            QuietmrWarning,
            stacklevel=4,
        )
        return 1.0
    ratio = imaging / noise
    if not 1.0 / _USUAL_RATIO <= ratio <= _USUAL_RATIO:
        warnings.warn(
            f"The dwell times of imaging ({imaging:g} us) and noise readouts ({noise:g} us) differ {ratio:.3g}-fold, "
            "which is suspicious: some converters write nanoseconds; SNR units depend on it.",
            QuietmrWarning,
            stacklevel=4,
        )
    return ratio


def _bandwidth(noise: NoiseCovariance, system: System, given: float | None) -> tuple[float, str]:
    low, high = _PLAUSIBLE
    if given is not None:
        if not low <= given <= high:
            raise InputError(
                f"The relative receiver bandwidth lies between {low} and {high}, got {given:g}: it is a ratio, not in "
                "hertz."
            )
        return given, "given"
    if system.bandwidth is not None:
        if low <= system.bandwidth <= high:
            return system.bandwidth, "header"
        warnings.warn(
            f"The header gives a relative receiver bandwidth of {system.bandwidth:g}, which is no ratio between {low} "
            f"and {high}: it was not used.",
            QuietmrWarning,
            stacklevel=4,
        )
    if noise.bandwidth is not None:
        return min(noise.bandwidth, high), "measured"
    if "siemens" in system.vendor.lower():
        return _SIEMENS, "usual for Siemens"
    return 1.0, "assumed"
