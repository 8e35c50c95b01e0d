"""Noise level from the air around the object, wherever it lies and whatever else is dark.

In air the magnitude of one noisy complex channel follows the Rayleigh law: half its mean square is sigma squared,
however the noise is correlated. Blocks of air are found as a crowd of blocks that look Rayleigh and agree on the level,
with nothing but zeroed pixels below them; ghosts, tissue edges and zeroed air disagree with the law or with the crowd.
"""

from dataclasses import dataclass
from math import exp, lgamma, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from quietmr.noise.blocks import Blocks

_SHAPE = pi / 4  # squared mean over mean square
_TAIL = 2.0  # fourth moment over squared second moment
_PRESENT = 0.8  # share of a block that must be neither zero nor missing


_DARK = 0.25  # of the 95th percentile of block levels
_MOST_CHANNELS = 64
_SAME = 0.2  # relative difference of two counts of channels up to which they agree


@dataclass(frozen=True)
class AirLevel:
    """Noise level read in air.

    Parameters
    ----------
    sigma : float
        SD per real channel.
    uncertainty : float
        Relative standard error.
    blocks : array of bool
        Which blocks are air of this level.
    n_channels : int
        Complex channels under the magnitude: 1 for Rayleigh values.
    """

    sigma: float
    uncertainty: float
    blocks: NDArray[np.bool_]
    n_channels: int = 1


def _crowd(log_levels: NDArray[np.float64], width: float) -> float:
    """Centre of the fullest window of the given half width."""
    ordered = np.sort(log_levels)
    ends = np.searchsorted(ordered, ordered + 2 * width, side="right")
    first = int(np.argmax(ends - np.arange(ordered.size)))
    return float(np.mean(ordered[first : ends[first]]))


def _looks_rayleigh(blocks: Blocks) -> bool:
    """Goodness of fit of a crowd of blocks: shape and tail of the pooled values."""
    second = blocks.second.mean()
    shape = blocks.level.mean() ** 2 / second
    tail = blocks.fourth.mean() / second**2
    return bool(abs(shape - _SHAPE) < 0.025 and abs(tail - _TAIL) < 0.35)


def air_level(blocks: Blocks, side: int) -> AirLevel | None:
    """Noise level in air, if there is air that can be trusted.

    Parameters
    ----------
    blocks : Blocks
        From `block_statistics` on a magnitude image (or the magnitude of a complex one).
    side : int
        The block size used there.

    Returns
    -------
    AirLevel or None
        None if no crowd of blocks passes the tests.
    """
    spread = 0.5 / side  # relative standard error of the level of one block of white noise
    usable = (blocks.present >= _PRESENT) & (blocks.second > 0)
    second = np.where(usable, blocks.second, 1.0)
    shaped = usable & (np.abs(blocks.level**2 / second - _SHAPE) < 6 * spread / (1 + 6 * spread))
    if np.count_nonzero(shaped) < 6:
        return None
    log_level = 0.5 * np.log(0.5 * second)
    width = 2.5 * spread
    centre = _crowd(log_level[shaped], width)
    for _ in range(3):
        crowd = usable & (np.abs(log_level - centre) < width)
        centre = float(np.median(log_level[crowd]))  # low-signal tissue at its upper end must not pull it up
    below = shaped & (log_level < centre - 1.5 * width) & (log_level > centre - 5 * width)
    count = int(np.count_nonzero(crowd))
    enough = count >= max(6, 0.005 * blocks.count)
    alone = np.count_nonzero(below) <= 0.3 * count and np.count_nonzero(crowd & shaped) >= 0.7 * count
    if not (enough and alone and _looks_rayleigh(blocks.subset(crowd))):
        return None
    sigma = exp(centre) * (1 + 1 / (6 * side**2))  # mean of a chi-squared law over its median
    error = sqrt(float(np.var(log_level[crowd])) / count + 0.01**2)
    return AirLevel(sigma, error, crowd)


def _squared_mean(n: int) -> float:
    """Squared mean over mean square of the root of a sum of squares of ``n`` complex Gaussian channels."""
    return exp(2 * (lgamma(n + 0.5) - lgamma(n))) / n


def channels_level(blocks: Blocks, side: int) -> AirLevel | None:
    """Noise level in air of several channels (chi law), if there is air that follows it.

    Two moments tell the number of channels, each by itself: the fourth over the squared second is ``1 + 1 / n``, and
    the squared mean over the second grows towards 1. Only where both agree is it believed; the level is then the root
    of the mean square over ``2 n``, however the noise is correlated in space. (Constantinides et al., Magn Reson Med
    38, 1997; Aja-Fernandez and Vegas-Sanchez-Ferrero, Statistical Analysis of Noise in MRI, 2016.)

    Parameters
    ----------
    blocks, side
        As for `air_level`.

    Returns
    -------
    AirLevel or None
        None if no crowd of dark blocks follows the law of 2 to 64 channels.
    """
    top = float(np.quantile(blocks.level, 0.95)) if blocks.count else 0.0
    usable = (blocks.present >= _PRESENT) & (blocks.second > 0) & (blocks.level < _DARK * top)
    if np.count_nonzero(usable) < max(20, 0.02 * blocks.count):
        return None
    log_level = 0.5 * np.log(np.where(usable, blocks.second, 1.0))
    width = 1.2 * 0.5 / side
    crowd = usable & (np.abs(log_level - _crowd(log_level[usable], width)) < width)
    count = int(np.count_nonzero(crowd))
    if count < max(20, 0.5 * np.count_nonzero(usable)):
        return None
    air = blocks.subset(crowd)
    second = float(air.second.mean())
    excess = float(air.fourth.mean()) / second**2 - 1
    shape = float(air.level.mean()) ** 2 / second
    by_mean = min(range(1, _MOST_CHANNELS + 1), key=lambda n: abs(_squared_mean(n) - shape))
    by_tail = 1 / excess if excess > 0 else float("inf")
    if by_mean < 2 or by_mean == _MOST_CHANNELS or abs(by_tail / by_mean - 1) > _SAME:
        return None
    return AirLevel(sqrt(second / (2 * by_mean)), sqrt(0.25 / by_mean**2 + 0.02**2), crowd, by_mean)
