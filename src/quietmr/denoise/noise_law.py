"""How the noisy values lie around an estimate of the truth, in units of the noise SD per real channel.

Magnitudes follow the Rician law, whose mean lies above the truth and whose variance below that of the channels. Complex
values are Gaussian, real and imaginary part each with variance 1.
"""

import numpy as np
from numpy.typing import NDArray

from quietmr.denoise.channels import Picture
from quietmr.noise import rician_mean, rician_variance


def gaussian_around(noisy: Picture, estimate: Picture) -> tuple[Picture, NDArray[np.floating]]:
    """Replace noisy values by ones with noise of mean 0 around the estimate, and tell its variance.

    Parameters
    ----------
    noisy, estimate : array, shape (F, Y, X), float32 or complex64

    Returns
    -------
    values : array, shape (F, Y, X)
        The noisy values, magnitudes without their Rician bias; may be negative.
    variance : array, shape (F, Y, X), float
        Of complex values, that of each part.
    """
    if np.iscomplexobj(noisy):
        return noisy, np.ones(noisy.shape, np.float32)
    return estimate + (noisy - rician_mean(estimate, 1.0)), rician_variance(estimate, 1.0)


def residual(noisy: Picture, estimate: Picture) -> Picture:
    """Take the estimate from the noisy values; if it is true, noise of SD 1 per real channel is left."""
    if np.iscomplexobj(noisy):
        return np.asarray(noisy - estimate, dtype=np.complex64)
    return (noisy - rician_mean(estimate, 1.0)) / np.sqrt(rician_variance(estimate, 1.0))


def allowed(picture: Picture) -> Picture:
    """Values that an image of this kind can have: magnitudes are never below 0."""
    return picture if np.iscomplexobj(picture) else np.maximum(picture, np.float32(0.0))
