"""Is noise what a lesson takes it for? Measured, and told in one sentence."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from quietmr.denoise.correlation import noise_correlation
from quietmr.models import create_model
from quietmr.training.validation import denoised

_PILOT = "quiet-fast"  # whose result tells air and tissue apart
_MOST_VOXELS = 1_000_000  # of a scan are looked at, in its middle
# Correlation of neighbors beyond what the lesson knows about, from which the user is told.
_NOTABLE = 0.15
# They take noise to be white, or only know that the rim of k-space may be empty.
_WHITE = ("neighbor2neighbor", "noise2void", "noise2fast")
_FILLED = ("sure", "corruption2self")
ASSUMING = (*_WHITE, *_FILLED)


@dataclass(frozen=True)
class Correlation:
    """Correlation of the noise of neighboring voxels along (F, Y, X).

    Attributes
    ----------
    measured : (float, float, float)
        Magnitude; 0 where the noise looks white.
    of_support : (float, float, float)
        What the empty rim of k-space alone makes of white noise: sinc of the filled part.
    """

    measured: tuple[float, float, float]
    of_support: tuple[float, float, float]

    def unknown_to(self, lesson: str) -> tuple[float, str]:
        """Largest correlation that a lesson does not reckon with, and its axis; 0 if it reckons with all of it."""
        if lesson not in ASSUMING:
            return 0.0, ""
        known = self.of_support if lesson in _FILLED else (0.0, 0.0, 0.0)
        found = [value if value - part > _NOTABLE else 0.0 for value, part in zip(self.measured, known, strict=True)]
        axis = int(np.argmax(found))
        return found[axis], "zyx"[axis]


def measure_correlation(
    frame: NDArray[np.float32], sigma: float, support: tuple[float, float, float] = (1.0, 1.0, 1.0)
) -> Correlation:
    """Measure the correlation of the noise in a magnitude volume.

    It is read from the air, or where there is little of it from what a shipped network removes from bright tissue
    (:func:`quietmr.denoise.correlation.noise_correlation`). Where there is too little of both, the empty rim of k-space
    counts alone.

    Parameters
    ----------
    frame : array, shape (F, Y, X)
    sigma : float
        Noise SD per real channel, in the units of the frame.
    support : (float, float, float)
        Filled part of k-space along (F, Y, X).
    """
    planes = max(1, min(len(frame), _MOST_VOXELS // frame[0].size))
    start = (len(frame) - planes) // 2
    noisy = np.ascontiguousarray(frame[start : start + planes]) / np.float32(sigma)
    known = denoised(create_model(_PILOT), torch.from_numpy(noisy), torch.ones(noisy.shape)).numpy()
    lags = (min(2, noisy.shape[0]), min(2, noisy.shape[1]), min(2, noisy.shape[2]))
    axes = noise_correlation(noisy, known, lags)
    of_support = tuple(float(np.sinc(part)) for part in support)
    seen = [0.0] * 3 if axes is None else [abs(float(rho[1])) if rho.size > 1 else 0.0 for rho in axes]
    z, y, x = (max(pair) for pair in zip(seen, of_support, strict=True))
    return Correlation((z, y, x), (of_support[0], of_support[1], of_support[2]))


def sentence(lesson: str, value: float, axis: str, name: str) -> str:
    """Say what does not hold, what was measured, and what to do."""
    taken = "white" if lesson in _WHITE else "white within the filled part of k-space"
    return (
        f"'{lesson}' takes noise to be {taken}, but neighbors along {axis} in {name} have noise that is "
        f"correlated by {value:.2f}, some of which the network will learn to keep: take scans neither interpolated nor "
        "filtered, or repeats with loss=noise2noise."
    )
