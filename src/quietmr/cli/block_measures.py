"""What a denoiser does to noise and to small lesions, measured in seconds on a block of the scan."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from quietmr.data import Image, InputError
from quietmr.denoise import Denoiser, create_denoiser
from quietmr.evaluate.lesion_survival import LesionSurvival
from quietmr.evaluate.lesions import lesion_survival
from quietmr.evaluate.monte_carlo import noise_gain
from quietmr.evaluate.noise_gain import NoiseGain
from quietmr.evaluate.tissue import tissue
from quietmr.evaluate.typical_block import crop, typical_block
from quietmr.signal.finite import fill_nonfinite

if TYPE_CHECKING:
    from quietmr.cli.report_page import Reported

# The median over a block needs few replicas: it is an average of thousands of voxels.
_REPLICAS = 4
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
    """Run the model on fresh noise and on planted lesions, in the block with most tissue.

    The denoised image stands for the truth there; where less than the full strength was asked for, what it would have
    been at full strength.
    """
    where = tissue(shown.before, shown.noise, shown.mask)
    if not where.any():
        return BlockMeasures(None, None, "No tissue stands above the noise, so there is no place for a lesion.")
    denoiser: Denoiser = create_denoiser(model, device=device, engine=engine)
    if strength < 1:
        denoiser = _Weaker(denoiser, strength)
    region = typical_block(shown.before, where)
    place = (slice(None), *region)
    before, after = (crop(image.replace(noise=None), region) for image in (shown.before, shown.after))
    noisy, _ = fill_nonfinite(before.data)
    truth, _ = fill_nonfinite(noisy + (after.data - noisy) / np.float32(strength))
    block, mask = before.replace(data=noisy), where[place]
    noise = replace(shown.noise, sigma=shown.noise.over(shown.before.shape)[place])
    known: dict[str, Any] = {"mask": mask, "around": before.replace(data=truth)}
    gain, survival, reason = None, None, ""
    try:
        gain = noise_gain(denoiser, block, noise, replicas=_REPLICAS, rng=np.random.default_rng(_SEED), **known)
        survival = lesion_survival(denoiser, block, noise, rng=np.random.default_rng(_SEED), progress=progress, **known)
    except InputError as error:
        reason = f"It could not be measured. {error}"
    return BlockMeasures(gain, survival, reason)


@dataclass(frozen=True)
class _Weaker:
    """Removes a part of what a denoiser removes, as ``quietmr denoise --strength`` does."""

    denoiser: Denoiser
    strength: float

    def __call__(self, image: Image) -> Image:
        """Denoise an image whose noise is known."""
        result = self.denoiser(image)
        return result.replace(data=image.data + np.float32(self.strength) * (result.data - image.data))
