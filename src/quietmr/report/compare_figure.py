"""The picture of a comparison: PSNR and SSIM against the noise level, a line for each method."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from quietmr.evaluate.compare.methods import UNTOUCHED
from quietmr.evaluate.compare.noise_cases import Kind
from quietmr.evaluate.compare.summary import Results, goodness
from quietmr.evaluate.metrics import METRICS

SCORES = ("psnr", "ssim")
# Okabe and Ito's palette, which people with any colour vision can tell apart, without its yellow (too pale on white),
# and two colours of Paul Tol's.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999933", "#882255")
_MARKERS = ("o", "s", "D", "^", "v", "P", "X", "p", "h")
_DASHES = ("-", (0, (4, 1.5)), (0, (1, 1.2)))
_INK, _FAINT, _RULE, _UNTOUCHED = "#1b1d21", "#686e77", "#e4e6ea", "#8d939c"
# Inches: width of a panel by the number of panels in a row, its height, the room for the names, margins.
_WIDTHS = {1: 5.0, 2: 3.6}
_NARROW, _HEIGHT, _LABELS, _LEFT, _BETWEEN = 2.8, 3.3, 1.75, 0.85, 0.3
_TOP, _BOTTOM, _ROWS = 1.3, 0.8, 0.3
_LABEL_SIZE, _LINE = 10.5, 0.175  # points; inches from one label to the next
_DODGE = 0.045  # inches between the error bars of two methods, at most


@dataclass(frozen=True)
class _Look:
    color: str
    marker: str
    dashes: str | tuple[int, tuple[float, ...]]
    width: float = 1.7


def comparison_figure(results: Results) -> Figure:
    """Draw PSNR (top) and SSIM (bottom) against the noise level, a column for each kind of noise.

    Points are means, bars the SD, over images and draws of the noise. Methods without results at a level have no
    point there. Lines are labelled at the end of each row, the best on top; colours and marks hold for all panels.

    Parameters
    ----------
    results : Results
        With at least one row.

    Returns
    -------
    matplotlib.figure.Figure
    """
    kinds = results.grid.kinds
    looks = _looks(results.grid.methods)
    panel = _WIDTHS.get(len(kinds), _NARROW)
    width = _LEFT + len(kinds) * (panel + _BETWEEN) - _BETWEEN + _LABELS
    height = _TOP + len(SCORES) * _HEIGHT + _ROWS + _BOTTOM
    figure = Figure(figsize=(width, height), dpi=150, facecolor="white")
    FigureCanvasAgg(figure)
    for row, score in enumerate(SCORES):
        for column, kind in enumerate(kinds):
            left = _LEFT + column * (panel + _BETWEEN)
            bottom = _BOTTOM + (len(SCORES) - 1 - row) * (_HEIGHT + _ROWS)
            axes = figure.add_axes((left / width, bottom / height, panel / width, _HEIGHT / height))
            _draw(axes, results, kind, score, looks)
            _frame(axes, results, score, is_first=column == 0, is_last=row == len(SCORES) - 1)
            if row == 0:
                axes.set_title(f"{kind} noise", loc="left", color=_INK, fontsize=12, fontweight="bold", pad=9)
        _label_lines(axes, results, kind, score, looks)
    _write_heading(figure, results, width, height)
    return figure


def _write_heading(figure: Figure, results: Results, width: float, height: float) -> None:
    grid = results.grid
    title = "Quality after denoising, by noise level"
    figure.text(_LEFT / width, 1 - 0.42 / height, title, color=_INK, fontsize=15, fontweight="bold", va="center")
    note = (
        f"points: mean over {_counted(len(grid.images), 'image')} and {_counted(grid.seeds, 'draw')} of the noise; "
        "bars: SD over them"
    )
    if results.done < grid.size:
        note += f"; {results.done} of {grid.size} results"
    figure.text(_LEFT / width, 1 - 0.72 / height, note, color=_FAINT, fontsize=10, va="center")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count > 1)}"


def _looks(methods: Sequence[str]) -> dict[str, _Look]:
    """Give each method a colour with a marker of its own; when they are used up, other dashes."""
    looks = {UNTOUCHED: _Look(_UNTOUCHED, ".", (0, (5, 2)), 1.4)}
    for number, name in enumerate(name for name in methods if name != UNTOUCHED):
        turn, place = divmod(number, len(_COLORS))
        width = 2.4 if number == 0 else 1.7
        looks[name] = _Look(_COLORS[place], _MARKERS[place], _DASHES[turn % len(_DASHES)], width)
    return looks


def _draw(axes: Axes, results: Results, kind: Kind, score: str, looks: Mapping[str, _Look]) -> None:
    levels, names = results.grid.levels, list(results.grid.methods)
    low, high = _span(levels)
    step = _step(levels, len(names), len(results.grid.kinds))
    for number, name in enumerate(names):
        look = looks[name]
        shift = step * (number - (len(names) - 1) / 2)
        points = [(level + shift, results.spread(name, score, kind, level)) for level in levels]
        known = [(x, spread) for x, spread in points if spread.n]
        if not known:
            continue
        x, y = [x for x, _ in known], [spread.mean for _, spread in known]
        sd = [spread.sd if math.isfinite(spread.sd) else 0.0 for _, spread in known]
        order = 1 if name == UNTOUCHED else 3 + len(names) - number
        axes.errorbar(x, y, sd, fmt="none", ecolor=look.color, elinewidth=1.0, alpha=0.45, zorder=order)
        axes.plot(
            x, y, color=look.color, lw=look.width, ls=look.dashes, marker=look.marker, ms=4.6, mec="white", mew=0.6,
            zorder=order + 0.5,
        )  # fmt: skip
    axes.set_xlim(low, high)
    axes.set_ylim(*_limits(results, score))


def _label_lines(axes: Axes, results: Results, kind: Kind, score: str, looks: Mapping[str, _Look]) -> None:
    """Write each name beside the end of its line, best on top, with a fine line to it where it had to move."""
    last = results.grid.levels[-1]
    ends = {name: results.spread(name, score, kind, last).mean for name in results.grid.methods}
    known = sorted((name for name, end in ends.items() if math.isfinite(end)), key=lambda name: -ends[name])
    bottom, top = axes.get_ylim()
    step = _LINE / _HEIGHT
    heights = _apart([(ends[name] - bottom) / (top - bottom) for name in known], step)
    for name, height in zip(known, heights, strict=True):
        own = (ends[name] - bottom) / (top - bottom)
        color = looks[name].color
        axes.plot([1.0, 1.035], [own, height], transform=axes.transAxes, color=color, lw=0.8, alpha=0.7, clip_on=False)
        weight = "bold" if looks[name].width > 2 else "normal"
        axes.text(
            1.045, height, _short(name), transform=axes.transAxes, color=color, fontsize=_LABEL_SIZE, va="center",
            fontweight=weight,
        )  # fmt: skip


def _apart(heights: Sequence[float], step: float) -> list[float]:
    """Move labels, highest first, as little as it takes to keep them ``step`` apart and in the panel.

    Neighbours that would touch are joined to a block around the mean of their wishes (pool adjacent violators).
    """
    blocks: list[tuple[float, int]] = []  # middle, number of labels
    for height in heights:
        blocks.append((height, 1))
        while len(blocks) > 1 and blocks[-2][0] - blocks[-1][0] < step * (blocks[-2][1] + blocks[-1][1]) / 2:
            (upper, m), (lower, n) = blocks[-2:]
            blocks[-2:] = [((upper * m + lower * n) / (m + n), m + n)]
    placed = [middle + step * ((count - 1) / 2 - k) for middle, count in blocks for k in range(count)]
    lift = max(0.0, -min(placed, default=0.0)) if placed else 0.0
    return [height + lift for height in placed]


def _limits(results: Results, score: str) -> tuple[float, float]:
    """Range of all panels of a score, bars included."""
    edges = []
    for kind in results.grid.kinds:
        for level in results.grid.levels:
            for name in results.grid.methods:
                spread = results.spread(name, score, kind, level)
                sd = spread.sd if math.isfinite(spread.sd) else 0.0
                edges += [spread.mean - sd, spread.mean + sd] if spread.n else []
    low, high = min(edges, default=0.0), max(edges, default=1.0)
    margin = 0.04 * (high - low) or 0.5
    top = high + margin
    return low - margin, min(top, 1.0) if goodness(score)(1.0) == 1.0 and METRICS[score].perfect == 1.0 else top


def _step(levels: Sequence[float], count: int, kinds: int) -> float:
    """Distance of two methods along the axis of levels, so that their bars do not hide each other."""
    low, high = _span(levels)
    gap = min((b - a for a, b in pairwise(levels)), default=high - low)
    inch = (high - low) / _WIDTHS.get(kinds, _NARROW)
    return min(0.8 * gap / count, _DODGE * inch)


def _span(levels: Sequence[float]) -> tuple[float, float]:
    margin = 0.09 * (max(levels) - min(levels)) or 0.5 * max(levels)
    return min(levels) - margin, max(levels) + margin


def _frame(axes: Axes, results: Results, score: str, *, is_first: bool, is_last: bool) -> None:
    """Draw as little around the lines as reading them takes."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_FAINT)
    axes.grid(axis="y", color=_RULE, lw=0.8)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(FixedLocator(list(results.grid.levels)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}" if is_last else ""))
    axes.yaxis.set_major_locator(MaxNLocator(7))
    axes.tick_params(colors=_FAINT, labelsize=10, length=0)
    axes.tick_params(axis="x", length=3)
    axes.tick_params(axis="y", labelleft=is_first)
    if is_last:
        axes.set_xlabel("noise level in %", color=_FAINT, fontsize=10)
    if is_first:
        metric = METRICS[score]
        unit = f" in {metric.unit}" if metric.unit else ""
        axes.set_ylabel(f"{metric.title}{unit}", color=_INK, fontsize=11.5)
        axes.yaxis.set_label_coords(-0.45 / _WIDTHS.get(len(results.grid.kinds), _NARROW), 0.5)


def _short(name: str, longest: int = 22) -> str:
    return name if len(name) <= longest else f"\N{HORIZONTAL ELLIPSIS}{name[-longest:]}"
