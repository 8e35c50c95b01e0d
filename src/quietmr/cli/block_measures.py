"""What a denoiser does to noise and to small lesions, measured in seconds on a block of the scan."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image, InputError, NoiseMap
from quietmr.denoise import Denoiser, create_denoiser
from quietmr.evaluate.lesion_survival import LesionSurvival
from quietmr.evaluate.lesions import lesion_survival
from quietmr.evaluate.monte_carlo import noise_gain
from quietmr.evaluate.noise_gain import NoiseGain
from quietmr.evaluate.typical_block import Region, crop, typical_block
from quietmr.report.evidence import tissue
from quietmr.signal.finite import fill_nonfinite

if TYPE_CHECKING:
    from quietmr.cli.report_page import Reported

# The median over a block needs few replicas: it is an average of thousands of voxels.
_REPLICAS = 6
_SEED = 6


@dataclass(frozen=True, eq=False)
class BlockMeasures:
    """Gain in SNR and survival of lesions; or why there are none, in a sentence."""

    gain: NoiseGain | None
    survival: LesionSurvival | None
    note: str


def measure_block(
    shown: "Reported",
    model: str,
    strength: float,
    *,
    engine: str = "torch",
    device: str = "auto",
    progress: Callable[[float], None] | None = None,
) -> BlockMeasures:
    """Run the model on fresh noise and on planted lesions, in the block with most tissue."""
    data, _ = fill_nonfinite(shown.before.data)
    image = shown.before.replace(data=data, noise=None)
    where = tissue(image, shown.noise, shown.mask)
    if not where.any():
        return BlockMeasures(None, None, "No tissue stands above the noise, so there is no place for a lesion.")
    denoiser: Denoiser = create_denoiser(model, device=device, engine=engine)
    if strength < 1:
        denoiser = _Weaker(denoiser, strength)
    # The denoised image stands for the truth; a copy of less strength still holds some of the noise.
    whole, _ = fill_nonfinite(data + (shown.after.data - data) / np.float32(strength))
    block = _Block(denoiser, image, shown.noise, image.replace(data=whole), where)
    gain, survival, note = None, None, ""
    try:
        gain, survival = block.gain(), block.survival(progress)
    except InputError as reason:
        note = f"It could not be measured. {reason}"
    return BlockMeasures(gain, survival, note)


@dataclass(frozen=True, eq=False)
class _Block:
    """The part of a scan with most tissue, and what stands for the truth there."""

    denoiser: Denoiser
    image: Image
    noise: NoiseMap
    truth: Image
    where: NDArray[np.bool_]

    def gain(self) -> NoiseGain:
        """Measure the gain in SNR with fresh noise."""
        region = self._region()
        place = (slice(None), *region)
        noise = replace(self.noise, sigma=self.noise.over(self.image.shape)[place])
        return noise_gain(
            self.denoiser,
            crop(self.image, region),
            noise,
            replicas=_REPLICAS,
            rng=np.random.default_rng(_SEED),
            mask=self.where[place],
            around=crop(self.truth, region),
        )

    def survival(self, progress: Callable[[float], None] | None) -> LesionSurvival:
        """Plant small lesions and measure what is left of them."""
        return lesion_survival(
            self.denoiser,
            self.image,
            self.noise,
            rng=np.random.default_rng(_SEED),
            mask=self.where,
            region=self._region(),
            around=self.truth,
            progress=progress,
        )

    def _region(self) -> Region:
        return typical_block(self.image, self.where)


@dataclass(frozen=True)
class _Weaker:
    """Removes a part of what a denoiser removes, as ``quietmr denoise --strength`` does."""

    denoiser: Denoiser
    strength: float

    def __call__(self, image: Image) -> Image:
        """Denoise an image whose noise is known."""
        result = self.denoiser(image)
        return result.replace(data=image.data + np.float32(self.strength) * (result.data - image.data))
