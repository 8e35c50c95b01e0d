"""Where the noise of a scan is measured: in its noise readouts, or at the edges of k-space."""

import numpy as np
import scipy.fft
from numpy.typing import NDArray

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
            f"The noise scan has {noise.n_coils} coils, the scan has {kspace.imaging.n_coils}: give the noise scan "
            "that was made with the same coils."
        )
    return noise_covariance(noise)


def edge_noise(imaging: Placed, grid: Grid) -> NoiseCovariance:
    """Noise covariance from the outermost measured samples of k-space.

    An upper bound: the edges hold some signal as well. It is that of imaging itself, so no dwell time and no receiver
    bandwidth enter.

    Raises
    ------
    InputError
        If the edges hold too few samples.
    """
    return covariance_of(edge_samples(imaging, grid), dwell_us=imaging.readouts.dwell_us, origin="edges")


def edge_samples(imaging: Placed, grid: Grid, most: int | None = None) -> NDArray[np.complex64]:
    """Outermost measured samples of k-space without readout oversampling, shape (C, M).

    Parameters
    ----------
    imaging : Placed
    grid : Grid
    most : int, optional
        Look at about this many readouts only.

    Returns
    -------
    array, shape (C, M), complex64
        Samples that are exactly 0 (zero-filled by the exporter) are left out.
    """
    n_z, n_y, n_x = grid.kspace
    every = 1 if most is None else max(1, len(imaging.readouts) // most)
    points = (imaging.points - np.array([n_z // 2, n_y // 2]))[::every]
    radius = np.square(points / np.maximum(np.abs(points).max(axis=0), 1)).sum(axis=1)
    samples = imaging.readouts.data[::every, :, imaging.samples]
    part = grid.native_readout / n_x
    if part < 1:
        samples = _without_oversampling(samples, round(samples.shape[-1] * part))
    n = samples.shape[-1]
    center = (imaging.center - imaging.first) * part
    along = np.square((np.arange(n) - center) / max(1.0, n - center)) if n > 1 else np.zeros(1)
    distance = radius[:, None] + along
    edge = np.moveaxis(samples, 1, 0)[:, distance > _EDGE**2 * distance.max()]
    return np.asarray(edge[:, (edge != 0).any(axis=0)])


def _without_oversampling(samples: NDArray[np.complex64], n: int) -> NDArray[np.complex64]:
    pixels = scipy.fft.fftshift(scipy.fft.ifft(samples, axis=-1, norm="ortho"), axes=-1)
    start = samples.shape[-1] // 2 - n // 2
    kept = scipy.fft.ifftshift(pixels[..., start : start + n], axes=-1)
    return np.asarray(scipy.fft.fft(kept, axis=-1, norm="ortho"))
