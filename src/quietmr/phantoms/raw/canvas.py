"""A picture that knows what it shows: brightness and, beside it, the tissue of every voxel."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from quietmr.phantoms.frame import Brightness, Frame, coverage, ellipsoid, paint
from quietmr.phantoms.texture import Volume


class Tissue(IntEnum):
    """What a voxel of the truth shows; the tissues of the heart have names, the rest has none."""

    OTHER = 0
    LEFT_BLOOD = 1
    RIGHT_BLOOD = 2
    MYOCARDIUM = 3
    PAPILLARY = 4


@dataclass(frozen=True, eq=False)
class Canvas:
    """Brightness and tissue, painted over in place.

    Attributes
    ----------
    image : array, shape (Z, Y, X), float32
    labels : array, shape (Z, Y, X), uint8
        The last tissue that covered more than half of the voxel, see `Tissue`.
    """

    image: Volume
    labels: NDArray[np.uint8]

    @classmethod
    def over(cls, image: Volume) -> "Canvas":
        """Paint over a copy of a picture without named tissues."""
        return cls(image.copy(), np.zeros(image.shape, np.uint8))

    def paint(self, part: Volume, value: Brightness, tissue: Tissue = Tissue.OTHER) -> None:
        """Put tissue into the covered part of each voxel."""
        paint(self.image, part, value)
        self.labels[part > 0.5] = tissue

    def paint_ellipsoid(
        self, frame: Frame, center: tuple[float, ...], radii: tuple[float, ...], value: Brightness, tissue: Tissue
    ) -> None:
        """Paint an ellipsoid."""
        depth = ellipsoid(frame, center, radii)
        if float(depth.max()) > -max(frame.spacing):
            self.paint(coverage(depth), value, tissue)
