"""Noise level from the finest detail of the flattest tissue.

Noise fills k-space evenly, anatomy thins out towards its rim: the top band of an image is noise first. Where to read
it is decided by *another* band, the middle one, whose noise is independent of it. So the choice of flat blocks does not
bias the level read there, as a choice of low readings would (the trap of minimum and low-quantile rules), and where
noise outweighs anatomy everywhere the choice does not matter at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, erf, exp, log, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from quietmr.noise.bands import AxisBands
from quietmr.noise.blocks import Blocks, Floats
from quietmr.noise.rician import rician_variance, signal_from_mean

_FLATTEST = 0.05  # share of the tissue blocks that are read at least
_DARK = 0.1  # of the 95th percentile of block levels: darker blocks carry no signal
_WHOLE = 0.75  # share of a block that the filters must see
_SCATTER = 0.8  # squared relative error of sigma from a median, times the number of independent values
# Growth is the reading of the next blocks over that of the flattest.
_PURE = 1.08  # above it the reading holds anatomy
_STEADY = 1.05  # below it color is a filter's doing and not anatomy's
_UNSTEADY = 2.0  # above it even the flattest dark blocks hold more than noise
# Color is the power of the edge bands over that of the top band.
_WHITE = 1.6  # above it noise is not white
_SMOOTH = 2.0  # above it something is smooth, noise or image
_LONGEST = 4.0  # factor that a filter may be found to take away: the law of a longer extrapolation is anybody's guess
_STANDING = 0.85  # squared mean over mean square of dark values from which they stand on a pedestal (Rayleigh: 0.785)


@dataclass(frozen=True)
class TissueLevel:
    """Noise level read in tissue.

    Parameters
    ----------
    sigma : float
        SD per real channel.
    uncertainty : float
        Relative standard error, from counting blocks and from what anatomy may have added.
    growth : float
        Reading in the next flattest blocks (up to a third) over that in the flattest few percent; 1 for pure noise.
    color : float
        Power of the edge bands over the top band, 1 for white noise; more where anatomy or filters weigh in.
    """

    sigma: float
    uncertainty: float
    growth: float
    color: float

    @property
    def is_pure(self) -> bool:
        """True if anatomy does not show in the reading."""
        return self.growth < _PURE

    @property
    def is_filtered(self) -> bool:
        """True if the noise itself is smooth, as after a filter or an interpolation."""
        return self.growth < _STEADY and self.color > _WHITE

    @property
    def is_smooth(self) -> bool:
        """True if the finest detail is poor beside coarser detail: filtered, denoised, or hardly noisy at all."""
        return self.is_filtered or self.color > _SMOOTH


def band_freedom(bands: Sequence[AxisBands], side: int) -> float:
    """Independent values in the mean square of the top band of a block of white noise."""
    taps = [band.high.taps for band in bands]
    freedom = 1.0
    for filter_taps in taps:
        correlation = np.correlate(filter_taps, filter_taps, "full") / float(np.sum(filter_taps**2))
        lag = np.abs(np.arange(correlation.size) - filter_taps.size + 1)
        freedom *= side / float(np.sum(correlation**2 * np.maximum(1 - lag / side, 0)))
    return freedom


def _chi_squared_quantile(normal_quantile: float, freedom: float) -> float:
    """Quantile of a chi-squared variable over its mean (Wilson and Hilferty, PNAS 17, 1931)."""
    spread = 2 / (9 * freedom)
    return (1 - spread + normal_quantile * sqrt(spread)) ** 3


def _relative_variance(level: Floats, sigma: float) -> Floats:
    """Variance of a magnitude at this mean level over sigma squared."""
    if sigma <= 0:
        return np.ones_like(level)
    return np.asarray(rician_variance(signal_from_mean(level, sigma), sigma) / sigma**2, dtype=np.float64)


def _tissue(blocks: Blocks, sigma: float) -> NDArray[np.bool_]:
    """Blocks with signal: well above noise alone and not dark beside the rest.

    Before anything is known the brightest are taken: a first guess that air has pulled down would hold on to the air.
    """
    top = float(np.quantile(blocks.level, 0.95))
    bright = blocks.level > (max(2 * sigma, _DARK * top) if sigma > 0 else 0.5 * top)
    return bright if np.count_nonzero(bright) >= 4 else np.ones_like(bright)


@dataclass(frozen=True)
class _Reading:
    sigma: float
    growth: float
    color: float
    count: int


def _read(blocks: Blocks, guess: float, freedom: float, *, magnitude: bool) -> _Reading:
    """Read the flattest tissue blocks, with the variance of a magnitude taken from a guess of sigma."""
    scale = np.ones_like(blocks.level)
    if magnitude:
        blocks = blocks.subset(_tissue(blocks, guess))
        scale = _relative_variance(blocks.level, guess)
    fine, edge, middle = blocks.fine / scale, blocks.edge / scale, blocks.middle / scale
    order = np.argsort(middle, kind="stable")
    count = max(ceil(_FLATTEST * order.size), min(60, order.size // 4), min(8, order.size))
    others = order[count : max(3 * count, order.size // 3)]
    first = float(np.median(fine[order[:count]]))
    if first <= 0:
        return _Reading(0.0, 1.0, 1.0, count)
    growth = sqrt(float(np.median(fine[others])) / first) if others.size else 1.0
    count = _extended(fine[order], count, freedom)
    flattest = order[:count]
    return _Reading(
        sigma=sqrt(float(np.median(fine[flattest])) / _chi_squared_quantile(0, freedom)),
        growth=growth,
        color=float(np.mean(edge[flattest]) / np.mean(fine[flattest])),
        count=count,
    )


def _extended(fine: Floats, count: int, freedom: float) -> int:
    """Read more blocks, in order of flatness, as long as they read no more than those before; half of all at most."""
    while 2 * count <= fine.size // 2:
        tolerance = 2 * sqrt(_SCATTER / (freedom * count))
        if np.median(fine[count : 2 * count]) > (1 + tolerance) * np.median(fine[:count]):
            break
        count *= 2
    return count


def _integral(decay: float) -> float:
    """Mean of exp(-decay f^2) over f from 0 to 1."""
    root = sqrt(decay)
    return sqrt(pi) * erf(root) / (2 * root)


def _undo_filter(sigma: float, color: float, bands: Sequence[AxisBands]) -> float:
    """Whole noise from its top band, when a bell-shaped filter has lowered that band against the edge bands.

    Anatomy may have its share in the color, and a level too high does more harm than one too low: only the root of the
    factor is applied.
    """
    y, x = bands
    top = y.high.frequency + x.high.frequency
    edge = 0.5 * (y.high.frequency + x.low.frequency + y.low.frequency + x.high.frequency)
    decay = log(color) / (top - edge)
    return sigma * sqrt(min(sqrt(exp(decay * top)) * _integral(decay), _LONGEST))


def tissue_level(blocks: Blocks, bands: Sequence[AxisBands], side: int, *, magnitude: bool) -> TissueLevel | None:
    """Noise level in the flattest blocks that carry signal.

    Parameters
    ----------
    blocks : Blocks
        From `block_statistics`.
    bands : two AxisBands
        The filters used there.
    side : int
        The block size used there.
    magnitude : bool
        True for Rician values (variance corrected for the level of each block), False for Gaussian ones.

    Returns
    -------
    TissueLevel or None
        None if no block is whole.
    """
    best = float(blocks.whole.max(initial=0.0))
    if best == 0:
        return None
    blocks = blocks.subset(blocks.whole >= min(_WHOLE, best))
    freedom = band_freedom(bands, side)
    reading = _Reading(0.0, 1.0, 1.0, 0)
    for _ in range(12):
        guess = reading.sigma
        reading = _read(blocks, guess, freedom, magnitude=magnitude)
        if abs(reading.sigma - guess) <= 1e-4 * guess:
            break
    error = min(sqrt(_SCATTER / (freedom * reading.count) + 0.02**2 + (0.5 * max(reading.growth - 1, 0)) ** 2), 1.0)
    level = TissueLevel(reading.sigma, error, reading.growth, reading.color)
    if level.is_filtered:
        return replace(level, sigma=_undo_filter(level.sigma, level.color, bands), uncertainty=min(error + 0.2, 1.0))
    return level


def pedestal_level(blocks: Blocks, bands: Sequence[AxisBands], side: int) -> TissueLevel | None:
    """Noise level in air that stands on a pedestal, as a root sum of squares of many channels or a ghost makes it.

    There the mean tells nothing, but the scatter does: about half the variance of one channel, for any number of
    channels. Only dark blocks whose detail is white and steady are believed.

    Parameters
    ----------
    blocks, bands, side
        As for `tissue_level`, of a magnitude image.

    Returns
    -------
    TissueLevel or None
        None if there are no such blocks.
    """
    dark = (blocks.whole >= _WHOLE) & (blocks.level < _DARK * np.quantile(blocks.level, 0.95))
    if np.count_nonzero(dark) < max(20, 0.01 * blocks.count):
        return None
    chosen = blocks.subset(dark)
    if np.median(chosen.level**2 / chosen.second) < _STANDING:
        return None
    level = tissue_level(chosen, bands, side, magnitude=False)
    if level is None or level.growth > _UNSTEADY or not 1 / _WHITE < level.color < _WHITE:
        return None
    return replace(level, sigma=level.sigma / sqrt(0.5), uncertainty=max(level.uncertainty, 0.3))
