"""Geometry of the small drawings on the page; the template draws them as SVG.

Places are in units of the drawing, from its upper left corner, rounded to tenths.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image
from quietmr.evaluate.lesion_survival import LesionSurvival
from quietmr.evaluate.residual import Finding
from quietmr.report.panels import magnitude

WIDTH, HEIGHT = 440.0, 230.0
# Room for labels around the drawing.
LEFT, RIGHT, TOP, BOTTOM = 40.0, 60.0, 14.0, 40.0
_BINS = 96
_GAUGE = 100.0

Point = tuple[float, float]


@dataclass(frozen=True)
class Tick:
    """A place along an axis and what is written there."""

    at: float
    label: str


@dataclass(frozen=True)
class Gauge:
    """One value against its limits, on a bar of 100 units."""

    value: float
    low: float
    high: float
    beyond: str


@dataclass(frozen=True)
class Histogram:
    """Two outlines over one axis of intensities."""

    before: str
    after: str
    ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class Curve:
    """Points of one contrast, their error bars (x, upper, lower), and where its label stands."""

    label: str
    path: str
    points: tuple[Point, ...]
    bars: tuple[tuple[float, float, float], ...]
    label_at: float


@dataclass(frozen=True)
class Survival:
    """Curves of the contrast that is left, over the diameter."""

    curves: tuple[Curve, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    whole: float


def gauge(finding: Finding) -> Gauge | None:
    """Place a value beside the limits of what noise alone explains; None where there is nothing to place."""
    low, high = finding.limits
    known = [limit for limit in (low, high) if limit is not None and math.isfinite(limit)]
    if not known or not math.isfinite(finding.value):
        return None
    room = max(known) - min(known) or max(abs(known[0]), abs(finding.value)) or 1.0
    left, right = min(known) - 0.75 * room, max(known) + 0.75 * room
    if low is None and min(finding.value, max(known)) >= 0:
        left = 0.0
    at = _GAUGE * (finding.value - left) / (right - left)
    return Gauge(
        round(min(max(at, 2.0), _GAUGE - 2.0), 1),
        0.0 if low is None else round(_GAUGE * (low - left) / (right - left), 1),
        _GAUGE if high is None else round(_GAUGE * (high - left) / (right - left), 1),
        "left" if at < 0 else "right" if at > _GAUGE else "",
    )


def histogram(before: Image, after: Image, where: NDArray[np.bool_]) -> Histogram | None:
    """Intensities of the voxels of ``where`` (all if there are none), before and after; None if they are all alike."""
    values = [_values(image, where) for image in (before, after)]
    if any(not one.size for one in values):
        return None
    lowest, highest = float(min(one.min() for one in values)), float(max(np.percentile(one, 99.7) for one in values))
    lowest = max(lowest, float(np.percentile(values[0], 0.1))) if lowest < 0 else 0.0
    if not highest > lowest:
        return None
    bins, highest = _bins(values[0], lowest, highest)
    counts = [np.histogram(one, bins=bins, range=(lowest, highest))[0] / one.size for one in values]
    most = float(max(one.max() for one in counts))
    outlines = [_outline(one / most) for one in counts]
    ticks = [Tick(_x((at - lowest) / (highest - lowest)), _label(at)) for at in round_numbers(lowest, highest, 5)]
    return Histogram(outlines[0], outlines[1], tuple(ticks))


def survival(kept: LesionSurvival) -> Survival | None:
    """Lay out the curves, one for each contrast; None if nothing was planted."""
    diameters = np.asarray(kept.diameters, dtype=np.float64)
    if not diameters.size or not np.isfinite(kept.kept).any():
        return None
    first, last = float(diameters.min()), float(diameters.max())
    top = max(1.15, float(np.nanmax(kept.kept + kept.error)) + 0.05)
    bottom = min(0.0, float(np.nanmin(kept.kept - kept.error)))
    xs = [_x(0.04 + 0.92 * (d - first) / (last - first or 1.0)) for d in diameters]

    def y(part: float) -> float:
        return _y((part - bottom) / (top - bottom))

    curves = []
    for column, contrast in enumerate(kept.contrasts):
        rows = zip(xs, kept.kept[:, column], kept.error[:, column], strict=True)
        parts = [(x, float(value), float(error)) for x, value, error in rows if math.isfinite(value)]
        if parts:
            points = tuple((x, y(value)) for x, value, _ in parts)
            bars = tuple((x, y(value + error), y(value - error)) for x, value, error in parts if math.isfinite(error))
            curves.append(Curve(f"{contrast:g} σ", _line(points), points, bars, points[-1][1]))
    x_ticks = tuple(Tick(x, f"{d:g}") for x, d in zip(xs, diameters, strict=True))
    y_ticks = tuple(Tick(y(part), f"{100 * part:.0f} %") for part in (0.0, 0.5, 1.0))
    return Survival(tuple(_apart(curves)), x_ticks, y_ticks, y(1.0))


def round_numbers(low: float, high: float, most: int) -> list[float]:
    """Round numbers (steps of 1, 2 or 5) between two values, at most so many."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return [n * step for n in range(math.ceil(low / step), math.floor(high / step) + 1)][: most + 1]


def _values(image: Image, where: NDArray[np.bool_]) -> NDArray[np.float32]:
    values = magnitude(image.data)[where] if where.any() else magnitude(image.data).ravel()
    return values[np.isfinite(values)]


def _bins(values: NDArray[np.float32], low: float, high: float) -> tuple[int, float]:
    """Choose bins that hold whole numbers of the steps in which a file keeps its values; else they look like a comb."""
    found = np.unique(values[:: max(1, values.size // 50_000)])
    wanted = (high - low) / _BINS
    if found.size < 2 or found.size > 2000:
        return _BINS, high
    step = float(np.median(np.diff(found)))
    width = step * max(1, round(wanted / step))
    count = min(2 * _BINS, max(1, math.ceil((high - low) / width)))
    return (count, low + count * width) if width < 4 * wanted else (_BINS, high)


def _outline(counts: NDArray[np.float64]) -> str:
    """Draw steps over the bins, closed at the bottom."""
    ground = _y(0.0)
    parts = [f"M{_x(0.0):g} {ground:g}"]
    for i, count in enumerate(counts):
        parts.append(f"V{_y(float(count)):g}H{_x((i + 1) / len(counts)):g}")
    return "".join([*parts, f"V{ground:g}"])


def _line(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)


def _apart(curves: list[Curve], least: float = 14.0) -> list[Curve]:
    """Move labels down until they do not touch, keeping their order from top to bottom."""
    placed: list[Curve] = []
    for curve in sorted(curves, key=lambda one: one.label_at):
        at = max(curve.label_at, placed[-1].label_at + least) if placed else curve.label_at
        placed.append(Curve(curve.label, curve.path, curve.points, curve.bars, round(at, 1)))
    return placed


def _x(part: float) -> float:
    return round(LEFT + part * (WIDTH - LEFT - RIGHT), 1)


def _y(part: float) -> float:
    return round(HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM), 1)


def _label(value: float) -> str:
    return f"{value:.4g}".replace("-", "\N{MINUS SIGN}")
