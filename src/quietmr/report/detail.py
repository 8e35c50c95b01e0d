"""Find the place of a picture that is worth a closer look."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes, distance_transform_edt, gaussian_filter, uniform_filter

# Share of the shorter side that the box covers, and how many pixels it has at least.
_SHARE = 0.2
_FEWEST = 12
# Depth under the surface, as a part of the deepest place, at which skin, fat and bone of a head end.
_RIND = 0.2


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels: first row and column, height and width."""

    row: int
    column: int
    height: int
    width: int

    def of(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the part of the picture inside the box."""
        return picture[self.row : self.row + self.height, self.column : self.column + self.width]


def detail_box(picture: NDArray[np.float32], pixel_size: tuple[float, float]) -> Box:
    """Box, square in mm, with the most fine structure well inside the object.

    Edges are counted with a ceiling at their 90th percentile, so that many moderate edges (cortex, cerebellum) win over
    one bright rim, and boxes that reach into the rind of the object (scalp, fat, bone) are marked down.

    Parameters
    ----------
    picture : array, shape (rows, columns)
        The denoised slice.
    pixel_size : (float, float)
        Height and width of a pixel in mm.
    """
    height, width = _size(picture.shape, pixel_size)
    magnitude = np.nan_to_num(np.abs(picture)).astype(np.float64)
    smooth = gaussian_filter(magnitude, 1.0)
    depth = distance_transform_edt(
        binary_fill_holes(gaussian_filter(magnitude, 2.0) > 0.2 * np.percentile(magnitude, 95))
    )
    inside = depth > _RIND * depth.max()
    edges = np.hypot(*(np.gradient(smooth, axis=axis) if smooth.shape[axis] > 1 else 0 * smooth for axis in (0, 1)))
    ceiling = np.percentile(edges[inside], 90) if inside.any() else 0.0
    detail = uniform_filter(np.minimum(edges, ceiling) * inside, (height, width), mode="constant")
    covered = uniform_filter(inside.astype(np.float64), (height, width), mode="constant")
    score = detail * covered**8
    rows, columns = picture.shape
    top, left = height // 2, width // 2
    valid = score[top : rows - height + top + 1, left : columns - width + left + 1]
    row, column = np.unravel_index(int(np.argmax(valid)), valid.shape)
    return Box(int(row), int(column), height, width)


def _size(shape: tuple[int, ...], pixel_size: tuple[float, float]) -> tuple[int, int]:
    side = _SHARE * min(n * mm for n, mm in zip(shape, pixel_size, strict=True))
    height, width = (
        min(n, max(_FEWEST, round(side / mm))) if mm > 0 else n for n, mm in zip(shape, pixel_size, strict=True)
    )
    return height, width


def darkest_corner(picture: NDArray[np.float32], avoid: Box) -> tuple[bool, bool]:
    """Corner with the least signal, away from the box: (at the bottom, at the right)."""
    rows, columns = picture.shape
    magnitude = np.nan_to_num(np.abs(picture))
    middle = (avoid.row + avoid.height / 2 > rows / 2, avoid.column + avoid.width / 2 > columns / 2)

    def signal(corner: tuple[bool, bool]) -> float:
        part = magnitude[2 * rows // 3 :] if corner[0] else magnitude[: rows // 3 + 1]
        part = part[:, 2 * columns // 3 :] if corner[1] else part[:, : columns // 3 + 1]
        return float(part.mean()) if part.size else 0.0

    corners = [(True, True), (True, False), (False, True), (False, False)]
    return min((corner for corner in corners if corner != middle), key=signal)
