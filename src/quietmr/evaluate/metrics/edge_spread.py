"""Width of edges: how far a step of the truth is smeared out.

The strongest, best isolated edges are sought in the truth, so that every method is judged on the same ones. Profiles
across them are read from both images by spline interpolation, averaged (which takes the noise out), and fitted by a
Gaussian-blurred step on a slope. Its full width at half maximum is the width; a step blurred by a Gaussian of SD s has
2.355 s, and its 10-90 % rise is 1.088 times that.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.optimize import OptimizeWarning, curve_fit
from scipy.special import ndtr

from quietmr.data import InputError
from quietmr.evaluate.metrics.pair import Mask, prepare
from quietmr.evaluate.metrics.window import Values

FWHM = 2 * np.sqrt(2 * np.log(2))

_REACH = 4.0  # voxels to each side of an edge
_STEPS = np.arange(-_REACH, _REACH + 0.25, 0.5)
_SEEK = 1.0  # SD of the Gaussian derivative that finds edges
_STRONG = 0.4  # of the strongest gradient (99.9th percentile)
_STEP_LIKE = 0.8  # rise from end to end, as a part of the range of the profile
_MOST = 20000
_FEWEST = 20

Points = NDArray[np.float64]


def edge_spread_width(image: ArrayLike, truth: ArrayLike, mask: ArrayLike | None = None) -> float:
    """Full width at half maximum of the edges of an image, in voxels; lower is sharper.

    Parameters
    ----------
    image : array, shape (T, Z, Y, X), (Z, Y, X) or (Y, X)
    truth : array, same shape
        Where the edges are sought; give the image itself to measure it alone (noise then biases the choice).
    mask : array, broadcastable to (T, Z, Y, X), optional
        Edges inside it count.

    Raises
    ------
    InputError
        If the inputs do not fit together (`prepare`), or fewer than 20 strong, isolated edges are found.
    """
    pair = prepare(image, truth, mask)
    found, true = pair.magnitudes()
    return _width(_profiles((found,), true, pair.mask)[0])


def edge_broadening(image: ArrayLike, truth: ArrayLike, mask: ArrayLike | None = None) -> float:
    """Width of the edges of an image less that of the truth's, in voxels; zero is best, above zero is blurred.

    Negative values are sharpening, which the truth does not support. Errors as in :func:`edge_spread_width`.
    """
    pair = prepare(image, truth, mask)
    found, true = pair.magnitudes()
    of_image, of_truth = _profiles((found, true), true, pair.mask)
    return _width(of_image) - _width(of_truth)


def _profiles(images: tuple[Values, ...], truth: Values, mask: Mask) -> list[Values]:
    """Mean rising profile of each image across the edges of the truth, in units of their mean rise in the truth."""
    sums = [np.zeros(_STEPS.size) for _ in images]
    rise, count = 0.0, 0
    shape = (-1, *truth.shape[2:])
    true_slices, masks = truth.reshape(shape), mask.reshape(shape)
    slices = zip(true_slices, masks, *(image.reshape(shape) for image in images), strict=True)
    threshold = _strong(true_slices, masks)
    most = max(_FEWEST, _MOST // len(true_slices))
    for true, inside, *planes in slices:
        places, normals = _edges(true, inside, threshold)
        every = -(-len(places) // most) if len(places) else 1
        places, normals = places[::every], normals[::every]
        points = places[:, :, None] + normals[:, :, None] * _STEPS
        profiles = _read(true, points)
        ends = profiles[:, -1] - profiles[:, 0]
        like_step = ends >= _STEP_LIKE * np.ptp(profiles, axis=1)
        if not like_step.any():
            continue
        rise, count = rise + float(ends[like_step].sum()), count + int(like_step.sum())
        for total, plane in zip(sums, planes, strict=True):
            total += _read(plane, points[like_step]).sum(axis=0)
    if count < _FEWEST:
        raise InputError(
            f"Only {count} strong edges that stand alone were found in the truth, {_FEWEST} are needed: give a larger "
            "mask or image."
        )
    return [total / rise for total in sums]


def _strong(truth: Values, mask: Mask) -> float:
    strength = np.zeros(truth.shape, np.float32)
    for plane, out in zip(truth, strength, strict=True):
        out[...] = np.hypot(*_gradient(plane)) if min(plane.shape) > 1 else 0
    return _STRONG * float(np.percentile(strength[mask], 99.9))


def _gradient(plane: Values) -> tuple[Values, Values]:
    y, x = (gaussian_filter(plane, _SEEK, order=order, truncate=4) for order in ((1, 0), (0, 1)))
    return y, x


def _edges(plane: Values, mask: Mask, threshold: float) -> tuple[Points, Points]:
    """Places, shape (N, 2), of the crest of the gradient to a part of a voxel, and unit vectors up the slope."""
    nothing = np.empty((0, 2))
    room = int(_REACH) + 1
    if min(plane.shape) <= 2 * room or threshold <= 0:
        return nothing, nothing
    gradient = np.stack(_gradient(plane), axis=-1)
    strength = np.linalg.norm(gradient, axis=-1)
    wanted = mask & (strength > threshold)
    wanted[:room] = wanted[-room:] = False
    wanted[:, :room] = wanted[:, -room:] = False
    places = np.argwhere(wanted).astype(np.float64)
    if not len(places):
        return nothing, nothing
    normals = gradient[wanted] / strength[wanted][:, None]
    before, here, after = (
        map_coordinates(strength, (places + step * normals).T, order=3, mode="nearest") for step in (-1, 0, 1)
    )
    crest = (here >= before) & (here > after)
    bend = before - 2 * here + after
    offset = 0.5 * (before - after)[crest] / bend[crest]
    return places[crest] + offset[:, None] * normals[crest], normals[crest]


def _read(plane: Values, points: Points) -> Values:
    """Values of a slice at points, shape (N, 2, S)."""
    return np.asarray(map_coordinates(plane, np.moveaxis(points, 1, 0), order=3, mode="nearest"))


def _width(profile: Values) -> float:
    """FWHM of the blurred step that fits a profile."""

    def step(place: Values, width: float, shift: float, height: float, base: float, slope: float) -> Values:
        return np.asarray(base + height * ndtr((place - shift) / width) + slope * place)

    start = (1.0, 0.0, 1.0, float(profile[0]), 0.0)
    limits = ([0.05, -2, 0, -np.inf, -np.inf], [2 * _REACH, 2, np.inf, np.inf, np.inf])
    try:
        found, _ = curve_fit(step, _STEPS, profile, p0=start, bounds=limits)
    except (RuntimeError, OptimizeWarning) as failed:
        raise InputError("The edges of this image are no steps any more: their width cannot be told.") from failed
    return float(FWHM * found[0])
