"""Structural similarity: SSIM in two and three dimensions, and over several scales.

Everywhere: Gaussian window of SD 1.5 and 11 taps, K1 .01, K2 .03, population covariance (Wang et al. 2004), the data
range given. The window is mirrored at the borders, so that every voxel has a value (scikit-image with
``gaussian_weights=True, use_sample_covariance=False``). Along an axis shorter than 11 voxels it is cut to the longest
odd number of taps that fits: one slice gives the same in two and in three dimensions.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quietmr.data import InputError
from quietmr.evaluate.metrics.pair import Mask, check_range, prepare
from quietmr.evaluate.metrics.window import Values, gaussian_taps, halve, odd_taps, smooth

TAPS, WIDTH, K1, K2 = 11, 1.5, 0.01, 0.03
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)

Dimensions = Literal[2, 3]


class _Terms(NamedTuple):
    """SSIM is the product of the two."""

    luminance: Values
    structure: Values


def ssim(
    image: ArrayLike,
    truth: ArrayLike,
    data_range: float,
    mask: ArrayLike | None = None,
    dimensions: Dimensions = 2,
) -> float:
    """Mean structural similarity (no unit, at most 1); higher is better. Wang et al., IEEE TIP 13 (2004) 600.

    Parameters
    ----------
    image, truth : array, shape (T, Z, Y, X), (Z, Y, X) or (Y, X)
        Of complex images the magnitudes are compared.
    data_range : float
        In the units of the image.
    mask : array, broadcastable to (T, Z, Y, X), optional
        Voxels of the map over which the mean is taken; their windows may reach out of it.
    dimensions : {2, 3}
        Window within slices, or within volumes.

    Raises
    ------
    InputError
        If the inputs do not fit together (`prepare`) or the data range is not positive.
    """
    pair = prepare(image, truth, mask)
    return float(ssim_map(image, truth, data_range, dimensions)[pair.mask].mean())


def ssim3d(image: ArrayLike, truth: ArrayLike, data_range: float, mask: ArrayLike | None = None) -> float:
    """Structural similarity with a window within volumes; everything else as :func:`ssim`."""
    return ssim(image, truth, data_range, mask, 3)


def ssim_map(image: ArrayLike, truth: ArrayLike, data_range: float, dimensions: Dimensions = 2) -> NDArray[np.float64]:
    """Structural similarity of every voxel, shape (T, Z, Y, X); see :func:`ssim`."""
    pair, peak = prepare(image, truth), check_range(data_range)
    if dimensions not in (2, 3):
        raise InputError(f"SSIM has 2 (slice by slice) or 3 (volume) dimensions, got {dimensions}.")
    axes = (1, 2) if dimensions == 2 else (0, 1, 2)
    found, true = pair.magnitudes()
    maps = np.empty(true.shape)
    for frame, (x, y) in enumerate(zip(found, true, strict=True)):  # one volume at a time, to save memory
        luminance, structure = _terms(x / peak, y / peak, axes)
        np.multiply(luminance, structure, out=maps[frame])
    return maps


def ms_ssim(image: ArrayLike, truth: ArrayLike, data_range: float, mask: ArrayLike | None = None) -> float:
    """SSIM over five scales, slice by slice (no unit, 0 to 1); higher is better. Wang et al., Asilomar (2003) 1398.

    Contrast and structure at each scale, brightness at the coarsest, to the published powers; scales are halved by the
    mean of 2 x 2 voxels. Only voxels whose window lies inside the slice count, and with a mask only those inside it (at
    coarse scales: voxels of which at least half is). Slices too small for five scales (shorter than 176 voxels) get
    those on which an 11-tap window fits, their powers scaled to the sum 1: such values compare only among images of one
    size. Mean over the slices that the mask touches at every scale.

    Raises
    ------
    InputError
        As :func:`ssim`, and if a slice is smaller than 11 x 11 or the mask leaves no slice with a value.
    """
    pair, peak = prepare(image, truth, mask), check_range(data_range)
    rows, columns = pair.truth.shape[2:]
    if min(rows, columns) < TAPS:
        raise InputError(f"MS-SSIM needs slices of at least {TAPS} x {TAPS} voxels, got {rows} x {columns}.")
    found, true = pair.magnitudes()
    slices = (array.reshape(-1, rows, columns) for array in (found, true, pair.mask))
    values = [_of_scales(x / peak, y / peak, inside) for x, y, inside in zip(*slices, strict=True) if inside.any()]
    known = [value for value in values if value is not None]
    if not known:
        raise InputError("The mask is too small, or too near the border, for MS-SSIM: leave it out or enlarge it.")
    return float(np.mean(known))


def _of_scales(x: Values, y: Values, mask: Mask) -> float | None:
    """MS-SSIM of one slice; None if the mask has no voxel at some scale."""
    scales = min(len(SCALE_WEIGHTS), int(np.log2(min(x.shape) / TAPS)) + 1)
    powers = np.array(SCALE_WEIGHTS[:scales]) / sum(SCALE_WEIGHTS[:scales]) * sum(SCALE_WEIGHTS)
    part = mask.astype(np.float64)
    border, value = TAPS // 2, 1.0
    for scale, power in enumerate(powers):
        if scale:
            x, y, part = halve(x), halve(y), halve(part)
        luminance, structure = _terms(x, y, (0, 1))
        inner = (slice(border, -border),) * 2
        inside = part[inner] >= 0.5
        if not inside.any():
            return None
        last = scale == scales - 1
        map_ = luminance * structure if last else structure
        value *= max(float(map_[inner][inside].mean()), 0.0) ** power
    return value


def _terms(x: Values, y: Values, axes: tuple[int, ...]) -> _Terms:
    """Brightness and contrast-structure of two arrays in units of the data range."""
    windows = [(axis, gaussian_taps(WIDTH, odd_taps(TAPS, x.shape[axis]))) for axis in axes]
    mean_x, mean_y = smooth(x, windows), smooth(y, windows)
    powers, product = np.square(mean_x) + np.square(mean_y), mean_x * mean_y
    variances = smooth(np.square(x) + np.square(y), windows) - powers
    covariance = smooth(x * y, windows) - product
    c1, c2 = K1**2, K2**2
    return _Terms((2 * product + c1) / (powers + c1), (2 * covariance + c2) / (variances + c2))
