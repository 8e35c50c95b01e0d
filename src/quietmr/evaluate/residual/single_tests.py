"""The single tests, each with its limits and its verdict in a sentence."""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np

from quietmr.evaluate.residual import limits
from quietmr.evaluate.residual.findings import Finding
from quietmr.evaluate.residual.measures import Measure, Places
from quietmr.evaluate.residual.planes import Mask, Planes

_BIAS = "Gudbjartsson and Patz, Magn Reson Med 34 (1995): SD of a magnitude"


@dataclass(frozen=True, eq=False)
class Facts:
    """All that was measured.

    Attributes
    ----------
    size : float
        RMS of the residual in tissue over that of the noise.
    neighbors, neighbors_error : float
        Correlation of neighbors in flat tissue above that in the noise, and its standard error.
    finest, fine, coarse : Measure
    places : Places
    present : array of bool, shape (P, Y, X)
    color : float
        Of the noise in the noisy image, see `earlier.color_of_noise`.
    """

    size: float
    neighbors: float
    neighbors_error: float
    finest: Measure
    fine: Measure
    coarse: Measure
    places: Places
    present: Mask
    color: float


def size_of(planes: Planes) -> float:
    """RMS of the residual in tissue over that of the noise, whose SD is that of the Rician law in magnitudes."""
    where = planes.tissue
    power = planes.power(planes.before[where] - planes.after[where]) / planes.variance[where]
    return sqrt(float(np.mean(power, dtype=np.float64)))


def check_size(size: float) -> Finding:
    """Ask whether more is removed than noise can explain, or next to nothing."""
    if size < limits.NOTHING:
        words = f"Next to nothing was removed: {size:.0%} of the noise."
    elif size > limits.TOO_MUCH:
        words = f"What was removed is {size:.2f} times as strong as the noise: more than noise explains."
    else:
        words = f"What was removed is {size:.0%} as strong as the noise, which noise can explain."
    within = limits.NOTHING <= size <= limits.TOO_MUCH
    return Finding(
        "Size of what was removed", size, "noise SD", (limits.NOTHING, limits.TOO_MUCH), within, words, _BIAS
    )


def check_edges(facts: Facts) -> Finding:
    """Ask whether more is removed where the image has edges than where it is flat."""
    found = facts.finest
    highest = max(limits.EDGES, 1 + limits.ERRORS * found.error)
    within = bool(found.edges <= highest)
    words = (
        "No more was removed at edges than in flat tissue."
        if within
        else f"At edges {found.edges:.1f} times as much power was changed as in flat tissue: edges are in the residual."
    )
    source = f"1 in closed form for the law of the noise; {limits.CALIBRATED}"
    return Finding("Edges against flat tissue", found.edges, "", (None, highest), within, words, source)


def check_slope(facts: Facts) -> Finding:
    """Ask whether the residual follows the detail of the denoised image."""
    found, error = facts.fine, limits.ERRORS * facts.fine.slope_error
    lowest, highest = min(limits.SLOPE[0], -error), max(limits.SLOPE[1], error)
    if found.slope > highest:
        words = f"The residual repeats the fine detail of the image: about {found.slope:.0%} of it was taken away."
    elif found.slope < lowest:
        words = f"The residual is a negative of the fine detail: {-found.slope:.0%} of it was added."
    else:
        words = "The residual does not follow the fine detail of the image."
    within = lowest <= found.slope <= highest
    source = f"0 in closed form for noise; {limits.CALIBRATED}"
    return Finding("Fine detail in the residual", found.slope, "", (lowest, highest), within, words, source)


def check_smooth(facts: Facts, found: Measure, name: str) -> Finding:
    """Ask whether averaging shrinks the residual as it shrinks noise."""
    value = max(found.tissue, found.edges)
    highest = max(limits.SMOOTH, 1 + limits.ERRORS * found.error)
    within = bool(value <= highest)
    size = f"details of about {2 * found.band.width:.0f} to {4 * found.band.width:.0f} pixels"
    words = (
        f"In {size} the residual is no stronger than noise."
        if within
        else f"In {size} the residual has {value:.1f} times the power of noise: something with a shape is in it."
    )
    source = f"at most 1 in closed form for noise; {limits.CALIBRATED}"
    return Finding(name, value, "", (None, highest), within, words, source)


def check_added(facts: Facts) -> Finding:
    """Ask whether detail has appeared that the noisy image does not hold."""
    count = max(int(np.count_nonzero(facts.present)), 1)
    value = 1000 * int(np.count_nonzero(facts.places.added)) / count
    within = bool(value <= limits.ADDED)
    words = (
        "No detail has appeared that the noisy image does not hold."
        if within
        else f"In {value:.1f} of 1000 voxels the denoised image shows detail that the noisy image does not hold."
    )
    source = f"4.5 SD of noise, which it passes in 7 of a million voxels; {limits.CALIBRATED}"
    return Finding("Detail that appeared", value, "per 1000 voxels", (None, limits.ADDED), within, words, source)


def check_neighbors(facts: Facts) -> Finding:
    """Ask whether neighbors in the residual have more in common than neighbors in the noisy image."""
    highest = limits.NEIGHBORS + limits.ERRORS * facts.neighbors_error
    within = bool(facts.neighbors <= highest)
    words = (
        "In flat tissue neighbors in the residual have no more in common than in the noisy image."
        if within
        else "In flat tissue neighbors in the residual have more in common than in the noisy image: it is smoother."
    )
    source = f"at most 0 in closed form for noise of any spectrum; {limits.CALIBRATED}"
    return Finding("Likeness of neighbors", facts.neighbors, "correlation", (None, highest), within, words, source)


def check_spectrum(facts: Facts) -> Finding:
    """Ask whether the residual in flat tissue has the spectrum of noise: no more coarse detail for its fine detail."""
    value = facts.fine.floor / max(facts.finest.floor, 1e-12)
    highest = limits.SPECTRUM * max(facts.color, 1.0)
    within = True if value <= highest else None  # a filter of the scanner does the same
    words = (
        "In flat tissue coarse detail is no stronger in the residual than in noise."
        if within
        else f"In flat tissue the residual holds {value:.1f} times as much coarse detail as white noise: texture, or "
        "noise that the scanner filtered."
    )
    source = f"1 in closed form for white noise, times the color of the noisy image; {limits.CALIBRATED}"
    return Finding("Spectrum in flat tissue", value, "", (None, highest), within, words, source)


def all_tests(facts: Facts) -> dict[str, Finding]:
    """All tests by a short name, the most telling first."""
    tests: dict[str, Callable[[], Finding]] = {
        "edges": lambda: check_edges(facts),
        "slope": lambda: check_slope(facts),
        "added": lambda: check_added(facts),
        "fine": lambda: check_smooth(facts, facts.fine, "Fine structure in the residual"),
        "coarse": lambda: check_smooth(facts, facts.coarse, "Coarse structure in the residual"),
        "size": lambda: check_size(facts.size),
        "spectrum": lambda: check_spectrum(facts),
        "neighbors": lambda: check_neighbors(facts),
    }
    return {name: test() for name, test in tests.items()}
