"""Where the voxels are."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from quietmr.data.errors import InputError


def _identity() -> NDArray[np.float64]:
    return np.eye(4)


@dataclass(frozen=True, eq=False)
class Geometry:
    """Position of the voxel grid in the patient.

    Parameters
    ----------
    affine : array, shape (4, 4)
        Maps the voxel index ``(x, y, z, 1)`` to millimetres in RAS+ (right, anterior, superior positive). Note the
        order: ``Image.data`` is stored ``(T, Z, Y, X)``, the affine counts ``(x, y, z)`` as NIfTI does.
    slice_thickness : float, optional
        Thickness of one slice in mm; None if unknown. The distance between slice centres is ``voxel_size[2]``.
    time_step : float, optional
        Time from one frame to the next in seconds; None if unknown.

    Raises
    ------
    InputError
        If the affine is not a finite 4 x 4 matrix with last row ``0 0 0 1``.
    """

    affine: NDArray[np.float64] = field(default_factory=_identity)
    slice_thickness: float | None = None
    time_step: float | None = None

    def __post_init__(self) -> None:
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all() or not np.allclose(affine[3], [0, 0, 0, 1]):
            raise InputError(
                f"The affine must be a finite 4 x 4 matrix with last row 0 0 0 1, got {affine.tolist()}: "
                "correct the header or build the image with Geometry()."
            )
        affine.setflags(write=False)
        object.__setattr__(self, "affine", affine)

    @property
    def voxel_size(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxel centres along x, y, z in mm."""
        x, y, z = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(x), float(y), float(z)

    @property
    def slice_gap(self) -> float | None:
        """Empty space between slices in mm (negative: overlapping slices); None if the thickness is unknown."""
        return None if self.slice_thickness is None else self.voxel_size[2] - self.slice_thickness
