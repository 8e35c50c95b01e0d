"""The least time that reconstruction can take on this machine: bytes over bandwidth plus flops over rate.

Section 6 of research/recon.md: two passes of FFT over the acquired samples, each reading and writing them once, the
arithmetic of these transforms and of the sum over coils; for calibration and unmixing the matrix products alone.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields

import numpy as np
import scipy.fft
import torch
from recon_scans import CALIBRATION_LINES, Size

# Points of the usual kernel: 5 along the readout, 4 acquired lines.
_TAPS, _LINES = 5, 4
_COPIED = 2**26


@dataclass(frozen=True)
class Rates:
    """What the machine does at most: bytes (read or written) and floating-point operations in a second."""

    copy: float
    fft: float
    matrix: float

    @classmethod
    def measured(cls, threads: int) -> "Rates":
        return cls(_copy_rate(threads), _fft_rate(threads), _matrix_rate())

    def better(self, other: "Rates") -> "Rates":
        return Rates(*(max(getattr(self, each.name), getattr(other, each.name)) for each in fields(self)))


@dataclass(frozen=True)
class Floor:
    """Least seconds of the frames, and of everything."""

    frames: float
    setup: float
    rates: Rates
    plain_calibration: float

    @property
    def whole(self) -> float:
        return self.frames + self.setup

    def words(self) -> str:
        rates = self.rates
        return (
            f"This machine at its best in this run: copy {rates.copy / 1e9:.1f} GB/s (read + written), FFT "
            f"{rates.fft / 1e9:.1f} GFLOP/s, complex matrix product {rates.matrix / 1e9:.0f} GFLOP/s. Floor: frames "
            f"{self.frames:.3f} s (two FFT passes, sum over coils), calibration and unmixing {self.setup:.3f} s (their "
            f"products as done here; with plain normal equations those of calibration alone would be "
            f"{self.plain_calibration:.3f} s), all {self.whole:.3f} s."
        )


def floor_of(size: Size, rates: Rates) -> Floor:
    """Floor for one size of scan."""
    n, n_x, lines, coils = size.matrix, size.matrix * size.oversampling, size.matrix // size.r, size.coils
    samples = coils * lines * n_x
    # after the first transform the oversampled half is gone
    traffic = 8 * (samples + 3 * coils * lines * n)
    fft = 5 * coils * lines * (n_x * np.log2(n_x) + n * np.log2(lines))
    frames = size.frames * (traffic / rates.copy + (fft + 8 * coils * n * n) / rates.fft)
    rows = CALIBRATION_LINES - _LINES * size.r + size.r
    known, missing = _LINES * coils, (size.r - 1) * coils
    calibration = 8 * rows * n * known * (known / 2 + missing)
    solving = 8 * (_TAPS * known) ** 2 * (_TAPS * known / 6 + missing)
    unmixing = 8 * n * n * _LINES * (size.r - 1) * coils**2
    plain = 8 * rows * (n - _TAPS + 1) * (_TAPS * known) * (_TAPS * known / 2 + missing)
    return Floor(frames, (calibration + solving + unmixing) / rates.matrix, rates, plain / rates.matrix)


def _copy_rate(threads: int) -> float:
    source, target = np.ones(_COPIED, np.float32), np.zeros(_COPIED, np.float32)
    parts = np.array_split(np.arange(_COPIED), threads)
    slices = [slice(part[0], part[-1] + 1) for part in parts]
    seconds = _best(lambda: _together(threads, lambda s: np.copyto(target[s], source[s]), slices), 3)
    return 2 * source.nbytes / seconds


def _fft_rate(threads: int) -> float:
    """Of complex64 transforms of 256 points that fit the cache, one batch in each thread."""
    batches = [np.ones((256, 256), np.complex64) for _ in range(threads)]

    def work(batch: np.ndarray) -> None:
        for _ in range(16):
            scipy.fft.ifft(batch, axis=-1, norm="ortho", overwrite_x=True)

    seconds = _best(lambda: _together(threads, work, batches), 5)
    return threads * 16 * 256 * 5 * 256 * 8 / seconds


def _matrix_rate() -> float:
    """Of a complex64 product, with the threads of torch."""
    a = torch.ones((1024, 1024), dtype=torch.complex64)
    return 8 * 1024**3 / _best(lambda: a @ a, 4)


def _together(threads: int, work: Callable[..., None], parts: list) -> None:
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, parts))


def _best(call: Callable[[], object], repeats: int) -> float:
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return float(best)
