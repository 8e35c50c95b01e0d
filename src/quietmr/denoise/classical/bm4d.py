"""BM3D and BM4D of Tampere University: optional rivals under a non-commercial license.

They are never a default and not bundled. The first use in a process warns of the license. Small images crash BM3D and
are refused by BM4D: short axes are lengthened by reflection.
"""

import warnings
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Literal

import numpy as np

from quietmr.data import QuietmrWarning
from quietmr.denoise.classical.method import Method
from quietmr.denoise.classical.optional import optional_library
from quietmr.denoise.classical.snr_units import Array, VolumeDenoiser

_SMALLEST = 16  # voxels along an axis: one search window of the libraries


@cache
def _say_license_once() -> None:
    warnings.warn(
        "bm3d and bm4d are licensed by Tampere University for non-commercial use only; quietmr offers them for "
        "comparison and needs neither.",
        QuietmrWarning,
        stacklevel=4,
    )


@dataclass(frozen=True)
class Bm3d(VolumeDenoiser):
    """Collaborative filtering of groups of like squares, slice by slice."""

    name: ClassVar[str] = "bm3d"
    facts: ClassVar[Method] = Method(
        "bm3d", "non-commercial", "Dabov et al., IEEE Trans Image Process 16 (2007) 2080", extra="bm4d"
    )

    def _filter_volume(self, volume: Array, n_channels: int) -> Array:
        library = optional_library("bm3d", "bm4d")
        _say_license_once()
        _, rows, columns = volume.shape
        room = [(0, max(0, _SMALLEST - n)) for n in (rows, columns)]
        slices = [library.bm3d(np.pad(plane, room, mode="symmetric"), sigma_psd=1.0) for plane in volume]
        return np.asarray(slices, dtype=np.float32)[:, :rows, :columns]


@dataclass(frozen=True)
class Bm4d(VolumeDenoiser):
    """Collaborative filtering of groups of like cubes.

    Parameters
    ----------
    profile : {"np", "lc", "refilter"}
        Profile of the library: normal, low complexity, or with a third pass.
    """

    profile: Literal["np", "lc", "refilter"] = "np"

    name: ClassVar[str] = "bm4d"
    facts: ClassVar[Method] = Method(
        "bm4d", "non-commercial", "Maggioni et al., IEEE Trans Image Process 22 (2013) 119", extra="bm4d"
    )

    def _filter_volume(self, volume: Array, n_channels: int) -> Array:
        library = optional_library("bm4d", "bm4d")
        _say_license_once()
        z, y, x = volume.shape
        room = [(0, 0 if n == 1 else max(0, _SMALLEST - n)) for n in volume.shape]
        # the library takes a picture from the last axis of length one
        values = np.moveaxis(np.pad(volume, room, mode="symmetric"), 0, -1)
        filtered = np.asarray(library.bm4d(values, sigma_psd=1.0, profile=self.profile), dtype=np.float32)
        return np.moveaxis(filtered.reshape(values.shape), -1, 0)[:z, :y, :x]
