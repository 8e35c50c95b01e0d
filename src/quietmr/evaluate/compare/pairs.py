"""The first method against each other one, on the same noisy images.

The unit of the statistics is the image: draws and levels of one image are not independent, so that their differences
are averaged before anything is tested.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from quietmr.evaluate.compare.methods import UNTOUCHED
from quietmr.evaluate.compare.summary import Results, Spread, goodness
from quietmr.evaluate.metrics import METRICS
from quietmr.evaluate.statistics import holm, paired_comparison

ENOUGH = 6
"""Images from which a test can tell anything: with five, Wilcoxon's smallest two-sided p is 2 / 2^5 = 0.06."""
SCORES = ("psnr", "ssim")


@dataclass(frozen=True)
class Pair:
    """The first method against another one.

    Parameters
    ----------
    other : str
    score : str
    difference : Spread
        First less other, one mean difference per image.
    better, met : int
        On how many of how many noisy images the first is better.
    p : float, optional
        Of Wilcoxon's signed-rank test over the images, corrected by Holm's method for the number of methods; None where
        there are too few images.
    """

    other: str
    score: str
    difference: Spread
    better: int
    met: int
    p: float | None = None


def pairs(results: Results, score: str) -> list[Pair]:
    """All pairs of the first method that is not the untouched image, for one score."""
    first = first_method(results)
    if first is None:
        return []
    found, samples = [], []
    for other in (name for name in results.grid.methods if name != first):
        by_image = results.differences(first, other, score)
        means = [statistics.fmean(values) for values in by_image.values()]
        every = [value for values in by_image.values() for value in values]
        key = goodness(score)
        better = sum(key(value) > 0 for value in every) if METRICS[score].better != "zero" else 0
        found.append(Pair(other, score, Spread.of(means), better, len(every)))
        samples.append(means)
    return _tested(found, samples)


def first_method(results: Results) -> str | None:
    """Give the method that the user named first."""
    return next((name for name in results.grid.methods if name != UNTOUCHED), None)


def _tested(found: list[Pair], samples: Sequence[Sequence[float]]) -> list[Pair]:
    """Add p-values where there are enough images."""
    p = {}
    for pair, means in zip(found, samples, strict=True):
        if len(means) >= ENOUGH and any(means):
            comparison = paired_comparison(means, np.zeros(len(means)), np.random.default_rng(0))
            p[pair.other] = comparison.wilcoxon_p
    corrected = dict(zip(p, holm(list(p.values())), strict=True))
    return [replace(pair, p=float(corrected[pair.other])) if pair.other in p else pair for pair in found]
