"""The figure of ``lesion_survival.py``: part of a lesion's contrast that each method keeps, by its size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TypeVar

from lesion_rows import LesionRow, at_equal_psnr, kept, methods
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from tables import mean

Entry = TypeVar("Entry")
_GROUND, _PANEL, _INK, _FAINT, _GRID = "#0d0f12", "#14171b", "#e8eaed", "#9aa0a8", "#2a2f36"
# Name in the figure, color, width, dashes.
_LOOK = {
    "quiet": ("quiet", "#f2b33d", 3.0, "-"),
    "quiet-fast": ("quiet-fast", "#f2b33d", 1.6, (0, (4, 2))),
    "dipy-nlm-classic": ("NLM (DIPY, classic)", "#5aa9e6", 1.8, "-"),
    "dipy-nlm-blockwise": ("NLM (DIPY, blockwise)", "#5aa9e6", 1.6, (0, (4, 2))),
    "skimage-tv": ("total variation", "#7bc96f", 1.8, "-"),
    "bm4d": ("BM4D", "#d68ae0", 1.8, "-"),
    "gaussian": ("Gaussian, SD 0.5 voxels", "#9aa0a8", 1.4, (0, (1, 1.6))),
}


def draw_figure(rows: Sequence[LesionRow], percent: float, simple: Sequence[str], path: Path) -> None:
    """Draw one column per contrast; above, methods as they are, below, at equal PSNR without the simple ones."""
    contrasts = sorted({row.contrast for row in rows if row.percent == percent})
    shown = [name for name in _LOOK if name in methods(rows, percent)]
    equal = [name for name in shown if name not in simple]
    figure = Figure(figsize=(13.5, 9.6), dpi=100, facecolor=_GROUND)
    FigureCanvasAgg(figure)
    grid = figure.subplots(
        2, len(contrasts), sharex=True, sharey=True,
        gridspec_kw={"left": 0.075, "right": 0.985, "bottom": 0.165, "top": 0.85, "wspace": 0.07, "hspace": 0.1},
    )  # fmt: skip
    for column, contrast in enumerate(contrasts):
        for axes, names, value in (
            (grid[0, column], shown, lambda row: row.kept),
            (grid[1, column], equal, lambda row: at_equal_psnr(rows, row, simple)),
        ):
            _curves(axes, rows, (percent, contrast), names, value)
        grid[0, column].set_title(f"{contrast:g} × noise SD", color=_INK, fontsize=14, loc="left", pad=8)
        grid[1, column].set_xlabel("size of the lesion (FWHM, voxels)", color=_FAINT, fontsize=12.5)
    for axes, words in zip(grid[:, 0], ("contrast kept, as they are", "contrast kept, at equal PSNR"), strict=True):
        axes.set_ylabel(words, color=_INK, fontsize=13)
    brains = list(dict.fromkeys(row.volume for row in rows if row.percent == percent))
    _words(figure, percent, brains)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(
        _by_rows(handles[::-1]), _by_rows(labels[::-1]), loc="lower left", ncols=-(-len(labels) // 2), frameon=False,
        labelcolor=_INK, fontsize=12.5, handlelength=2.8, columnspacing=2.6, bbox_to_anchor=(0.066, 0.012),
    )  # fmt: skip
    figure.savefig(path, facecolor=_GROUND)


def _by_rows(entries: list[Entry]) -> list[Entry]:
    """Order for a legend of two rows, which is filled column by column."""
    half = -(-len(entries) // 2)
    return [entry for pair in zip_longest(entries[:half], entries[half:]) for entry in pair if entry is not None]


def _curves(
    axes: Axes,
    rows: Sequence[LesionRow],
    at: tuple[float, float],
    names: Sequence[str],
    value: Callable[[LesionRow], float],
) -> None:
    percent, contrast = at
    sizes = sorted({row.diameter for row in rows if row.percent == percent})
    axes.set_facecolor(_PANEL)
    axes.axhline(1, color=_FAINT, lw=0.8)
    for name in reversed(names):
        label, color, width, dashes = _LOOK[name]
        points = [[value(row) for row in kept(rows, name, size, contrast, percent)] for size in sizes]
        psnr = mean(row.psnr for row in rows if (row.method, row.percent) == (name, percent))
        words = f"{label}, {psnr:.1f} dB"
        axes.plot(sizes, [mean(one) for one in points], color=color, lw=width, ls=dashes, label=words, zorder=3)
        if name == "quiet":
            low, high = ([pick(one) for one in points] for pick in (min, max))
            axes.fill_between(sizes, low, high, color=color, alpha=0.14, lw=0, zorder=2)
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [f"{size:g}" for size in sizes])
    axes.minorticks_off()
    axes.set(xlim=(sizes[0] * 0.95, sizes[-1] * 1.05), ylim=(0.22, 1.05), yticks=[0.25, 0.5, 0.75, 1])
    axes.set_yticklabels(["25 %", "50 %", "75 %", "all"])
    axes.grid(color=_GRID, lw=0.8)
    axes.tick_params(colors=_FAINT, labelsize=12, length=0)
    axes.spines[:].set_visible(False)


def _words(figure: Figure, percent: float, brains: Sequence[str]) -> None:
    figure.text(0.075, 0.943, "How much of a small lesion survives", color=_INK, fontsize=19, weight="bold")
    about = (
        f"Gaussian bumps planted into {len(brains)} real heads, Rician noise of {percent:g} %; peak over the tissue in "
        "noise SDs. Mean over the heads; shaded: range of quiet."
    )
    figure.text(0.075, 0.91, about, color=_FAINT, fontsize=12.5)
