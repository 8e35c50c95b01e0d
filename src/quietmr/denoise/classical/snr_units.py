"""What all classical methods share: into SNR units, filter, correct the bias, and back.

The image is divided by its noise map before a method sees it (variance-stabilised: noise SD 1 everywhere) and
multiplied back afterwards. So every method is scale-equivariant, ``f(c x, c sigma) = c f(x, sigma)``, follows noise
that varies in space, and never meets the intensities at which its library silently does nothing.
"""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image, InputError, NoiseMap, Step
from quietmr.denoise.classical.method import Method
from quietmr.noise import signal_from_mean

Array = NDArray[np.float32]


@dataclass(frozen=True)
class ClassicalDenoiser(ABC):
    """A denoiser that fits the contract of the room and knows its facts.

    Subclasses are frozen dataclasses whose fields are the parameters of the method; defaults were chosen on the volumes
    of ``benchmarks/volumes.py``, so that they flatter the rivals rather than us.
    """

    name: ClassVar[str]
    facts: ClassVar[Method]

    def __call__(self, image: Image) -> Image:
        """Denoise an image whose noise level is known.

        Parameters
        ----------
        image : Image
            With ``noise`` set. Complex images are filtered as two Gaussian images, real and imaginary part. Voxels
            where sigma is 0 are returned untouched; where only some are, the filter sees those at the median level.

        Returns
        -------
        Image
            Same shape and unit; the noise that is left is unknown.

        Raises
        ------
        InputError
            If the noise level is missing, a voxel is not finite, or the method cannot filter this shape.
        MissingExtraError
            If the library of the method is not installed.
        """
        noise = self._noise_of(image)
        sigma = noise.over(image.shape)
        step = Step("denoise", {"method": self.name, **asdict(self)})
        if not sigma.any():
            return image.after(step, image.data.copy())
        level = np.where(sigma > 0, sigma, noise.level).astype(np.float64)
        if image.is_complex:
            parts = [self._denoise(part, level, 0) for part in (image.data.real, image.data.imag)]
            result: NDArray[Any] = (parts[0] + 1j * parts[1]).astype(np.complex64)
        else:
            result = self._denoise(image.data, level, _channels(noise))
        return image.after(step, np.where(sigma > 0, result, image.data))

    def _noise_of(self, image: Image) -> NoiseMap:
        if image.noise is None:
            raise InputError(
                f"The method {self.name} must know the noise level of the image, which is missing: "
                "give sigma or call estimate_noise first."
            )
        if not np.isfinite(image.data).all():
            raise InputError(
                f"The method {self.name} cannot filter voxels that are NaN or infinite: "
                "use the function denoise(), which sets them aside, or replace them."
            )
        return image.noise

    def _denoise(self, values: NDArray[Any], level: NDArray[np.float64], n_channels: int) -> Array:
        with np.errstate(over="ignore"):
            scaled = (values / level).astype(np.float32)
        if not np.isfinite(scaled).all():
            raise InputError(
                "The noise level is so far below the brightness of the image that their ratio overflows: "
                "check the given sigma or noise map."
            )
        filtered = self._filter_series(scaled, n_channels)
        if n_channels and self.facts.bias == "corrected after":
            filtered = signal_from_mean(filtered, 1.0, n_channels)
        return (filtered * level).astype(np.float32)

    @abstractmethod
    def _filter_series(self, series: Array, n_channels: int) -> NDArray[np.floating[Any]]:
        """Filter an image in SNR units.

        Parameters
        ----------
        series : array, shape (T, Z, Y, X)
            Real values with noise of SD 1 per real channel.
        n_channels : int
            Complex channels under a magnitude (1: Rician), 0 for Gaussian values, which may be negative.

        Returns
        -------
        array, shape (T, Z, Y, X)
            Mean of the noisy values, or the signal itself for a method that is told about the bias.
        """


@dataclass(frozen=True)
class VolumeDenoiser(ClassicalDenoiser):
    """A classical method that filters each frame of a series for itself."""

    def _filter_series(self, series: Array, n_channels: int) -> NDArray[np.floating[Any]]:
        return np.stack([self._filter_volume(volume, n_channels) for volume in series])

    @abstractmethod
    def _filter_volume(self, volume: Array, n_channels: int) -> NDArray[np.floating[Any]]:
        """Filter one frame, shape (Z, Y, X), in SNR units; see `_filter_series`."""


def in_its_dimensions(volume: Array) -> Array:
    """Give a volume of one slice as a picture (Y, X), so that filters for any dimension run in two; else the volume."""
    return volume[0] if volume.shape[0] == 1 else volume


def check_positive(method: str, **values: float) -> None:
    """Refuse parameters that are zero, negative or not finite."""
    for name, value in values.items():
        if not 0 < value < float("inf"):
            raise InputError(f"The parameter {name} of {method} must be positive and finite, got {value}: change it.")


def _channels(noise: NoiseMap) -> int:
    if noise.kind == "rician":
        return 1
    return noise.n_channels if noise.kind == "noncentral-chi" else 0
