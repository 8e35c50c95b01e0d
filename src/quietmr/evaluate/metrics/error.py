"""Size of the error: PSNR, NRMSE, bias."""

import numpy as np
from numpy.typing import ArrayLike

from quietmr.data import InputError
from quietmr.evaluate.metrics.pair import check_range, prepare


def psnr(image: ArrayLike, truth: ArrayLike, data_range: float, mask: ArrayLike | None = None) -> float:
    """Peak signal-to-noise ratio, in dB; higher is better.

    ``20 log10(data_range / RMSE)``. Complex images are compared as such, with the mean square taken over real and
    imaginary channel: untouched noise of SD sigma per real channel gives 20 log10(data_range / sigma) in both kinds.

    Parameters
    ----------
    image, truth : array, shape (T, Z, Y, X), (Z, Y, X) or (Y, X)
    data_range : float
        Peak in the units of the image, the same for all that is compared.
    mask : array, broadcastable to (T, Z, Y, X), optional
        Voxels that count.

    Returns
    -------
    float
        Infinite if image and truth are equal.

    Raises
    ------
    InputError
        If the inputs do not fit together (`prepare`) or the data range is not positive.
    """
    pair, peak = prepare(image, truth, mask), check_range(data_range)
    error = (pair.image - pair.truth)[pair.mask] / peak
    channels = 2 if np.iscomplexobj(error) else 1
    mean_square = float(np.mean(np.square(np.abs(error)))) / channels
    return float("inf") if mean_square == 0 else -10 * float(np.log10(mean_square))


def nrmse(image: ArrayLike, truth: ArrayLike, mask: ArrayLike | None = None) -> float:
    """Error relative to the truth, ``||image - truth|| / ||truth||`` (no unit); lower is better.

    Complex images are compared as such. Normalised by the norm of the truth, not by its range or mean (the three differ
    by factors of two to four between papers).

    Raises
    ------
    InputError
        If the inputs do not fit together (`prepare`) or the truth is zero.
    """
    pair = prepare(image, truth, mask)
    true = pair.truth[pair.mask]
    scale = float(np.max(np.abs(true)))
    if scale == 0:
        raise InputError("The truth is zero in every voxel that counts: there is nothing to relate the error to.")
    error = (pair.image[pair.mask] - true) / scale
    return float(np.linalg.norm(error) / np.linalg.norm(true / scale))


def bias(image: ArrayLike, truth: ArrayLike, data_range: float, mask: ArrayLike | None = None) -> float:
    """Mean error of the magnitude in percent of the data range, signed; the nearer to zero the better.

    Raises
    ------
    InputError
        As :func:`psnr`.
    """
    pair, peak = prepare(image, truth, mask), check_range(data_range)
    found, true = pair.magnitudes()
    return 100 * float(np.mean((found - true)[pair.mask] / peak))
