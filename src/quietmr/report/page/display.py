"""What of a scan the page shows: all of it, or every n-th frame, slice and pixel of one that is too large."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image
from quietmr.report.views import View

# Frames are thinned out before voxels, down to so many.
_FEW_FRAMES = 8


@dataclass(frozen=True)
class Strides:
    """Every how many frames, slices, rows and columns (T, Z, Y, X) one is shown.

    Voxels are left out, not averaged: averages would show less noise than the scan has.
    """

    each: tuple[int, int, int, int] = (1, 1, 1, 1)

    def pick(self, data: NDArray[Any]) -> NDArray[Any]:
        """Pick from a volume (T, Z, Y, X); axes of length 1 stay."""
        return data[
            tuple(slice(None, None, step if n > 1 else 1) for step, n in zip(self.each, data.shape, strict=True))
        ]

    def shown(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Shape of what is shown of a volume."""
        return tuple(-(-n // step) for n, step in zip(shape, self.each, strict=True))

    def sentence(self, image: Image, view: View) -> str:
        """Say what is shown; empty if it is all."""
        t, *zyx = self.each
        parts = []
        if t > 1:
            parts.append(f"every {_ordinal(t)} of {image.shape[0]} frames")
        normal, row = zyx[view.normal_axis], zyx[view.row_axis]
        if normal > 1:
            parts.append(f"every {_ordinal(normal)} of {image.shape[1 + view.normal_axis]} slices")
        if row > 1:
            parts.append(f"every {_ordinal(row)} pixel")
        if not parts:
            return ""
        return f"To keep the file small it holds {', '.join(parts)}. All numbers are from the full data."


def strides_for(image: Image, view: View, most: float) -> Strides:
    """Leave out as little as brings the voxels under ``most``: frames, then slices, then pixels in the plane."""
    size = image.geometry.voxel_size[::-1]
    each = [1, 1, 1, 1]
    while np.prod(shown := Strides(_four(each)).shown(image.shape)) > most and max(shown) > 1:
        normal, row, column = view.normal_axis, view.row_axis, view.column_axis
        pixel = min(size[row] * each[1 + row], size[column] * each[1 + column])
        if shown[0] > _FEW_FRAMES:
            each[0] += 1
        elif shown[1 + normal] > 1 and size[normal] * each[1 + normal] <= 1.01 * pixel:
            each[1 + normal] += 1
        else:
            each[1 + row] += 1
            each[1 + column] += 1
    return Strides(_four(each))


def _four(each: list[int]) -> tuple[int, int, int, int]:
    t, z, y, x = each
    return t, z, y, x


def _ordinal(n: int) -> str:
    return {2: "second", 3: "third", 4: "fourth", 5: "fifth"}.get(n, f"{n}th")
