"""BM3D and BM4D of Tampere University: optional rivals under a non-commercial license.

They are never a default and not bundled. The first use in a process warns of the license. Traps that are met here:
BM3D crashes on pictures of 8 x 8 (rows and columns are lengthened by reflection), and with several threads the results
change from run to run (they run on one).
"""

import warnings
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np

from quietmr.data import QuietmrWarning
from quietmr.denoise.classical.method import Method
from quietmr.denoise.classical.optional import optional_library
from quietmr.denoise.classical.snr_units import Array, VolumeDenoiser

_SMALLEST = 16  # rows and columns: two blocks of the libraries
_THICK = 5  # slices from which a block of BM4D fits


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
        profile = library.BM3DProfile()
        profile.num_threads = 1
        slices = [library.bm3d(plane, sigma_psd=1.0, profile=profile) for plane in _lengthened(volume)]
        _, rows, columns = volume.shape
        return np.asarray(slices, dtype=np.float32)[:, :rows, :columns]


@dataclass(frozen=True)
class Bm4d(VolumeDenoiser):
    """Collaborative filtering of groups of like cubes (squares, for fewer than five slices)."""

    name: ClassVar[str] = "bm4d"
    facts: ClassVar[Method] = Method(
        "bm4d", "non-commercial", "Maggioni et al., IEEE Trans Image Process 22 (2013) 119", extra="bm4d"
    )

    def _filter_volume(self, volume: Array, n_channels: int) -> Array:
        library = optional_library("bm4d", "bm4d")
        _say_license_once()
        slices, rows, columns = volume.shape
        profile = library.BM4DProfile() if slices >= _THICK else library.BM4DProfile2D()
        profile.num_threads = 1
        values = np.moveaxis(_lengthened(volume), 0, -1)  # the library wants a short axis last
        filtered = np.asarray(library.bm4d(values, sigma_psd=1.0, profile=profile), dtype=np.float32)
        return np.moveaxis(filtered.reshape(values.shape), -1, 0)[:, :rows, :columns]


def _lengthened(volume: Array) -> Array:
    """Reflect rows and columns up to the shortest length that the libraries survive."""
    room = [(0, max(0, _SMALLEST - n)) for n in volume.shape[1:]]
    return np.pad(volume, [(0, 0), *room], mode="symmetric")
