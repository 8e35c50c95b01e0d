"""Detail of one size: band-pass filters over slices, and what they make of white noise.

All filters act within slices, so that single slices, thin stacks, volumes and series are treated alike.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, uniform_filter

Pixels = NDArray[Any]  # float32 or complex64
Reals = NDArray[np.float32]

_WIDE = 3.0  # pixels
_GRID = 128  # pixels of the grid on which the filters are described


@dataclass(frozen=True)
class Band:
    """Detail between two sizes: what a Gaussian of SD ``width`` leaves of it, less what one four times wider leaves.

    Attributes
    ----------
    width : float
        SD of the narrower Gaussian in pixels; 0 keeps the finest detail whole.
    outer : float
        SD of the wider one.
    """

    width: float
    outer: float

    @property
    def reach(self) -> float:
        """SD in pixels of the window over which local means of this detail are taken."""
        return 2 * self.width + 1

    @property
    def noise_power(self) -> float:
        """Variance that white noise of variance 1 keeps: the mean of the squared gain over k-space."""
        return _facts(self).power

    @property
    def area(self) -> float:
        """Pixels per independent value of the squared detail of white noise."""
        return _facts(self).area

    @property
    def freedom(self) -> float:
        """Independent values of white noise in one local mean."""
        return _facts(self).freedom

    def of(self, planes: Pixels) -> Pixels:
        """Filter planes, shape (P, Y, X)."""
        inner = smooth(planes, self.width) if self.width else planes
        return np.asarray(inner - smooth(planes, self.outer))

    def local_mean(self, values: Reals) -> Reals:
        """Average over the window of this band, shape (P, Y, X)."""
        return np.asarray(smooth(values, self.reach))


FINEST, FINE, COARSE = Band(0.0, 1.0), Band(1.0, 4.0), Band(2.0, 8.0)


def smooth(planes: Pixels, width: float) -> Pixels:
    """Average within slices: a Gaussian, or from an SD of 3 pixels on two boxes, which cost the same for any width."""
    if width < _WIDE:
        return np.asarray(gaussian_filter(planes, (0, width, width), truncate=3.0))
    side = 2 * int(0.5 * np.sqrt(6 * width**2 + 1)) + 1
    return np.asarray(uniform_filter(uniform_filter(planes, (0, side, side)), (0, side, side)))


@dataclass(frozen=True)
class _Facts:
    power: float
    area: float
    freedom: float


@lru_cache
def _facts(band: Band) -> _Facts:
    point = np.zeros((1, _GRID, _GRID))
    point[0, _GRID // 2, _GRID // 2] = 1
    gain = np.abs(np.fft.fft2(band.of(point)[0])) ** 2
    power = float(gain.mean())
    correlation = np.fft.ifft2(gain).real / power
    window = np.abs(np.fft.fft2(smooth(point, band.reach)[0])) ** 2
    spread = float(np.mean(np.fft.fft2(correlation**2).real * window))
    return _Facts(power, float(np.sum(correlation**2)), 1 / spread)
