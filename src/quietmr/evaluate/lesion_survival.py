"""How much of a small lesion survives a denoiser, by its size and contrast."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class LesionSurvival:
    """Contrast kept of planted bumps.

    Parameters
    ----------
    diameters : tuple of float, length D
        Full width at half maximum of the planted bumps, in mm.
    contrasts : tuple of float, length C
        Their peak over the tissue, in noise SDs.
    kept : array, shape (D, C)
        Mean part of the planted contrast that is left: 1 all, 0 nothing.
    error : array, shape (D, C)
        Standard error of that mean.
    count : int
        Bumps planted per size and contrast.
    """

    diameters: tuple[float, ...]
    contrasts: tuple[float, ...]
    kept: NDArray[np.float64]
    error: NDArray[np.float64]
    count: int
