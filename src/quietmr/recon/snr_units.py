"""The one place that scales images to SNR units."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Scale:
    """How a sum over acquired samples becomes a picture with noise SD 1.

    Attributes
    ----------
    factor : float
        Multiplies the plain sum ``sum f_k k exp(2 pi i k p)`` over acquired samples.
    r_eff : float
        Samples of full sampling for each acquired one, averages counted once (counted, not read from the header).
    signal : float
        Amplitude of the image relative to a fully sampled one in SNR units: ``sqrt(r_eff) / R``, times the gain that
        averages and filters bring.
    """

    factor: float
    r_eff: float
    signal: float


def unit_noise_scale(
    lines: NDArray[np.floating], averages: NDArray[np.integer], samples: NDArray[np.floating], n_full: int, r: int
) -> Scale:
    """Scale of one frame.

    White noise of SD 1 in every sample gives a sum with the variance ``sum |f|^2``, wherever the samples lie and on
    however fine a grid the picture is made. So the root of that sum is the only divisor: it holds the orthonormal
    transform, sqrt(R_eff) of undersampling, partial Fourier and asymmetric echo (counted, Gadgetron PR 328), filters
    and tapers, averages, and zero-filled interpolation (which keeps amplitude and SD). Kellman & McVeigh, MRM 54:1439
    (2005).

    Parameters
    ----------
    lines : array, shape (L,)
        Filter weight of each acquired line (the product over both phase-encoding directions).
    averages : array, shape (L,)
        How often each line was measured and averaged.
    samples : array, shape (S,)
        Filter weight of each sample of a readout.
    n_full : int
        Samples of full sampling: the encoded matrix.
    r : int
        Acceleration of the lattice, by which unmixing divides.

    Returns
    -------
    Scale
    """
    power = float(np.sum(np.square(lines) / averages) * np.sum(np.square(samples)))
    r_eff = n_full / (np.count_nonzero(lines) * np.count_nonzero(samples))
    return Scale(1.0 / np.sqrt(power), r_eff, float(np.sqrt(n_full / power)) / r)
