"""Noise level from the air around the object, wherever it lies and whatever else is dark.

In air the magnitude of one noisy complex channel follows the Rayleigh law: half its mean square is sigma squared,
however the noise is correlated. Blocks of air are found as a crowd of blocks that look Rayleigh and agree on the level,
with nothing but zeroed pixels below them; ghosts, tissue edges and zeroed air disagree with the law or with the crowd.
"""

from dataclasses import dataclass
from math import exp, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from quietmr.noise.blocks import Blocks

_SHAPE = pi / 4  # squared mean over mean square
_TAIL = 2.0  # fourth moment over squared second moment
_PRESENT = 0.8  # share of a block that must be neither zero nor missing


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
    """

    sigma: float
    uncertainty: float
    blocks: NDArray[np.bool_]


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
