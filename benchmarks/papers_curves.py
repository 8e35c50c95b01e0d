"""Curves of ``papers.py``: scores over the level of noise, as the papers draw them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from papers_arms import RIVALS, UNPAIRED
from papers_diffusion import TUNED
from papers_lines import BEST, arms_of, classical
from papers_methods import OURS
from papers_statistics import Rows, by_seed, mean, select
from papers_volumes import LEVELS, STRONG, T1, T2
from results import UNTOUCHED

GROUND, INK, FAINT = "#0d0f12", "#e8eaed", "#9aa0a8"
_PANEL, _GRID = "#14171b", "#2a2f36"
_TITLES = {"psnr": "PSNR (dB)", "ssim": "SSIM", "bias": "bias of the mean intensity (%)"}
# Color, width, dashes: bright and thick what the papers propose, dashed what needs no training here.
_LOOKS = {
    UNTOUCHED: (FAINT, 1.4, (0, (1, 1.6))),
    BEST: (INK, 1.8, (0, (4, 2))),
    TUNED: ("#7bc96f", 1.8, (0, (4, 2))),
    "quiet": ("#f2b33d", 2.0, (0, (4, 2))),
    "quiet-fast": ("#f2b33d", 1.2, (0, (4, 2))),
    "das-ffdnet-small": ("#ff5d5d", 3.0, "-"),
    "denoisenet-small": ("#4cc3ff", 3.0, "-"),
    "hmad-net-16": ("#4cc3ff", 1.6, (0, (6, 1.5))),
    "disentangled-gan": ("#d68ae0", 3.0, "-"),
    "cyclegan": ("#5aa9e6", 2.0, "-"),
}
_OTHERS = ("#7bc96f", "#c7a17a", "#8f8ce8", "#5ad1b0", "#c97b9d", "#b6c94f", "#8aa4b8", "#e0824f")


@dataclass(frozen=True)
class Panel:
    """One set of axes: a score on a contrast."""

    contrast: str
    key: str


def draw_rivals(rows: Rows, path: Path) -> None:
    """Every network of Table 1 of DAS-FFDNet, PSNR above SSIM, T1w beside T2w."""
    panels = [[Panel(contrast, key) for contrast in (T1, T2)] for key in ("psnr", "ssim")]
    names = [UNTOUCHED, BEST, *arms_of(rows, RIVALS), *OURS]
    title = "DAS-FFDNet and its rivals, trained alike for a few CPU minutes"
    _draw(rows, names, LEVELS, panels, title, path)


def draw_unpaired(rows: Rows, path: Path) -> None:
    """What learned from unpaired images, against diffusion: PSNR, SSIM and bias on T1w."""
    panels = [[Panel(T1, key) for key in ("psnr", "ssim", "bias")]]
    names = [UNTOUCHED, TUNED, BEST, *arms_of(rows, UNPAIRED), "quiet"]
    _draw(rows, names, STRONG, panels, "Unpaired GANs against anisotropic diffusion, T1w", path)


def _draw(
    rows: Rows,
    names: Sequence[str],
    levels: Sequence[float],
    panels: Sequence[Sequence[Panel]],
    title: str,
    path: Path,
) -> None:
    height, width = 3.3 * len(panels) + 1.5, 4.4 * len(panels[0]) + 2.2
    figure = Figure(figsize=(width, height), dpi=90, facecolor=GROUND)
    FigureCanvasAgg(figure)
    grid = figure.subplots(
        len(panels), len(panels[0]), squeeze=False,
        gridspec_kw={"left": 0.7 / width, "right": 1 - 2.35 / width, "bottom": 0.65 / height, "top": 1 - 0.8 / height,
                     "hspace": 0.28, "wspace": 0.22},
    )  # fmt: skip
    there = [name for name in names if name == BEST or select(rows, name, levels)]
    for line, parts in zip(grid, panels, strict=True):
        for axes, panel in zip(line, parts, strict=True):
            _panel(axes, select(rows, contrast=panel.contrast), there, levels, panel)
    for axes in grid[-1]:
        axes.set_xlabel("noise (% of the brightest tissue)", color=FAINT, fontsize=10)
    figure.text(0.7 / width, 1 - 0.38 / height, title, color=INK, fontsize=13, weight="bold")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    place = {"loc": "center right", "bbox_to_anchor": (1 - 0.2 / width, 0.5)}
    figure.legend(handles, labels, frameon=False, labelcolor=INK, fontsize=9.5, handlelength=2.6, **place)
    figure.savefig(path, facecolor=GROUND)


def _panel(axes: Axes, rows: Rows, names: Sequence[str], levels: Sequence[float], panel: Panel) -> None:
    axes.set_facecolor(_PANEL)
    plain = iter(_OTHERS)
    for name in names:
        color, width, dashes = _LOOKS[name] if name in _LOOKS else (next(plain), 1.3, "-")
        parts = [classical(rows, level) if name == BEST else select(rows, name, [level]) for level in levels]
        axes.plot(levels, [mean(p, panel.key) for p in parts], color=color, lw=width, ls=dashes, label=name, zorder=3)
        seeds = [list(by_seed(part, panel.key).values()) for part in parts]
        if name != BEST and len(seeds[0]) > 1:
            low, high = ([pick(one) for one in seeds] for pick in (min, max))
            axes.fill_between(levels, low, high, color=color, alpha=0.15, lw=0, zorder=2)
    axes.set_title(f"{panel.contrast}: {_TITLES[panel.key]}", color=INK, fontsize=11, loc="left")
    axes.set_xticks(levels)
    axes.grid(color=_GRID, lw=0.8)
    axes.tick_params(colors=FAINT, labelsize=9.5, length=0)
    axes.spines[:].set_visible(False)
