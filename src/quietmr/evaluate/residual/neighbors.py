"""Whether the residual is as rough as the noise: what neighbors have in common."""

from math import sqrt

import numpy as np

from quietmr.evaluate.residual.bands import FINEST, Pixels
from quietmr.evaluate.residual.planes import Mask, Planes


def excess_correlation(planes: Planes, flat: Mask) -> tuple[float, float]:
    """Correlation of neighbors in the residual less that in the noisy image, in flat tissue, and its standard error.

    Both are taken of the finest detail, in which flat tissue holds noise and little else: so the color of the noise,
    white or filtered by the scanner, drops out. 0 if noise was removed and nothing else, less where some anatomy is
    left in the noisy image.
    """
    pairs = sum(int(np.count_nonzero(_both(flat, axis))) for axis in (1, 2)) * planes.channels
    if not pairs:
        return 0.0, 1.0
    residual = _correlation(FINEST.of(planes.before - planes.after), flat)
    return residual - _correlation(FINEST.of(planes.before), flat), sqrt(2 / pairs)


def _both(where: Mask, axis: int) -> Mask:
    lines = np.moveaxis(where, axis, 0)
    return np.asarray(lines[:-1] & lines[1:])


def _correlation(values: Pixels, where: Mask) -> float:
    """Correlation of neighbors along rows and columns, mean of both."""
    products, powers = 0.0, 0.0
    for axis in (1, 2):
        lines, both = np.moveaxis(values, axis, 0), _both(where, axis)
        first, second = lines[:-1][both], lines[1:][both]
        products += float(np.sum((first * second.conj()).real, dtype=np.float64))
        powers += float(np.sum(np.abs(first) ** 2 + np.abs(second) ** 2, dtype=np.float64)) / 2
    return products / powers if powers > 0 else 0.0
