"""Nonlocal means of DIPY: classic, blockwise, and the adaptive mixture of two (ASCM).

Traps of the library that are met here:

- The blockwise filter has absolute thresholds of 1e-5, below which it silently returns its input: it only ever sees SNR
  units.
- All forms average *squares* and take the root, which is right for magnitudes and turns negative values into positive
  ones: Gaussian values are lifted above zero first and lowered afterwards.
- Both forms read outside the memory of axes that are not longer than the radius (measured with 1.12.1: the result for
  one slice depends on the order of the axes by two noise SDs, or is NaN): short axes are lengthened by reflection. One
  slice becomes a stack of copies, of which only the middle one counts: copies multiply all weights alike, so the result
  is the filter in two dimensions.
- Threads of the blockwise filter add into shared voxels without a lock, so that its result changes from run to run
  (measured with 1.12.1: by up to 0.8 noise SD): it runs on one thread.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from quietmr.denoise.classical.method import Method
from quietmr.denoise.classical.optional import optional_library
from quietmr.denoise.classical.snr_units import Array, VolumeDenoiser, check_positive
from quietmr.noise import signal_from_second_moment

Form = Literal["classic", "blockwise"]
Volume = NDArray[np.float64]

# Brightness that is added to Gaussian values besides their minimum, in noise SDs. High enough that the root of the
# averaged squares is the average but for SD^2 / (2 x 20), low enough that the 5 % test on block means still tells
# tissues apart.
_LIFT = 20.0


@dataclass(frozen=True)
class DipyBlockwise(VolumeDenoiser):
    """Blockwise nonlocal means with pre-selection of blocks by mean and variance.

    Parameters
    ----------
    block_radius : int
        Half edge of the blocks that are compared and averaged, in voxels.
    search_radius : int
        Greatest distance of blocks along each axis in voxels (``patch_radius`` of the library).
    """

    block_radius: int = 1
    search_radius: int = 3

    name: ClassVar[str] = "dipy-nlm-blockwise"
    facts: ClassVar[Method] = Method(
        "dipy", "BSD-3-Clause", "Coupe et al., IEEE Trans Med Imaging 27 (2008) 425", bias="told", extra="compare"
    )

    def __post_init__(self) -> None:
        check_positive(self.name, block_radius=self.block_radius, search_radius=self.search_radius)

    def _filter_volume(self, volume: Array, n_channels: int) -> Volume:
        return _nonlocal_means(volume, n_channels, "blockwise", (self.search_radius, self.block_radius))


@dataclass(frozen=True)
class DipyClassic(VolumeDenoiser):
    """Voxelwise nonlocal means.

    Parameters
    ----------
    patch_radius : int
        Half edge of the patches that are compared, in voxels.
    search_radius : int
        Half edge of the window that holds the patches, in voxels (``block_radius`` of the library).
    """

    patch_radius: int = 1
    search_radius: int = 3

    name: ClassVar[str] = "dipy-nlm-classic"
    facts: ClassVar[Method] = Method(
        "dipy", "BSD-3-Clause", "Descoteaux et al., MICCAI (2008) 171", bias="told", extra="compare"
    )

    def __post_init__(self) -> None:
        check_positive(self.name, patch_radius=self.patch_radius, search_radius=self.search_radius)

    def _filter_volume(self, volume: Array, n_channels: int) -> Volume:
        return _nonlocal_means(volume, n_channels, "classic", (self.patch_radius, self.search_radius))


@dataclass(frozen=True)
class DipyAscm(VolumeDenoiser):
    """Adaptive soft coefficient matching: wavelet bands of a mild and a strong blockwise result, mixed band by band.

    Parameters
    ----------
    mild, strong : (int, int)
        Search radius and block radius in voxels of the two runs of `DipyBlockwise`.
    grey_levels : float
        Grey levels per noise SD at which the mixture is made. The library mixes with a fixed steepness per grey level,
        meant for images of 0 to 255.
    """

    mild: tuple[int, int] = (2, 1)
    strong: tuple[int, int] = (2, 2)
    grey_levels: float = 10.0

    name: ClassVar[str] = "dipy-ascm"
    facts: ClassVar[Method] = Method(
        "dipy", "BSD-3-Clause", "Coupe et al., IET Image Process 6 (2012) 558", bias="told", extra="compare"
    )

    def __post_init__(self) -> None:
        check_positive(self.name, grey_levels=self.grey_levels)
        check_positive(self.name, mild=min(self.mild), strong=min(self.strong))

    def _filter_volume(self, volume: Array, n_channels: int) -> Volume:
        matching = optional_library("dipy.denoise.adaptive_soft_matching", "compare")
        runs = [_nonlocal_means(volume, n_channels, "blockwise", radii) for radii in (self.mild, self.strong)]
        # the wavelets of the library are ten taps long, and its own padding with zeros darkens the far border
        room = [(0, max(16 - n, 8)) for n in volume.shape]
        images = np.stack([volume, *runs]) * self.grey_levels
        padded = np.pad(images, [(0, 0), *room], mode="symmetric")
        mixed: Volume = np.asarray(matching.adaptive_soft_matching(*padded, self.grey_levels)) / self.grey_levels
        z, y, x = volume.shape
        signal = mixed[:z, :y, :x]
        return np.maximum(signal, 0) if n_channels else signal


def _nonlocal_means(volume: Array, n_channels: int, form: Form, radii: tuple[int, int]) -> Volume:
    """Run one form of the library on values in SNR units and return the signal.

    ``radii`` are the ``patch_radius`` and ``block_radius`` of the library, whose meaning differs between the forms.
    """
    if n_channels == 1:
        return _run(volume.astype(np.float64), form, radii, rician=True)
    if n_channels > 1:
        root_mean_square = _run(volume.astype(np.float64), form, radii, rician=False)
        return np.asarray(signal_from_second_moment(root_mean_square**2, 1.0, n_channels))
    lift = _LIFT - min(float(volume.min()), 0.0)
    return _run(volume + np.float64(lift), form, radii, rician=False) - lift


def _run(volume: Volume, form: Form, radii: tuple[int, int], *, rician: bool) -> Volume:
    nlmeans = optional_library("dipy.denoise.nlmeans", "compare").nlmeans
    reach = radii[1] + radii[1] % 2  # even: blocks of the library are centred on every second voxel
    room = [(reach, reach) if n <= reach else (0, 0) for n in volume.shape]
    inside = np.pad(np.ones(volume.shape), room)
    filtered = nlmeans(
        np.pad(volume, room, mode="symmetric"),
        sigma=1.0,
        mask=inside,
        patch_radius=radii[0],
        block_radius=radii[1],
        rician=rician,
        method=form,
        num_threads=1 if form == "blockwise" else None,
    )
    kept: Volume = np.asarray(filtered)[inside > 0].reshape(volume.shape)
    return kept
