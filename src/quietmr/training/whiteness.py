"""The noise of the scans of a recipe, checked before training."""

import warnings

import numpy as np

from quietmr.data import QuietmrWarning
from quietmr.training.correlation import ASSUMING, Correlation, measure_correlation, sentence
from quietmr.training.noisy_scans import NoisyScan, load_noisy
from quietmr.training.recipe import Recipe

_MOST_SCANS = 5


def warn_if_correlated(recipe: Recipe) -> None:
    """Warn if the noise of the scans of a recipe is correlated in a way that its lesson does not reckon with.

    Parameters
    ----------
    recipe : Recipe
        At most five of its scans are measured. Repeats (``noise2noise``) may have noise of any correlation.

    Raises
    ------
    InputError
        If the scans cannot be used.
    """
    lesson = recipe.lesson
    if lesson not in ASSUMING:
        return
    with warnings.catch_warnings():
        # Whoever judges the run reads the same scans and lets their warnings through.
        warnings.simplefilter("ignore", QuietmrWarning)
        scans = load_noisy(recipe.scans, repeats=False)
    chosen = [scans[int(i)] for i in np.unique(np.linspace(0, len(scans) - 1, _MOST_SCANS).round())]
    found = [(*_measured(scan).unknown_to(lesson), scan.name) for scan in chosen]
    value, axis, name = max(found)
    if value > 0:
        warnings.warn(sentence(lesson, value, axis, name), QuietmrWarning, stacklevel=2)


def _measured(scan: NoisyScan) -> Correlation:
    return measure_correlation(scan.frames[0], scan.sigma, scan.support)
