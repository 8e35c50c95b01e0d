"""Clean images that stand for the truth: what is refused, where scores are taken, what percent noise refers to."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image, InputError, Meta, NoiseMap, QuietmrWarning
from quietmr.noise import estimate_noise

Rule = str | float
"""What 100 percent is: "p99", "max", or a brightness in the units of the image."""

RULES = {
    "p99": "99th percentile of the foreground (over 5 % of p99.9, holes filled) of the first frame",
    "max": "largest magnitude of the first frame",
}
_AIR = 0.05  # of the 99.9th percentile: below lies air
_SIGNED = 0.01  # part of the voxels that must be negative for an image of signed values


@dataclass(frozen=True, eq=False)
class Reference:
    """A clean image with what a comparison needs to know of it.

    Parameters
    ----------
    name : str
        What it is called in the tables; it also names the draws of noise.
    image : Image
        Finite values; magnitudes, signed or complex.
    foreground : array of bool, shape (T, Z, Y, X)
        Where there is an object.
    inside : array of bool, shape (T, Z, Y, X)
        Where scores are taken: the mask of the user, else the foreground.
    level : float
        Brightness that percent noise and the data range of the metrics refer to, in the units of the image.
    signed : bool
        Real values of which more than 1 % are negative: noise on them is Gaussian.
    """

    name: str
    image: Image
    foreground: NDArray[np.bool_]
    inside: NDArray[np.bool_]
    level: float
    signed: bool = False


def make_reference(name: str, image: Image, mask: NDArray[np.bool_] | None = None, rule: Rule = "p99") -> Reference:
    """Check a clean image and find its foreground and its brightness.

    Parameters
    ----------
    name : str
        For the messages and the tables.
    image : Image
        Clean image, stored units.
    mask : array of bool, broadcastable to (T, Z, Y, X), optional
        Where scores are taken.
    rule : "p99", "max" or float
        What 100 percent is.

    Returns
    -------
    Reference
        Its image holds pixels and geometry alone. Negative values of a magnitude (at most 1 % of the voxels, as
        resampling leaves them) are set to zero.

    Raises
    ------
    InputError
        If the image is constant or not finite, or the mask does not fit or is empty.

    Warns
    -----
    QuietmrWarning
        If negative values were set to zero, or are taken for what they are.
    """
    data = _checked_pixels(name, image)
    signed = not image.is_complex and float((data < 0).mean()) > _SIGNED
    if signed:
        text = (
            f"{name} has negative values, so the noise on it is Gaussian; networks for magnitudes set such values to 0."
        )
        warnings.warn(text, QuietmrWarning, stacklevel=2)
    if not image.is_complex and not signed and (data < 0).any():
        text = f"{name}: {int((data < 0).sum())} negative values were set to 0, as magnitudes have none."
        warnings.warn(text, QuietmrWarning, stacklevel=2)
        data = np.maximum(data, 0)
    found = np.broadcast_to(foreground(np.abs(data[0])), data.shape)
    inside = found if mask is None else _checked_mask(name, data, mask)
    plain = Image(data, image.geometry, frames=image.frames, meta=Meta())
    return Reference(name, plain, found, inside, _level(name, np.abs(data[0]), found[0], rule), signed)


def foreground(volume: NDArray[Any]) -> NDArray[np.bool_]:
    """Find where a magnitude volume (Z, Y, X) shows an object.

    Returns
    -------
    array of bool, shape (Z, Y, X)
        Voxels over 5 % of the 99.9th percentile, without specks, holes filled slice by slice.
    """
    from scipy.ndimage import binary_fill_holes, binary_opening

    bright = volume > _AIR * np.percentile(volume, 99.9)
    found = np.stack([binary_fill_holes(binary_opening(plane)) for plane in bright])
    return found if found.any() else bright


def own_noise(reference: Reference) -> float | None:
    """Noise SD per real channel that the "clean" image has itself, in its units; None where it cannot be measured."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", QuietmrWarning)
        try:
            sigma = estimate_noise(reference.image)
        except InputError:
            return None
    return _over(sigma, reference)


def _over(noise: NoiseMap, reference: Reference) -> float:
    return float(np.median(noise.over(reference.image.shape)[reference.foreground]))


def _checked_pixels(name: str, image: Image) -> NDArray[Any]:
    data: NDArray[Any] = image.data
    bad = int((~np.isfinite(data)).sum())
    if bad:
        raise InputError(
            f"{name} holds {bad} voxels that are NaN or infinite, and a clean image must be whole: replace them or cut "
            "them off."
        )
    if (data == data.flat[0]).all():
        raise InputError(
            f"{name} is constant ({data.flat[0]} everywhere), so that there is nothing to lose: give an image with "
            "an object in it."
        )
    return data


def _checked_mask(name: str, data: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    try:
        inside = np.broadcast_to(np.asarray(mask, dtype=bool), data.shape)
    except ValueError:
        raise InputError(
            f"The mask has shape {np.shape(mask)}, which does not fit {name} {data.shape} (T, Z, Y, X): give a mask on "
            "the grid of the image."
        ) from None
    if not inside.any():
        raise InputError(f"The mask of {name} is empty: it must be nonzero where the scores are taken.")
    return inside


def _level(name: str, first: NDArray[Any], found: NDArray[np.bool_], rule: Rule) -> float:
    if rule == "p99":
        level = float(np.percentile(first[found], 99))
    elif rule == "max":
        level = float(first.max())
    else:
        level = float(rule)
    if not (np.isfinite(level) and level > 0):
        raise InputError(
            f"The brightness of {name} that percent noise refers to is {level:g}, and it must be positive: give "
            "p99, max or a brightness."
        )
    return level
