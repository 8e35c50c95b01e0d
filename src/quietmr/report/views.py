"""Cut one picture out of a volume, the right way up, and name its sides."""

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Acquired, Image

_POSITIVE = "RAS"
_NEGATIVE = "LPI"
# Slices thicker than this times the pixel, or stacks shorter than this part of the picture, are looked at in-plane.
_THICK = 1.5
_SHORT = 0.4
_PLANES = {"RA": "axial", "RS": "coronal", "AS": "sagittal"}
_PICTURES = {"png", "tiff", "jpeg", "bmp"}


@dataclass(frozen=True)
class View:
    """One slice of a volume as it is hung on the light box.

    Attributes
    ----------
    row_axis, column_axis, normal_axis : int
        Array axes of a (Z, Y, X) volume along the picture's rows (downwards), columns (rightwards) and into the screen.
    flip_rows, flip_columns : bool
        Whether the array runs against the picture along those axes.
    index : int
        Slice along ``normal_axis``.
    pixel_size : (float, float)
        Height and width of one pixel in mm.
    letters : tuple of str, optional
        Patient sides at left, right, top and bottom of the picture; None where the file does not say.
    """

    row_axis: int
    column_axis: int
    normal_axis: int
    flip_rows: bool
    flip_columns: bool
    index: int
    pixel_size: tuple[float, float]
    letters: tuple[str, str, str, str] | None

    def cut(self, volume: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the slice of a (Z, Y, X) volume as a picture, first row on top."""
        picture = np.moveaxis(volume, (self.normal_axis, self.row_axis, self.column_axis), (0, 1, 2))[self.index]
        hung: NDArray[np.float32] = picture[:: -1 if self.flip_rows else 1, :: -1 if self.flip_columns else 1]
        return hung

    @property
    def name(self) -> str:
        """Plane by the sides that it shows (the nearest one if oblique); empty where the file does not say."""
        return "" if self.letters is None else _PLANES[self.letters[0] + self.letters[2]]


def middle_view(image: Image) -> View:
    """Middle slice of an image: axial for a near-isotropic volume, in the plane of the slices otherwise.

    Radiological convention: the patient's right (axial, coronal) or front (sagittal) is on the left of the picture.
    An image without a place in the patient (a picture file, identity affine, raw data without directions) is shown as
    it lies in the file.
    """
    return orthogonal_views(image)[0]


def orthogonal_views(image: Image) -> tuple[View, View, View]:
    """Middle slices along the three axes: that of `middle_view` first, then the other two.

    With a place in the patient the others come in the order axial, coronal, sagittal; without, as the axes of the file.
    """
    size_zyx = image.geometry.voxel_size[::-1]
    if not _has_place(image):
        planes = ((0, 1, 2), (1, 0, 2), (2, 0, 1))
        return tuple(_plain_view(image, *plane, size_zyx) for plane in planes)  # type: ignore[return-value]
    axes, signs = _patient_axes(image.geometry.affine)
    first = _normal(axes, size_zyx, image.shape[1:])
    others = [normal for normal in (2, 1, 0) if normal != first]
    return tuple(_patient_view(image, normal, axes, signs) for normal in (first, *others))  # type: ignore[return-value]


def _plain_view(image: Image, normal: int, row: int, column: int, size: tuple[float, ...]) -> View:
    """Slice as it lies in the file."""
    return View(
        row_axis=row,
        column_axis=column,
        normal_axis=normal,
        flip_rows=False,
        flip_columns=False,
        index=image.shape[1 + normal] // 2,
        pixel_size=(size[row], size[column]),
        letters=None,
    )


def _patient_view(image: Image, normal: int, axes: tuple[int, int, int], signs: tuple[int, int, int]) -> View:
    """Slice across the patient axis ``normal`` (0 = R, 1 = A, 2 = S), hung in radiological convention."""
    size = image.geometry.voxel_size[::-1]
    column, row = (patient for patient in range(3) if patient != normal)
    return View(
        row_axis=axes[row],
        column_axis=axes[column],
        normal_axis=axes[normal],
        flip_rows=signs[row] > 0,
        flip_columns=signs[column] > 0,
        index=image.shape[1 + axes[normal]] // 2,
        pixel_size=(size[axes[row]], size[axes[column]]),
        letters=(_POSITIVE[column], _NEGATIVE[column], _POSITIVE[row], _NEGATIVE[row]),
    )


def _has_place(image: Image) -> bool:
    header = image.meta.header
    if isinstance(header, Acquired) and not header.has_directions:
        return False
    return image.meta.format not in _PICTURES and not np.array_equal(image.geometry.affine, np.eye(4))


def _patient_axes(affine: NDArray[np.float64]) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Array axis (0 = Z, 1 = Y, 2 = X) nearest to each of R, A, S, and its sign along it."""
    cosines = affine[:3, :3] / np.maximum(np.linalg.norm(affine[:3, :3], axis=0), 1e-12)
    best = max(permutations(range(3)), key=lambda order: sum(abs(cosines[i, order[i]]) for i in range(3)))
    x, y, z = best
    right, anterior, superior = (1 if cosines[i, best[i]] >= 0 else -1 for i in range(3))
    return (2 - x, 2 - y, 2 - z), (right, anterior, superior)


def _normal(axes: tuple[int, int, int], size: tuple[float, ...], shape: tuple[int, ...]) -> int:
    """Patient axis to look along: across thick or few slices, else from below (axial)."""
    thickest, shortest = int(np.argmax(size)), int(np.argmin(shape))
    if shape[shortest] < _SHORT * np.median(shape):
        return axes.index(shortest)
    if size[thickest] > _THICK * np.median(size):
        return axes.index(thickest)
    return 2
