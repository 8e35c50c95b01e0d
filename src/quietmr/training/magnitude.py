"""Mean and variance of noisy magnitudes as tensors that carry gradients (Rice 1945), for noise SD 1 per real channel.

The same law as `quietmr.noise.rician`, which tables it for arrays.
"""

import torch
from torch import Tensor

# From this signal-to-noise ratio on, V is taken from its series: 2 + a^2 - M^2 would lose all digits in float32.
_SERIES_FROM = 8.0


def magnitude_mean(signal: Tensor) -> Tensor:
    """Mean of the magnitude of ``signal`` plus complex noise of SD 1 per real channel.

    Parameters
    ----------
    signal : Tensor
        Noise-free magnitude in units of the noise SD; its sign does not matter.

    Returns
    -------
    Tensor
        ``sqrt(pi / 2) L_(1/2)(-a^2 / 2)`` by exponentially scaled Bessel functions: no overflow for any signal.
    """
    half = signal.square() / 4
    mean: Tensor = (torch.pi / 2) ** 0.5 * (
        (1 + 2 * half) * torch.special.i0e(half) + 2 * half * torch.special.i1e(half)
    )
    return mean


def magnitude_variance(signal: Tensor) -> Tensor:
    """Variance of the same magnitude: 2 - pi / 2 in air, 1 for strong signals. Carries no gradient."""
    square = signal.detach().square()
    exact = 2 + square - magnitude_mean(signal.detach()).square()
    inverse = 1 / square.clamp_min(_SERIES_FROM**2)
    series = 1 - inverse / 2 - inverse.square() / 2 - 1.375 * inverse**3
    return torch.where(signal.detach().abs() < _SERIES_FROM, exact, series)


def magnitude_slope(signal: Tensor) -> Tensor:
    """Differentiate the mean: 0 in air, where a magnitude says nothing about the signal, 1 for strong signals."""
    half = signal.square() / 4
    slope: Tensor = (torch.pi / 8) ** 0.5 * signal.abs() * (torch.special.i0e(half) + torch.special.i1e(half))
    return slope
