"""Errors of fine detail and edges: HFEN and the error of the gradient."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import correlate1d

from quietmr.data import InputError
from quietmr.evaluate.metrics.pair import prepare
from quietmr.evaluate.metrics.window import Values

_SIGMA, _TAPS = 1.5, 15


def hfen(image: ArrayLike, truth: ArrayLike, mask: ArrayLike | None = None) -> float:
    """High-frequency error norm (no unit); lower is better. Ravishankar and Bresler, IEEE TMI 30 (2011) 1028.

    Norm of the difference after a Laplacian of Gaussian (SD 1.5, 15 x 15 taps, sum 0), slice by slice, divided by the
    norm of the filtered truth. Magnitudes of complex images. Borders are mirrored.

    Raises
    ------
    InputError
        If the inputs do not fit together (`prepare`) or the truth has no detail at all.
    """
    pair = prepare(image, truth, mask)
    found, true = pair.magnitudes()
    scale = float(np.max(np.abs(true))) or 1.0
    detail = laplacian_of_gaussian(true / scale)[pair.mask]
    error = laplacian_of_gaussian((found - true) / scale)[pair.mask]
    return _relative(error, detail)


def gradient_error(image: ArrayLike, truth: ArrayLike, mask: ArrayLike | None = None) -> float:
    """Error of the edges, ``||grad image - grad truth|| / ||grad truth||`` (no unit); lower is better.

    Gradients within slices by Sobel's operator (Sobel and Feldman 1968). Magnitudes of complex images.

    Raises
    ------
    InputError
        If the inputs do not fit together (`prepare`) or the truth is uniform.
    """
    pair = prepare(image, truth, mask)
    found, true = pair.magnitudes()
    scale = float(np.max(np.abs(true))) or 1.0
    error, gradient = [], []
    for axis in (2, 3):
        error.append(_sobel((found - true) / scale, axis)[pair.mask])
        gradient.append(_sobel(true / scale, axis)[pair.mask])
    return _relative(np.concatenate(error), np.concatenate(gradient))


def laplacian_of_gaussian(values: Values) -> Values:
    """Filter slices of an array (T, Z, Y, X) as ``fspecial('log', 15, 1.5)`` of Matlab does, borders mirrored."""
    place = np.arange(_TAPS) - _TAPS // 2
    gauss = np.exp(-0.5 * np.square(place / _SIGMA))
    gauss /= gauss.sum()
    curve = gauss * (np.square(place) - _SIGMA**2) / _SIGMA**4
    filtered = _separable(values, curve, gauss) + _separable(values, gauss, curve)
    # what is left of the sum of the taps is spread evenly, so that uniform tissue gives exactly zero
    flat = np.full(_TAPS, 1 / _TAPS)
    return np.asarray(filtered - 2 * curve.sum() * _separable(values, flat, flat))


def _separable(values: Values, rows: Values, columns: Values) -> Values:
    once = correlate1d(values, rows, axis=2, mode="reflect")
    return np.asarray(correlate1d(once, columns, axis=3, mode="reflect"))


def _sobel(values: Values, axis: int) -> Values:
    other = 5 - axis  # the operator smooths within the slice only
    difference = correlate1d(values, [-0.5, 0, 0.5], axis=axis, mode="reflect")
    return np.asarray(correlate1d(difference, [0.25, 0.5, 0.25], axis=other, mode="reflect"))


def _relative(error: Values, reference: Values) -> float:
    norm = float(np.linalg.norm(reference))
    if norm < 1e-12 * np.sqrt(reference.size):
        raise InputError("The truth is uniform where it counts: there is no detail to relate the error to.")
    return float(np.linalg.norm(error)) / norm
