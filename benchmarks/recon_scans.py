"""Raw scans for timing: made in seconds, with coils and noise of the right kind, without any claim to be a body.

What reconstruction costs depends on sizes alone, as long as the calibration is well posed. So coils are smooth lobes
around a disk, every frame shows the same disk, and only the noise is new.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from quietmr.data import READOUT, Encoding, Flag, KSpace, Limits, Readouts, System
from quietmr.data.meta import Meta
from quietmr.signal.fourier import to_kspace

# As in research/recon.md: 32 calibration lines, measured before the scan.
CALIBRATION_LINES = 32
NOISE_READOUTS = 256
SNR = 30.0
FOV = 300.0


@dataclass(frozen=True)
class Size:
    """Coils, acceleration, frames, matrix (square) and readout oversampling of a scan for timing."""

    coils: int = 32
    r: int = 2
    frames: int = 30
    matrix: int = 256
    oversampling: int = 1

    def __str__(self) -> str:
        return f"{self.coils} coils, R {self.r}, {self.frames} frames of {self.matrix} x {self.matrix}" + (
            f", readout oversampling {self.oversampling}" if self.oversampling > 1 else ""
        )


def timing_scan(size: Size, rng: np.random.Generator) -> KSpace:
    """Make a cine scan with separate calibration lines and a noise scan."""
    lines = np.arange(0, size.matrix, size.r)
    middle = size.matrix // 2 - CALIBRATION_LINES // 2 + np.arange(CALIBRATION_LINES)
    full = to_kspace(_coil_images(size, rng), (1, 2)).astype(np.complex64).transpose(1, 0, 2)
    samples = full.shape[2]
    imaging = np.tile(full[lines], (size.frames, 1, 1))
    frame = np.repeat(np.arange(size.frames), len(lines))
    encoding = Encoding(
        matrix=(samples, size.matrix, 1),
        fov=(FOV * size.oversampling, FOV, 8.0),
        recon_matrix=(size.matrix, size.matrix, 1),
        recon_fov=(FOV, FOV, 8.0),
        lines=Limits(0, size.matrix - 1, size.matrix // 2),
        acceleration=(size.r, 1),
        calibration="separate",
    )
    noise = np.zeros((NOISE_READOUTS, size.coils, samples), np.complex64)
    parts = [
        _readouts(imaging, np.tile(lines, size.frames), frame, Flag(0), rng),
        _readouts(full[middle], middle, 0, Flag.CALIBRATION, rng),
        _readouts(noise, 0, 0, Flag.NOISE, rng),
    ]
    system = System(bandwidth=1.0, vendor="quietmr")
    return KSpace(parts[0], encoding, parts[1], parts[2], system, meta=Meta(format="simulated"))


def _coil_images(size: Size, rng: np.random.Generator) -> np.ndarray:
    """Disk of SNR 30 seen by coils that stand in a circle around it, shape (C, Y, X)."""
    y = (np.arange(size.matrix) / size.matrix - 0.5)[:, None]
    n_x = size.matrix * size.oversampling
    x = (np.arange(n_x) / n_x - 0.5) * size.oversampling
    disk = scipy.fft.ifft2(scipy.fft.fft2(np.hypot(x, y) < 0.4) * _blur(y, x)).real
    angle = 2 * np.pi * (np.arange(size.coils) + 0.2 * rng.random(size.coils)) / size.coils
    place = 0.62 * np.exp(1j * angle)[:, None, None]
    away = (x + 1j * y) - place
    lobes = np.exp(1j * (angle[:, None, None] + 3 * away.real)) / (0.15 + np.abs(away) ** 2)
    return (disk * lobes * SNR / np.sqrt(np.square(np.abs(lobes)).sum(0)).mean()).astype(np.complex64)


def _blur(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Gaussian in the order of the FFT, against ringing."""
    ky, kx = (scipy.fft.fftfreq(axis.size) for axis in (y.ravel(), x))
    return np.exp(-8 * (ky[:, None] ** 2 + kx**2))


def _readouts(
    clean: np.ndarray, lines: np.ndarray | int, frame: np.ndarray | int, flag: Flag, rng: np.random.Generator
) -> Readouts:
    """Add white noise of SD 1 and write headers."""
    data = np.empty(clean.shape, np.complex64)
    for i, readout in enumerate(clean):
        data[i] = readout + rng.standard_normal((*readout.shape, 2), np.float32).view(np.complex64)[..., 0]
    headers = np.zeros(len(data), READOUT)
    headers["flags"] = np.uint64(flag)
    headers["kspace_encode_step_1"], headers["phase"] = lines, frame
    headers["center_sample"] = data.shape[2] // 2
    headers["sample_time_us"] = 5.0
    for name, axis in (("read_dir", 0), ("phase_dir", 1), ("slice_dir", 2)):
        headers[name] = np.eye(3)[axis]
    return Readouts(data, headers)
