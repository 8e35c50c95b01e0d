"""Where the noise of a scan is measured: in its noise readouts, or at the edges of k-space."""

import numpy as np
import scipy.fft

from quietmr.data import InputError, KSpace
from quietmr.recon.arrangement import Placed
from quietmr.recon.covariance import NoiseCovariance, covariance_of, noise_covariance
from quietmr.recon.grid import Grid

# part of the measured radius of k-space beyond which there is taken to be noise alone
_EDGE = 0.85


def scan_noise(kspace: KSpace, imaging: Placed, grid: Grid, *, from_edges: bool) -> NoiseCovariance:
    """Noise covariance of a scan.

    Parameters
    ----------
    kspace : KSpace
    imaging : Placed
        Its imaging readouts.
    grid : Grid
    from_edges : bool
        Allow the edges of k-space where there is no noise scan.

    Returns
    -------
    NoiseCovariance

    Raises
    ------
    InputError
        If there is no noise scan and the edges are not allowed, or its coils are not those of the scan.
    """
    noise = kspace.noise
    if noise is None or len(noise) == 0:
        if from_edges:
            return edge_noise(imaging, grid)
        other = kspace.system.noise_measurement
        named = f" (the header names the measurement {other})" if other else ""
        raise InputError(
            f"The scan holds no noise readouts{named}, so SNR units are not possible: give the noise scan with --noise "
            "FILE, or take the edges of k-space for noise with --noise-from-edges."
        )
    if noise.n_coils != kspace.imaging.n_coils:
        raise InputError(
            f"The noise scan has {noise.n_coils} coils, the scan has {kspace.imaging.n_coils}: give the noise scan that "
            "was made with the same coils."
        )
    return noise_covariance(noise)


def edge_noise(imaging: Placed, grid: Grid) -> NoiseCovariance:
    """Noise covariance from the outermost measured samples of k-space.

    An upper bound: the edges hold some signal as well. The bandwidth is that of imaging itself, so no dwell time and no
    receiver bandwidth enter.
    """
    n_z, n_y, n_x = grid.kspace
    points = imaging.points - np.array([n_z // 2, n_y // 2])
    reach = np.maximum(np.abs(points).max(axis=0), 1)
    radius = np.square(points / reach).sum(axis=1)
    samples = imaging.readouts.data[..., imaging.samples]
    positions = (np.arange(imaging.first, imaging.last) - imaging.center) / max(1, imaging.last - imaging.center)
    kept = grid.native_readout
    if kept < n_x:
        samples, positions = _without_oversampling(samples, kept / n_x)
    limit = _EDGE**2 * (radius.max() + 1.0 if samples.shape[-1] > 1 else radius.max())
    outside = radius[:, None] + np.square(positions if samples.shape[-1] > 1 else 0.0) > limit
    edge = np.moveaxis(samples, 1, 0)[:, outside]
    return covariance_of(edge, dwell_us=imaging.readouts.dwell_us, origin="edges")


def _without_oversampling(
    samples: np.ndarray, part: float
) -> tuple[np.ndarray, np.ndarray]:
    n = samples.shape[-1]
    m = round(n * part)
    pixels = scipy.fft.fftshift(scipy.fft.ifft(samples, axis=-1, norm="ortho"), axes=-1)
    start = n // 2 - m // 2
    back = scipy.fft.fft(scipy.fft.ifftshift(pixels[..., start : start + m], axes=-1), axis=-1, norm="ortho")
    return back, (np.arange(m) - m // 2) / max(1, m // 2)
