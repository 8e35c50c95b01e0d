"""Local smoothing filters: Gaussian, median, local Wiener (Lee), bilateral."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import numpy as np
from scipy import ndimage

from quietmr.data import InputError
from quietmr.denoise.classical.method import Method
from quietmr.denoise.classical.snr_units import Array, VolumeDenoiser, check_positive, in_its_dimensions


@dataclass(frozen=True)
class GaussianFilter(VolumeDenoiser):
    """Convolution with a Gaussian: blurs signal and noise alike. The baseline that a denoiser must beat.

    Parameters
    ----------
    width : float
        Standard deviation of the kernel in voxels, the same along all axes.
    """

    width: float = 0.5

    name: ClassVar[str] = "gaussian"
    facts: ClassVar[Method] = Method("quietmr", "Apache-2.0", "textbook")

    def __post_init__(self) -> None:
        check_positive(self.name, width=self.width)

    def _filter_volume(self, volume: Array, n_channels: int) -> Array:
        return np.asarray(ndimage.gaussian_filter(in_its_dimensions(volume), self.width)).reshape(volume.shape)


@dataclass(frozen=True)
class MedianFilter(VolumeDenoiser):
    """Median over a small cube (square, for a single slice).

    Parameters
    ----------
    size : int
        Edge of the cube in voxels, odd.
    """

    size: int = 3

    name: ClassVar[str] = "median"
    facts: ClassVar[Method] = Method("quietmr", "Apache-2.0", "Tukey, Exploratory Data Analysis, 1977")

    def __post_init__(self) -> None:
        _check_odd(self.name, self.size)

    def _filter_volume(self, volume: Array, n_channels: int) -> Array:
        return np.asarray(ndimage.median_filter(in_its_dimensions(volume), self.size)).reshape(volume.shape)


@dataclass(frozen=True)
class WienerFilter(VolumeDenoiser):
    """Local Wiener filter: shrinks each voxel to the mean of its neighbourhood by the share of noise in the variance.

    Parameters
    ----------
    size : int
        Edge of the neighbourhood in voxels, odd.
    """

    size: int = 3

    name: ClassVar[str] = "wiener"
    facts: ClassVar[Method] = Method("quietmr", "Apache-2.0", "Lee, IEEE Trans Pattern Anal Mach Intell 2 (1980) 165")

    def __post_init__(self) -> None:
        _check_odd(self.name, self.size)

    def _filter_volume(self, volume: Array, n_channels: int) -> Array:
        # double precision: the variance is a small difference of large squares
        values = in_its_dimensions(volume).astype(np.float64)
        mean = ndimage.uniform_filter(values, self.size)
        variance = ndimage.uniform_filter(values * values, self.size) - mean * mean
        signal = np.maximum(variance - 1, 0)
        filtered = mean + signal / (signal + 1) * (values - mean)
        return np.asarray(filtered, dtype=np.float32).reshape(volume.shape)


@dataclass(frozen=True)
class BilateralFilter(VolumeDenoiser):
    """Weighted mean of neighbours that are near in space and in brightness, in two or three dimensions.

    Parameters
    ----------
    width : float
        Standard deviation of the spatial weight in voxels.
    contrast : float
        Standard deviation of the brightness weight, in units of the noise SD.
    radius : int
        Half edge of the window in voxels.
    """

    width: float = 1.0
    contrast: float = 2.5
    radius: int = 2

    name: ClassVar[str] = "bilateral"
    facts: ClassVar[Method] = Method("quietmr", "Apache-2.0", "Tomasi and Manduchi, ICCV (1998) 839")

    def __post_init__(self) -> None:
        check_positive(self.name, width=self.width, contrast=self.contrast, radius=self.radius)

    def _filter_volume(self, volume: Array, n_channels: int) -> Array:
        values = in_its_dimensions(volume)
        padded = np.pad(values, self.radius, mode="symmetric")
        total, weights = np.zeros_like(values), np.zeros_like(values)
        for offset, near in self._window(values.ndim):
            window = tuple(
                slice(self.radius + shift, self.radius + shift + n)
                for shift, n in zip(offset, values.shape, strict=True)
            )
            # differences are averaged, not values: exact for a constant image of any brightness
            difference = padded[window] - values
            weight = near * np.exp(difference * difference * np.float32(-0.5 / self.contrast**2))
            total += weight * difference
            weights += weight
        return (values + total / weights).reshape(volume.shape)

    def _window(self, dimensions: int) -> Iterator[tuple[tuple[int, ...], np.float32]]:
        reach = range(-self.radius, self.radius + 1)
        for offset in product(reach, repeat=dimensions):
            distance = sum(shift * shift for shift in offset)
            yield offset, np.float32(np.exp(-0.5 * distance / self.width**2))


def _check_odd(method: str, size: int) -> None:
    if size < 3 or size % 2 == 0:
        raise InputError(f"The parameter size of {method} must be an odd number of voxels from 3 on, got {size}.")
