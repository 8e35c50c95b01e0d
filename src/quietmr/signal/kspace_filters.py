"""Windows that filter k-space, by name; `snr_units` keeps the noise at SD 1 whatever they do."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from quietmr.data import InputError

Window = NDArray[np.float64]
WindowOfLength = Callable[[int], Window]

FILTERS = ("none", "gaussian:SIGMA", "hann", "hamming", "tukey:WIDTH")


def _positions(n: int) -> Window:
    """Positions of n samples from -1 (edge) over 0 (k = 0, index n // 2) to 1; even n stop one step before 1."""
    return np.asarray((np.arange(n) - n // 2) / max(n // 2, 1), dtype=np.float64)


def gaussian(n: int, sigma: float) -> Window:
    """Gaussian window in the convention of Gadgetron: exp(-(sigma x)^2 / 2), x from -1 to 1.

    Parameters
    ----------
    n : int
        Samples of the axis.
    sigma : float
        Strength, not width: the larger, the stronger; 0 filters nothing.
    """
    return np.exp(-0.5 * (sigma * _positions(n)) ** 2)


def hann(n: int) -> Window:
    """Hann window, 1 at k = 0 and 0 at the edge."""
    return 0.5 + 0.5 * np.cos(np.pi * _positions(n))


def hamming(n: int) -> Window:
    """Hamming window, 1 at k = 0 and 0.08 at the edge."""
    return 0.54 + 0.46 * np.cos(np.pi * _positions(n))


def tukey(n: int, width: float) -> Window:
    """Tapered Hann (Tukey) window: 1 in the middle, a falling cosine over the part ``width`` (0 to 1) at each side."""
    if width == 0:
        return np.ones(n)
    outside = np.clip((np.abs(_positions(n)) - (1 - width)) / width, 0, 1)
    return 0.5 + 0.5 * np.cos(np.pi * outside)


def filter_by_name(name: str) -> WindowOfLength:
    """Turn "none", "gaussian:1.5", "hann", "hamming" or "tukey:0.3" into a function of the axis length.

    Raises
    ------
    InputError
        If the name is unknown or its number is missing, superfluous or out of range.
    """
    kind, colon, text = name.partition(":")
    plain: dict[str, WindowOfLength] = {"none": np.ones, "hann": hann, "hamming": hamming}
    if kind in plain and not colon:
        return plain[kind]
    limits = {"gaussian": 10.0, "tukey": 1.0}
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if kind not in limits or not 0 <= value <= limits[kind]:
        raise InputError(
            f"There is no k-space filter '{name}': use {', '.join(FILTERS)} with SIGMA from 0 to 10 and WIDTH from 0 "
            "to 1, for example gaussian:1.5."
        )
    return (lambda n: gaussian(n, value)) if kind == "gaussian" else (lambda n: tukey(n, value))
