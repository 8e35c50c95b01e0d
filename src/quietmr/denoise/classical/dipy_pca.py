"""Local principal components of a series (DIPY): Marchenko-Pastur PCA and local PCA with a known noise level."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from quietmr.data import InputError
from quietmr.denoise.classical.method import Method
from quietmr.denoise.classical.optional import optional_library
from quietmr.denoise.classical.snr_units import Array, ClassicalDenoiser, check_positive

# Below this the spectrum of a patch has too few eigenvalues to tell noise from signal.
MIN_FRAMES = 10


@dataclass(frozen=True)
class _LocalPca(ClassicalDenoiser):
    """Shrinkage of the principal components of small patches over the frames of a series.

    Parameters
    ----------
    patch_radius : int
        Half edge of the patches in voxels. It grows until a patch holds more voxels than the series has frames, and is
        cut along axes that are too short.
    """

    patch_radius: int = 2

    def __post_init__(self) -> None:
        check_positive(self.name, patch_radius=self.patch_radius)

    def _filter_series(self, series: Array, n_channels: int) -> NDArray[np.floating[Any]]:
        frames = series.shape[0]
        if frames < MIN_FRAMES:
            raise InputError(
                f"The method {self.name} needs a series of at least {MIN_FRAMES} frames, got {frames}: "
                "choose a method for single volumes."
            )
        # the library clips negative values; patches are centred, so that lifting them changes nothing else
        lift = max(0.0, -2 * float(series.min()))
        lifted = np.ascontiguousarray(np.moveaxis(series, 0, -1), dtype=np.float64) + lift
        filtered = self._run(lifted, self._radii(series.shape)) - lift
        return np.moveaxis(filtered, -1, 0)

    def _radii(self, shape: tuple[int, ...]) -> NDArray[np.int64]:
        frames, *space = shape
        for radius in range(self.patch_radius, max(self.patch_radius, *space) + 1):
            radii = np.array([min(radius, (n - 1) // 2) for n in space])
            if np.prod(2 * radii + 1) > frames:
                return radii
        raise InputError(
            f"The method {self.name} needs patches with more voxels than the {frames} frames of the series, and "
            f"volumes of {tuple(space)} voxels (Z, Y, X) are too small for that: choose a method for single volumes."
        )

    @abstractmethod
    def _run(self, series: NDArray[np.float64], radii: NDArray[np.int64]) -> NDArray[np.float64]:
        """Call the library on values that are not negative, shape (Z, Y, X, T)."""


@dataclass(frozen=True)
class DipyMppca(_LocalPca):
    """PCA of patches whose noise level is read from their own spectrum by the law of Marchenko and Pastur."""

    name: ClassVar[str] = "dipy-mppca"
    facts: ClassVar[Method] = Method(
        "dipy", "BSD-3-Clause", "Veraart et al., NeuroImage 142 (2016) 394", extra="compare", series=True
    )

    def _run(self, series: NDArray[np.float64], radii: NDArray[np.int64]) -> NDArray[np.float64]:
        library = optional_library("dipy.denoise.localpca", "compare")
        return np.asarray(library.mppca(series, patch_radius=radii))


@dataclass(frozen=True)
class DipyLocalPca(_LocalPca):
    """PCA of patches with a threshold from the known noise level.

    Parameters
    ----------
    patch_radius : int
        Half edge of the patches in voxels, as for `DipyMppca`.
    threshold : float
        Components with an SD below ``threshold`` noise SDs are dropped.
    """

    threshold: float = 2.3

    name: ClassVar[str] = "dipy-localpca"
    facts: ClassVar[Method] = Method(
        "dipy", "BSD-3-Clause", "Manjon et al., PLoS ONE 8 (2013) e73021", extra="compare", series=True
    )

    def _run(self, series: NDArray[np.float64], radii: NDArray[np.int64]) -> NDArray[np.float64]:
        library = optional_library("dipy.denoise.localpca", "compare")
        return np.asarray(library.localpca(series, sigma=1.0, patch_radius=radii, tau_factor=self.threshold))
