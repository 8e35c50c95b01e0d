"""Magnitude turned complex: the phase that coils, main field, echo position and motion leave on an image."""

from math import tau

import numpy as np
import torch
from torch import Tensor

from quietmr.data import InputError

_WAVES = 5
_CYCLES = 1.2  # of a wave over the field of view, at most
_ECHO = 1.5  # cycles of the ramp over the field of view, at most: samples by which the echo misses k = 0
_DRIFT = 0.5  # cycles over the series, at most


def steepest(n: int) -> float:
    """Largest step of `smooth_phase` between two neighbors of n in-plane samples, in radians."""
    return tau * (_ECHO + _CYCLES * _WAVES) / n


def smooth_phase(shape: tuple[int, int, int], rng: np.random.Generator, device: torch.device | None = None) -> Tensor:
    """Draw a random smooth phase: an offset, a ramp in the plane, and a few slow waves, two of which drift over time.

    Parameters
    ----------
    shape : (T, Y, X)
    rng : numpy Generator
    device : torch.device, optional
        Where to make it; CPU otherwise.

    Returns
    -------
    Tensor, shape (T, Y, X), float32
        Phase in radians, not wrapped; neighbors in the plane differ by less than `steepest`. The offset is uniform, so
        that over draws no phase is preferred.
    """
    t, y, x = (torch.arange(n, device=device, dtype=torch.float32) / n for n in shape)
    t, y, x = t[:, None, None], y[:, None], x[None, :]
    ramp = rng.uniform(-_ECHO, _ECHO, 2)
    phase = (float(rng.uniform(0, tau)) + tau * (float(ramp[0]) * y + float(ramp[1]) * x)).expand(shape).clone()
    for wave in range(_WAVES):
        along_y, along_x = (float(c) for c in rng.uniform(-_CYCLES, _CYCLES, 2))
        drift = float(rng.uniform(-_DRIFT, _DRIFT)) if wave % 2 else 0.0
        amplitude, start = float(rng.uniform(0, 1)), float(rng.uniform(0, 1))
        phase += amplitude * torch.cos(tau * (along_y * y + along_x * x + drift * t + start))
    return phase


def with_phase(magnitude: Tensor, phase: Tensor) -> Tensor:
    """Turn a magnitude into a complex image, or refuse.

    Parameters
    ----------
    magnitude : Tensor, shape (..., T, Y, X), real
    phase : Tensor, shape (T, Y, X)
        Radians.

    Returns
    -------
    Tensor, complex

    Raises
    ------
    InputError
        If the magnitude is complex or holds negative values.
    """
    if magnitude.is_complex() or bool((magnitude < 0).any()):
        raise InputError("A phase can be given to magnitudes only: this image is complex or holds negative values.")
    return torch.polar(magnitude, phase.to(magnitude).expand(magnitude.shape).contiguous())
