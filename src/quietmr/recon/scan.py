"""What holds for all slices of a scan: noise, whitening, places, frames."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Flag, InputError, KSpace, QuietmrWarning
from quietmr.recon.arrangement import FRAME, Placed, check_extent, check_finite, frame_keys, place
from quietmr.recon.grid import Grid, image_grid
from quietmr.recon.noise import edge_samples, scan_noise
from quietmr.recon.settings import Settings
from quietmr.recon.whitening import Whitening, whitening
from quietmr.recon.windows import Cuts, Windows, cut_spans, sample_windows

# The edges of k-space hold the noise of the scan and some signal: never less than the noise scan foretells, and not
# many times more (the SNR of one sample at the edge is that of the finest detail).
_LEAST_EDGE_SD, _MOST_EDGE_SD = 0.9, 30.0
_FEW_READOUTS, _ENOUGH_SAMPLES = 256, 200
# Part of a frame's usual lines below which it counts as stopped.
_WHOLE = 0.9


@dataclass(frozen=True, eq=False)
class Scan:
    """A raw scan with everything that does not depend on the slice.

    Attributes
    ----------
    kspace : KSpace
    settings : Settings
    grid : Grid
    imaging, extra : Placed
        Imaging lines, and those for calibration only (None if there are none).
    whitening : Whitening
    keys : array, shape (T, 4)
        Counters of each frame (``arrangement.FRAME``).
    frame : array, shape (N,)
        Frame of each imaging readout.
    cuts : three spans or None
        Where k-space was cut off.
    windows : Windows
    """

    kspace: KSpace
    settings: Settings
    grid: Grid
    imaging: Placed
    extra: Placed | None
    whitening: Whitening
    keys: NDArray[np.int64]
    frame: NDArray[np.int64]
    cuts: Cuts
    windows: Windows

    def readouts_of(self, number: int, t: int) -> NDArray[np.int64]:
        """Find the imaging readouts of one slice and frame."""
        chosen = self.imaging.of_slice(number)
        return np.asarray(chosen[self.frame[chosen] == t])


def prepare_scan(kspace: KSpace, settings: Settings) -> Scan:
    """Check a raw scan, measure its noise, and find the place of every readout.

    Raises
    ------
    InputError
        If the scan is not Cartesian, holds NaN, contradicts its header, or has no usable noise.
    """
    if kspace.encoding.trajectory != "cartesian":
        raise InputError(
            f"The scan has a {kspace.encoding.trajectory} trajectory; quietmr reconstructs Cartesian scans: grid it "
            "with another program."
        )
    check_finite(kspace)
    if kspace.imaging.having(Flag.CALIBRATION).all():
        raise InputError(
            f"All {len(kspace.imaging)} readouts are flagged as calibration only: the file holds no lines of an image."
        )
    grid = image_grid(kspace.encoding, settings.matrix)
    imaging = place(kspace.imaging, kspace.encoding)
    check_extent(imaging, kspace.encoding)
    extra = None if kspace.calibration is None else place(kspace.calibration, kspace.encoding)
    noise = scan_noise(kspace, imaging, grid, from_edges=settings.noise_from_edges)
    white = whitening(noise, kspace.imaging.dwell_us, kspace.system, settings.bandwidth)
    if noise.origin == "noise-scan":
        _check_scale(white, imaging, grid)
    keys, frame = frame_keys(kspace.imaging)
    cuts = cut_spans(imaging, grid, kspace.encoding.acceleration)
    tapered = cuts if settings.partial_fourier == "zero-fill" else (None, None, None)
    windows = sample_windows(grid, settings.filters, tapered)
    return Scan(kspace, settings, grid, imaging, extra, white, keys, frame, cuts, windows)


def _check_scale(white: Whitening, imaging: Placed, grid: Grid) -> None:
    """Warn if the edges of k-space are quieter than the noise scan allows, or louder than signal explains."""
    edge = edge_samples(imaging, grid, _FEW_READOUTS)
    if edge.shape[1] < _ENOUGH_SAMPLES:
        return
    sd = float(np.sqrt(np.mean(np.square(np.abs(white.matrix.astype(np.complex64) @ edge))) / 2))
    if _LEAST_EDGE_SD <= sd <= _MOST_EDGE_SD:
        return
    usual = "1 or more" if sd < _LEAST_EDGE_SD else f"1, or a few more where there is signal, never {_MOST_EDGE_SD:.0f}"
    warnings.warn(
        f"The edges of k-space have a noise SD of {sd:.2g} in what should be SNR units ({usual}): the dwell time, the "
        "bandwidth or the noise scan do not belong to this scan, and the image is probably not in SNR units.",
        QuietmrWarning,
        stacklevel=4,
    )


def whole_frames(scan: Scan, numbers: list[int]) -> list[int]:
    """Find the frames that every slice has whole; the others (of a scan that was stopped) are named in a warning.

    Raises
    ------
    InputError
        If there is none.
    """
    counts = np.array(
        [np.bincount(scan.frame[scan.imaging.of_slice(number)], minlength=len(scan.keys)) for number in numbers]
    )
    usual = np.median(counts[counts > 0])
    whole = (counts >= _WHOLE * usual).all(axis=0)
    if not whole.any():
        raise InputError("No frame of the scan is complete in all slices: it was stopped too early.")
    for t in np.flatnonzero(~whole):
        named = ", ".join(f"{name} {value}" for name, value in zip(FRAME, scan.keys[t], strict=True) if value)
        warnings.warn(
            f"Frame {t} ({named or 'the first'}) has only {counts[:, t].min()} of {usual:.0f} lines and was left out.",
            QuietmrWarning,
            stacklevel=3,
        )
    return [int(t) for t in np.flatnonzero(whole)]
