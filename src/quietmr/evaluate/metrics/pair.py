"""What every metric asks of an image and its truth, and how it takes them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quietmr.data import InputError, mask_over

Mask = NDArray[np.bool_]
Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pair:
    """An image and its truth, ready to be compared.

    Parameters
    ----------
    image, truth : array, shape (T, Z, Y, X), float64 or complex128
    mask : array of bool, shape (T, Z, Y, X)
        Where they are compared.
    """

    image: NDArray[Any]
    truth: NDArray[Any]
    mask: Mask

    def magnitudes(self) -> tuple[Values, Values]:
        """Image and truth as real values: magnitudes if they are complex, themselves (signs kept) if they are not."""
        if np.iscomplexobj(self.truth):
            return np.abs(self.image), np.abs(self.truth)
        return self.image, self.truth


def as_four_axes(values: ArrayLike, name: str = "image") -> NDArray[Any]:
    """Bring an array of 2, 3 or 4 axes to (T, Z, Y, X), float64 or complex128.

    Raises
    ------
    InputError
        If it is empty, not numeric, or has another number of axes.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "buifc":
        raise InputError(f"The {name} must hold numbers, got type {array.dtype}: convert it first.")
    if not 2 <= array.ndim <= 4 or array.size == 0:
        raise InputError(
            f"The {name} must have non-empty axes (Y, X), (Z, Y, X) or (T, Z, Y, X), got shape {array.shape}: "
            "reshape it first."
        )
    wanted = np.complex128 if array.dtype.kind == "c" else np.float64
    return np.asarray(array.reshape((1,) * (4 - array.ndim) + array.shape), dtype=wanted)


def full_mask(mask: ArrayLike | None, shape: tuple[int, ...]) -> Mask:
    """Bring a mask (other than zero and NaN = inside) to the shape (T, Z, Y, X) of the image; without one, all voxels.

    Raises
    ------
    InputError
        If it does not fit or holds no voxel.
    """
    if mask is None:
        return np.ones(shape, dtype=bool)
    full = mask_over(np.nan_to_num(np.asarray(mask)), shape)
    if not full.any():
        raise InputError("The mask holds no voxel: give one with voxels other than zero.")
    return full


def prepare(image: ArrayLike, truth: ArrayLike, mask: ArrayLike | None = None) -> Pair:
    """Check an image and its truth and bring both to the form in which they are compared.

    Parameters
    ----------
    image, truth : array, shape (T, Z, Y, X), (Z, Y, X) or (Y, X)
        Both real or both complex, in the same units.
    mask : array, broadcastable to (T, Z, Y, X), optional
        Voxels that count (other than zero).

    Raises
    ------
    InputError
        If shapes differ, one is complex and the other not, a value is NaN or infinite, or the mask is empty or does
        not fit.
    """
    found, true = as_four_axes(image, "image"), as_four_axes(truth, "truth")
    if found.shape != true.shape:
        raise InputError(
            f"The image has shape {found.shape} and the truth {true.shape} (T, Z, Y, X): give both on the same grid."
        )
    if np.iscomplexobj(found) != np.iscomplexobj(true):
        which = "image" if np.iscomplexobj(found) else "truth"
        raise InputError(f"Only the {which} is complex: give both complex, or both as magnitudes.")
    inside = full_mask(mask, found.shape)
    for values, name in ((found, "image"), (true, "truth")):
        bad = int(np.count_nonzero(~np.isfinite(values)))
        if bad:
            raise InputError(
                f"The {name} holds {bad} values that are NaN or infinite: fill them or crop them off first."
            )
    return Pair(found, true, inside)


def check_pair(image: ArrayLike, truth: ArrayLike, mask: ArrayLike | None = None) -> Pair:
    """Check like :func:`prepare`, and refuse an image that equals its truth, which a command has no use for.

    Raises
    ------
    InputError
        As :func:`prepare`, and if all values inside the mask are equal.
    """
    pair = prepare(image, truth, mask)
    if np.array_equal(pair.image[pair.mask], pair.truth[pair.mask]):
        raise InputError("The image equals the truth in every voxel: was the same file given twice?")
    return pair


def check_range(data_range: float) -> float:
    """Return the data range.

    Raises
    ------
    InputError
        If it is not a positive, finite number.
    """
    if not (np.isfinite(data_range) and data_range > 0):
        raise InputError(
            f"The data range must be a positive number, got {data_range:g}: take the brightness of the brightest "
            "tissue, or 255 for 8-bit pictures."
        )
    return float(data_range)
