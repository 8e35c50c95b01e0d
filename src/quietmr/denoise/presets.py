"""Ready-made combinations of a network and the passes of the filter that it guides."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from quietmr.data import Image
from quietmr.denoise.stacks import frame_axis


class Steps(NamedTuple):
    """What is done in turn.

    Attributes
    ----------
    network : str
    along_frames : bool
        Whether filters along the frames follow (:mod:`quietmr.denoise.frame_pca`, :mod:`quietmr.denoise.frame_wiener`).
    passes : int
        Passes of nonlocal Bayes at the end; 0 for none.
    """

    network: str
    along_frames: bool
    passes: int


@dataclass(frozen=True)
class Preset:
    """What :class:`quietmr.denoise.second_stage.GuidedDenoiser` does with an image.

    Attributes
    ----------
    network : str
        Network for magnitudes.
    passes : int
        Passes of the filter for magnitudes.
    complex_network : str
        Network for complex images.
    complex_passes, complex_passes_time : int
        Passes for complex images whose third axis is the slices, and for those where it is time.
    description : str
    """

    network: str
    passes: int
    complex_network: str
    complex_passes: int
    complex_passes_time: int
    description: str

    def steps_for(self, image: Image) -> Steps:
        """Choose by what the image is: magnitude or complex, slices or time."""
        if not image.is_complex:
            return Steps(network=self.network, along_frames=False, passes=self.passes)
        in_time = frame_axis(image) == "time"
        passes = self.complex_passes_time if in_time else self.complex_passes
        return Steps(network=self.complex_network, along_frames=in_time, passes=passes)


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "quiet": Preset(
            "quiet-fast",
            1,
            "quiet-complex",
            1,
            1,
            "The network quiet-fast (complex images: quiet-complex; sequences: and filters along the frames), then one "
            "pass of nonlocal Bayes that it guides.",
        ),
        "quiet-best": Preset(
            "quiet-fast",
            2,
            "quiet-complex",
            2,
            1,
            "As quiet, with two passes but for complex sequences: a little better, and slower.",
        ),
    }
)
