"""Filters of scikit-image: nonlocal means, total variation, wavelet shrinkage.

Traps of the library that are met here: it rescales integer images (it only ever gets float32), and its noise levels are
absolute numbers (it only ever sees SNR units).
"""

from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar

import numpy as np

from quietmr.data import InputError
from quietmr.denoise.classical.method import Method
from quietmr.denoise.classical.optional import optional_library
from quietmr.denoise.classical.snr_units import Array, VolumeDenoiser, check_positive, in_its_dimensions


def _restoration() -> Any:
    return optional_library("skimage.restoration", "compare")


@dataclass(frozen=True)
class SkimageNonlocalMeans(VolumeDenoiser):
    """Nonlocal means in its fast form: means weighted by the likeness of patches.

    Parameters
    ----------
    strength : float
        Decay of the weights with patch distance, in units of the noise SD (``h`` of the library).
    patch_size : int
        Edge of the patches in voxels.
    distance : int
        Greatest distance of patches along each axis in voxels.
    """

    strength: float = 0.5
    patch_size: int = 3
    distance: int = 3

    name: ClassVar[str] = "skimage-nlm"
    facts: ClassVar[Method] = Method("scikit-image", "BSD-3-Clause", "Darbon et al., ISBI (2008) 1331", extra="compare")

    def __post_init__(self) -> None:
        check_positive(self.name, strength=self.strength, patch_size=self.patch_size, distance=self.distance)

    def _filter_volume(self, volume: Array, n_channels: int) -> Array:
        filtered = _restoration().denoise_nl_means(
            in_its_dimensions(volume),
            patch_size=self.patch_size,
            patch_distance=self.distance,
            h=self.strength,
            sigma=1.0,
            fast_mode=True,
            preserve_range=True,
            channel_axis=None,
        )
        return np.asarray(filtered, dtype=np.float32).reshape(volume.shape)


@dataclass(frozen=True)
class SkimageTotalVariation(VolumeDenoiser):
    """Total variation after Chambolle: the flattest image that stays near the noisy one.

    Parameters
    ----------
    weight : float
        Weight of the total variation in units of the noise SD; larger is smoother.
    tolerance : float
        Relative change of the cost at which the iteration stops.
    """

    weight: float = 0.45
    tolerance: float = 1e-4

    name: ClassVar[str] = "skimage-tv"
    facts: ClassVar[Method] = Method(
        "scikit-image", "BSD-3-Clause", "Chambolle, J Math Imaging Vis 20 (2004) 89", extra="compare"
    )

    def __post_init__(self) -> None:
        check_positive(self.name, weight=self.weight, tolerance=self.tolerance)

    def _filter_volume(self, volume: Array, n_channels: int) -> Array:
        filtered = _restoration().denoise_tv_chambolle(
            in_its_dimensions(volume), weight=self.weight, eps=self.tolerance, max_num_iter=500, channel_axis=None
        )
        return np.asarray(filtered, dtype=np.float32).reshape(volume.shape)


@dataclass(frozen=True)
class SkimageWavelet(VolumeDenoiser):
    """Soft shrinkage of wavelet coefficients with a threshold per band (BayesShrink), averaged over shifts.

    Parameters
    ----------
    wavelet : str
        Name of an orthogonal wavelet of PyWavelets.
    shifts : int
        The image is shifted by 0 ... ``shifts`` voxels along each axis and the results averaged (cycle spinning);
        0 filters once and leaves blocks.
    """

    wavelet: str = "db2"
    shifts: int = 1

    name: ClassVar[str] = "skimage-wavelet"
    facts: ClassVar[Method] = Method(
        "scikit-image", "BSD-3-Clause", "Chang et al., IEEE Trans Image Process 9 (2000) 1532", extra="compare"
    )

    def __post_init__(self) -> None:
        if self.shifts < 0:
            raise InputError(f"The parameter shifts of {self.name} must not be negative, got {self.shifts}: change it.")

    def _filter_volume(self, volume: Array, n_channels: int) -> Array:
        picture = in_its_dimensions(volume)
        shortest = 2 * self._length() - 2  # voxels for one level: shorter axes are lengthened by reflection
        values = np.pad(picture, [(0, max(0, shortest - n)) for n in picture.shape], mode="symmetric")
        axes = tuple(range(values.ndim))
        total = np.zeros(values.shape)
        for shift in product(range(self.shifts + 1), repeat=values.ndim):
            total += np.roll(self._shrink(np.roll(values, shift, axes)), tuple(-n for n in shift), axes)
        kept = total[tuple(slice(n) for n in picture.shape)] / (self.shifts + 1) ** values.ndim
        return np.asarray(kept, dtype=np.float32).reshape(volume.shape)

    def _length(self) -> int:
        pywt = optional_library("pywt", "compare")
        if self.wavelet not in pywt.wavelist(kind="discrete"):
            raise InputError(
                f"The wavelet '{self.wavelet}' of {self.name} is unknown: take a discrete one of PyWavelets, for "
                "example db2 or sym4."
            )
        return int(pywt.Wavelet(self.wavelet).dec_len)

    def _shrink(self, values: Array) -> Array:
        shrunk = _restoration().denoise_wavelet(
            values, sigma=1.0, wavelet=self.wavelet, method="BayesShrink", rescale_sigma=False, channel_axis=None
        )
        return np.asarray(shrunk)
