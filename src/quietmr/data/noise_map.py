"""How strong the noise is, where, and how we know."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from quietmr.data.errors import InputError

NoiseKind = Literal["complex", "rician", "gaussian", "noncentral-chi"]
NoiseOrigin = Literal["noise-scan", "estimated", "given"]


@dataclass(frozen=True, eq=False)
class NoiseMap:
    """Noise level of an image.

    ``sigma`` is the standard deviation of the noise *per real channel*: of the real part, of the imaginary part, or of
    the Gaussian channels under a magnitude image, in the units of the image. (Tools that speak of complex variance 1
    differ by a factor of sqrt 2: convert at the border.)

    Parameters
    ----------
    sigma : array, shape broadcastable to (T, Z, Y, X)
        Noise SD per real channel, >= 0, finite, float32.
    kind : {"complex", "rician", "gaussian", "noncentral-chi"}
        Law of the noisy values: complex Gaussian, magnitude of one complex channel, real Gaussian, or
        root-sum-of-squares of several channels.
    origin : {"noise-scan", "estimated", "given"}
        How the level is known.
    uncertainty : float, optional
        Relative standard error of the level (0.05 = 5 %); None if unknown.
    support : (float, float, float), optional
        Filled part of k-space along (Z, Y, X), 1 = up to Nyquist; None if unknown.
    n_channels : int
        Complex channels under a root-sum-of-squares image (1 for Rician).

    Raises
    ------
    InputError
        If sigma is negative, not finite, or has more than four axes.
    """

    sigma: NDArray[np.float32]
    kind: NoiseKind = "rician"
    origin: NoiseOrigin = "estimated"
    uncertainty: float | None = None
    support: tuple[float, float, float] | None = None
    n_channels: int = 1

    def __post_init__(self) -> None:
        sigma = np.asarray(self.sigma, dtype=np.float32)
        if sigma.ndim > 4:
            raise InputError(f"A noise map has at most 4 axes (T, Z, Y, X), got {sigma.ndim}: give a 3-D or 4-D map.")
        sigma = sigma.reshape((1,) * (4 - sigma.ndim) + sigma.shape)
        if sigma.size == 0 or not np.isfinite(sigma).all() or (sigma < 0).any():
            raise InputError(
                "The noise level must be finite and not negative everywhere: check the given sigma or noise map."
            )
        object.__setattr__(self, "sigma", sigma)

    @property
    def level(self) -> float:
        """Median of sigma over the voxels where it is not zero (0 if it is zero everywhere)."""
        positive = self.sigma[self.sigma > 0]
        return float(np.median(positive)) if positive.size else 0.0

    def over(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Sigma broadcast (read-only, no copy) to an image of the given shape.

        Raises
        ------
        InputError
            If the map does not fit the shape.
        """
        try:
            return np.broadcast_to(self.sigma, shape)
        except ValueError:
            raise InputError(
                f"The noise map has shape {self.sigma.shape} (T, Z, Y, X), which does not fit the image {shape}: "
                "give a map on the grid of the image, or one number."
            ) from None
