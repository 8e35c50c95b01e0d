"""The noise itself: draw it, estimate it, correct its bias."""

from quietmr.noise.estimate import estimate_noise
from quietmr.noise.rician import (
    rician_mean,
    rician_variance,
    sigma_from_moments,
    signal_from_mean,
    signal_from_second_moment,
)

__all__ = [
    "estimate_noise",
    "rician_mean",
    "rician_variance",
    "sigma_from_moments",
    "signal_from_mean",
    "signal_from_second_moment",
]
