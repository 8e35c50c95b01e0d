"""Perceptual metrics that need no network: VIF and GMSD.

Both go slice by slice on magnitudes. VIF is the one that agreed best with radiologists who scored degraded MR images
(Mason et al., IEEE TMI 39 (2020) 1064).
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import correlate1d

from quietmr.data import InputError
from quietmr.evaluate.metrics.pair import Mask, Pair, check_range, prepare
from quietmr.evaluate.metrics.window import Values, gaussian_taps, halve, smooth

# Both papers give their constant for 8-bit pictures.
_GREYS = 255.0
_EYE_NOISE = 2.0 / _GREYS**2
_EQUAL = 170.0 / _GREYS**2
_VIF_TAPS = (17, 9, 5, 3)
_VIF_SIZE = 41
_NOTHING = 1e-10 / _GREYS**2


def vif(image: ArrayLike, truth: ArrayLike, data_range: float, mask: ArrayLike | None = None) -> float:
    """Visual information fidelity in the pixel domain (no unit); higher is better. Sheikh and Bovik, TIP 15 (2006) 430.

    The information on the truth that a viewer gets from the image, as a part of what the truth itself gives: 1 for the
    truth, 0 for nothing; above 1 where contrast is raised without noise. Four scales, noise of the eye of variance 2 on
    the scale of 255 grey levels.

    Parameters
    ----------
    image, truth : array, shape (T, Z, Y, X), (Z, Y, X) or (Y, X)
        Slices of at least 41 x 41 voxels. The information of all slices is added up before the ratio is taken.
    data_range : float
        Takes the place of the 255 grey levels.
    mask : array, broadcastable to (T, Z, Y, X), optional
        Voxels at the centre of the windows that count.

    Raises
    ------
    InputError
        If the inputs do not fit together (`prepare`), slices are too small, or the truth is uniform where it counts.
    """
    pair, peak = prepare(image, truth, mask), check_range(data_range)
    rows, columns = pair.truth.shape[2:]
    if min(rows, columns) < _VIF_SIZE:
        raise InputError(f"VIF needs slices of at least {_VIF_SIZE} x {_VIF_SIZE} voxels, got {rows} x {columns}.")
    kept = full = 0.0
    for x, y, inside in _slices(pair, peak):
        for scale, taps in enumerate(_VIF_TAPS):
            window = gaussian_taps(taps / 5, taps)
            if scale:
                x, y = _inner(x, window)[::2, ::2], _inner(y, window)[::2, ::2]
                inside = inside[_valid(taps)][::2, ::2]
            seen, there = _information(x, y, window)
            where = inside[_valid(taps)]
            kept, full = kept + float(seen[where].sum()), full + float(there[where].sum())
    if full == 0:
        raise InputError("The truth is uniform where it counts: there is no information to compare with.")
    return kept / full


def gmsd(image: ArrayLike, truth: ArrayLike, data_range: float, mask: ArrayLike | None = None) -> float:
    """Gradient magnitude similarity deviation (no unit); lower is better. Xue et al., IEEE TIP 23 (2014) 684.

    SD over the slice of the similarity of Prewitt gradients, on voxels averaged 2 x 2. It tells how unevenly edges were
    changed: an image that is worse everywhere alike scores better than its eye appeal. Borders are mirrored.

    Parameters
    ----------
    image, truth : array, shape (T, Z, Y, X), (Z, Y, X) or (Y, X)
        Slices of at least 4 x 4 voxels. Mean over the slices with at least two (averaged) voxels in the mask.
    data_range : float
        In the units of the image; takes the place of 255 grey levels.
    mask : array, broadcastable to (T, Z, Y, X), optional
        Averaged voxels count if at least half of them is inside.

    Raises
    ------
    InputError
        If the inputs do not fit together (`prepare`), slices are too small, or the mask leaves too few voxels.
    """
    pair, peak = prepare(image, truth, mask), check_range(data_range)
    if min(pair.truth.shape[2:]) < 4:
        raise InputError(
            f"GMSD needs slices of at least 4 x 4 voxels, got {pair.truth.shape[2]} x {pair.truth.shape[3]}."
        )
    deviations = []
    for x, y, inside in _slices(pair, peak):
        of_image, of_truth = _prewitt(halve(x)), _prewitt(halve(y))
        similarity = (2 * of_image * of_truth + _EQUAL) / (of_image**2 + of_truth**2 + _EQUAL)
        values = similarity[halve(inside.astype(np.float64)) >= 0.5]
        if values.size > 1:
            deviations.append(values.std(ddof=1))
    if not deviations:
        raise InputError("The mask leaves fewer than two voxels per slice for GMSD: enlarge it or leave it out.")
    return float(np.mean(deviations))


def _slices(pair: Pair, peak: float) -> list[tuple[Values, Values, Mask]]:
    """Slices that the mask touches, in units of the data range."""
    found, true = pair.magnitudes()
    shape = (-1, *true.shape[2:])
    slices = zip(found.reshape(shape), true.reshape(shape), pair.mask.reshape(shape), strict=True)
    return [(x / peak, y / peak, inside) for x, y, inside in slices if inside.any()]


def _prewitt(values: Values) -> Values:
    box, step = np.full(3, 1 / 3), np.array([1.0, 0.0, -1.0])
    edges = [correlate1d(smooth(values, [(1 - axis, box)]), step, axis=axis, mode="reflect") for axis in (0, 1)]
    return np.asarray(np.hypot(*edges))


def _valid(taps: int) -> tuple[slice, slice]:
    border = taps // 2
    return slice(border, -border), slice(border, -border)


def _inner(values: Values, window: Values) -> Values:
    """Window mean where the window lies inside the slice."""
    return smooth(values, [(0, window), (1, window)])[_valid(window.size)]


def _information(image: Values, truth: Values, window: Values) -> tuple[Values, Values]:
    """Return what the image tells of the truth, and what the truth itself does, per voxel (up to a common factor)."""
    mean_x, mean_y = _inner(image, window), _inner(truth, window)
    var_x = np.maximum(_inner(image**2, window) - mean_x**2, 0)
    var_y = np.maximum(_inner(truth**2, window) - mean_y**2, 0)
    covariance = _inner(image * truth, window) - mean_x * mean_y
    var_y = np.where(var_y < _NOTHING, 0, var_y)
    gain = np.where((var_y > 0) & (var_x >= _NOTHING), covariance / (var_y + _NOTHING), 0)
    gain = np.maximum(gain, 0)
    lost = np.where(gain > 0, var_x - gain * covariance, np.where(var_x >= _NOTHING, var_x, 0))
    seen = np.log1p(gain**2 * var_y / (np.maximum(lost, _NOTHING) + _EYE_NOISE))
    return np.asarray(seen), np.asarray(np.log1p(var_y / _EYE_NOISE))
