"""Short filters that look at one band of spatial frequencies and know what they do to noise."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[Any]  # float32 or complex64

_NEARLY_FULL = 0.98
_FREQUENCIES = (np.arange(512) + 0.5) / 512  # of Nyquist


@dataclass(frozen=True)
class Band:
    """One-dimensional filter; noise that fills k-space evenly up to the support keeps its variance.

    ``frequency`` is the mean square frequency that it passes, in units of the support.
    """

    taps: NDArray[np.float32]
    frequency: float


@dataclass(frozen=True)
class AxisBands:
    """The three bands of one axis: the top of the filled k-space, the middle, and the bottom."""

    high: Band
    middle: Band
    low: Band

    @property
    def reach(self) -> int:
        """Pixels lost at either end."""
        return self.high.taps.size // 2


def _band(taps: NDArray[np.float64], support: float) -> Band:
    inside = _FREQUENCIES[support >= _FREQUENCIES]
    position = np.arange(taps.size) - taps.size // 2
    power = np.abs(np.exp(-1j * np.pi * np.outer(inside, position)) @ taps) ** 2
    frequency = float(np.sum(power * inside**2) / np.sum(power)) / support**2
    return Band((taps / np.sqrt(power.mean())).astype(np.float32), frequency)


def axis_bands(support: float) -> AxisBands:
    """Make the filters for an axis whose k-space is filled up to ``support`` (1 = Nyquist).

    With full support these are second difference, central difference and binomial smoothing. On an interpolated axis
    the bands move down with the support, so that they keep off its rim, where scanners roll off.
    """
    if support >= _NEARLY_FULL:
        second, central, smooth = (np.array(taps) for taps in ([-1.0, 2.0, -1.0], [-1.0, 0.0, 1.0], [1.0, 2.0, 1.0]))
        return AxisBands(_band(second, 1.0), _band(central, 1.0), _band(smooth, 1.0))
    half = int(np.ceil(2 / support))
    position = np.arange(-half, half + 1)
    window = np.cos(0.5 * np.pi * position / (half + 1)) ** 2
    centre = 0.68 * support
    wave = window * np.cos(np.pi * centre * position)
    high = wave - window * (wave.sum() / window.sum())
    middle = window * np.sin(0.5 * np.pi * centre * position)
    return AxisBands(_band(high, support), _band(middle, support), _band(window, support))


def filter_along(pixels: Pixels, taps: NDArray[np.float32], axis: int) -> Pixels:
    """Correlate along one axis of a 2-D array; the result is shorter by ``taps.size - 1``."""
    length = pixels.shape[axis] - taps.size + 1
    rows = np.moveaxis(pixels, axis, 0)
    result = taps[0] * rows[:length]
    for shift, tap in enumerate(taps[1:], start=1):
        if tap:
            result += tap * rows[shift : shift + length]
    return np.moveaxis(result, 0, axis)
