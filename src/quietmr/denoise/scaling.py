"""What intensities are divided by before a network sees them: the noise level, or the brightest tissue."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image, NoiseMap
from quietmr.denoise.brightness import brightest_tissue
from quietmr.models import Card


@dataclass(frozen=True)
class Scaling:
    """The unit of a network.

    Attributes
    ----------
    unit : float
        In the units of the image.
    ends : bool
        Whether the network takes intensities from 0 to 1 only; what is brighter then stays as it is.
    """

    unit: float
    ends: bool

    def scaled(self, image: Image) -> NDArray[np.float32] | NDArray[np.complex64]:
        """Pixels of an image (T, Z, Y, X) as the network sees them."""
        scaled = np.asarray(image.data / np.float32(self.unit), image.data.dtype)
        return np.clip(scaled, 0, 1) if self.ends else scaled

    def restored(
        self, denoised: NDArray[np.float32] | NDArray[np.complex64], image: Image, noise: NoiseMap
    ) -> NDArray[np.float32] | NDArray[np.complex64]:
        """Pixels (T, Z, Y, X) of the network in the units of the image, without what the network must not touch."""
        kept = noise.over(image.shape) <= 0
        if self.ends:
            kept = kept | (image.data > self.unit)
        return np.where(kept, image.data, denoised * np.float32(self.unit))

    @property
    def facts(self) -> dict[str, float]:
        """For the history: the intensity that counted as 1, for networks that take 0 to 1 only."""
        return {"white": self.unit} if self.ends else {}


def scaling_of(card: Card, image: Image, noise: NoiseMap) -> Scaling:
    """Choose the unit of a network for an image.

    Raises
    ------
    ModelError
        If the network needs a range of intensities and its card does not tell it.
    InputError
        If nothing in the image is brighter than noise, where the unit is that of tissue.
    """
    white = card.white
    if white is None:
        return Scaling(noise.level, ends=False)
    return Scaling(white * brightest_tissue(image.data, noise.level), ends=True)
