"""Ready-made combinations of a network and the passes of the filter that it guides."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Preset:
    """A network and how many passes of :class:`quietmr.denoise.second_stage.GuidedDenoiser` follow it."""

    network: str
    passes: int
    description: str


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "quiet": Preset("quiet-fast", 1, "The network quiet-fast, then one pass of nonlocal Bayes that it guides."),
        "quiet-best": Preset("quiet-fast", 2, "As quiet, with two passes: a little better, and slower."),
    }
)
