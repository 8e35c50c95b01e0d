"""A generative network, trained against discriminators, as a denoiser of whole images."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from quietmr.data import Image, InputError, ModelError, QuietmrWarning, Step
from quietmr.denoise.engines import DEFAULT_ENGINE, start_engine
from quietmr.denoise.stacks import frame_axis, from_stacks, to_stacks
from quietmr.models import Card, create_model, load_card

# Brightest tissue: this percentile of what is above this part of the 99.9th percentile and this many noise SDs. Means
# of 3 x 3 pixels of air have 1.25 +- 0.22 noise SDs.
_TISSUE, _PART, _NOISE_SDS, _WIDE = 99.0, 0.05, 2.0, 3


@dataclass(frozen=True)
class TranslationDenoiser:
    """Denoise magnitudes with a network that a GAN step has trained, plane by plane; warns that it may invent.

    Such networks want intensities from 0 to 1: the image is divided by a multiple of its brightest tissue, as in
    training (``white``). What is brighter stays as it is. Planes are never cut, for norms over a plane and a noise code
    of the whole plane would make tiles differ.

    Parameters
    ----------
    model : str
        Path or name of a trained model whose card says that a GAN step trained it.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "mps".
    voxels : int
        Planes of about so many voxels together are done at a time.
    progress : callable, optional
        Is told the done part, 0 to 1.
    engine : str
        What runs the network.
    """

    model: str
    device: str = "auto"
    voxels: int = 2**18
    progress: Callable[[float], None] | None = field(default=None, compare=False)
    engine: str = DEFAULT_ENGINE

    def __call__(self, image: Image) -> Image:
        """Denoise; see :class:`quietmr.denoise.contract.Denoiser`."""
        if image.is_complex:
            raise InputError(
                f"The network '{self.model}' denoises magnitudes, got a complex image: give its magnitude."
            )
        if image.noise is None:
            raise InputError("The image carries no noise level: set image.noise or call quietmr.denoise.")
        card = load_card(self.model)
        unit = white_of(card) * brightest_tissue(image.data, image.noise.level)
        warnings.warn(
            f"'{card.name}' is a generative network (GAN): its output may show structure that is not in the scan. Look "
            "at what it took away and added: scan minus result (--removed FILE of quietmr denoise).",
            QuietmrWarning,
            stacklevel=2,
        )
        runner = start_engine(self.engine, create_model(self.model), self.device, math.inf)
        axis = frame_axis(image)
        scaled = to_stacks(np.asarray(np.clip(image.data / unit, 0, 1), np.float32), axis)
        count, (height, width) = max(1, self.voxels // (scaled.shape[-2] * scaled.shape[-1])), scaled.shape[-2:]
        planes = scaled.reshape(-1, height, width)
        made = np.empty_like(planes)
        for start in range(0, len(planes), count):
            made[start : start + count] = runner(planes[None, start : start + count])[0]
            if self.progress is not None:
                self.progress(min(1.0, (start + count) / len(planes)))
        denoised = from_stacks(made.reshape(scaled.shape), axis) * np.float32(unit)
        kept = (image.data > unit) | (image.noise.over(image.shape) <= 0)
        parameters = {
            "method": self.model,
            "weights_sha256": card.sha256,
            "generative": True,
            "white": float(unit),
            "engine": self.engine,
            "device": runner.device,
            "precision": runner.precision,
            "third_axis": axis,
        }
        return image.after(Step("denoise", parameters), np.where(kept, image.data, denoised))


def white_of(card: Card) -> float:
    """Intensity that counts as 1 for the network of a card, in units of the brightest tissue.

    Raises
    ------
    ModelError
        If the card does not tell.
    """
    white = card.recipe.get("gan", {}).get("white")
    if not isinstance(white, int | float) or not 0 < white < math.inf:
        raise ModelError(f"The card of '{card.name}' does not tell the intensity 'white' of its recipe: train it anew.")
    return float(white)


def brightest_tissue(magnitude: NDArray[np.float32], sigma: float) -> float:
    """Brightness of the brightest tissue of a noisy magnitude image, without what noise adds.

    The 99th percentile of the foreground after means over 3 x 3 pixels, less the bias of magnitudes.

    Parameters
    ----------
    magnitude : array, shape (T, Z, Y, X)
    sigma : float
        Noise SD per real channel.

    Raises
    ------
    InputError
        If nothing is brighter than noise.
    """
    smooth = uniform_filter(np.asarray(magnitude, np.float64), (1, 1, _WIDE, _WIDE))
    foreground = smooth > max(_PART * np.percentile(smooth, 99.9), _NOISE_SDS * sigma)
    level = float(np.percentile(smooth[foreground], _TISSUE)) if foreground.any() else 0.0
    if level <= sigma:
        raise InputError(
            "Nothing in the image is brighter than its noise: check the noise level, or leave it as it is."
        )
    return math.sqrt(level**2 - sigma**2)
