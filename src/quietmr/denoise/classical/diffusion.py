"""Anisotropic diffusion after Perona and Malik."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from quietmr.denoise.classical.method import Method
from quietmr.denoise.classical.snr_units import Array, VolumeDenoiser, check_positive, in_its_dimensions


@dataclass(frozen=True)
class PeronaMalik(VolumeDenoiser):
    """Heat flow that stops at edges: each voxel moves towards its neighbours, less so the more they differ.

    Parameters
    ----------
    conductance : float
        Difference between neighbours at which the flow has fallen to 1/e, in units of the noise SD.
    steps : int
        Explicit steps in time, each of 1 / (2 d + 1) in d dimensions (the stability limit is 1 / (2 d)).
    """

    conductance: float = 2.5
    steps: int = 3

    name: ClassVar[str] = "perona-malik"
    facts: ClassVar[Method] = Method(
        "quietmr", "Apache-2.0", "Perona and Malik, IEEE Trans Pattern Anal Mach Intell 12 (1990) 629"
    )

    def __post_init__(self) -> None:
        check_positive(self.name, conductance=self.conductance, steps=self.steps)

    def _filter_volume(self, volume: Array, n_channels: int) -> Array:
        values = in_its_dimensions(volume).copy()
        step = np.float32(1 / (2 * values.ndim + 1))
        for _ in range(self.steps):
            values += step * self._inflow(values)
        return values.reshape(volume.shape)

    def _inflow(self, values: Array) -> Array:
        """Sum up what flows into each voxel from its neighbours; nothing crosses the border of the image."""
        inflow = np.zeros_like(values)
        for axis in range(values.ndim):
            difference = np.diff(values, axis=axis)
            flow = difference * np.exp(-np.square(difference / np.float32(self.conductance)))
            low = (slice(None),) * axis + (slice(None, -1),)
            high = (slice(None),) * axis + (slice(1, None),)
            inflow[low] += flow
            inflow[high] -= flow
        return inflow
