"""The cine figure: raw, denoised, removed, g-map, truth, and the beating heart along a line over time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
from cine_rivals import RIVALS, Complex, Magnitude, find
from cine_scans import Scan
from cine_table import Row
from numpy.typing import NDArray

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_INK, _QUIET, _MARK = "#e8e8e8", "#9a9a9a", "#ffb454"
_WIDTH, _HEIGHT = 12.0, 5.6
# Removed noise is shown in noise SDs, from black at minus so many to white at plus so many.
_SCALE = 4.0
_NAME = "cine_complex.png"


def draw(
    scan: Scan,
    network: Callable[[Complex, NDArray[np.float32]], Magnitude],
    rows: Mapping[tuple[str, str], Row],
    out: Path,
) -> Path:
    """Draw the figure of a case into a folder."""
    rivals = [rows[scan.name, rival] for rival in RIVALS if (scan.name, rival) in rows]
    best = max(rivals, key=lambda row: row.psnr)
    series = {
        "raw": np.abs(scan.noisy),
        "denoised": network(scan.noisy, scan.g),
        best.method: find(best.method, best.variant).run(scan.noisy, scan.g),
        "truth": np.abs(scan.clean),
    }
    plt.rcParams["font.size"] = 9
    figure = plt.figure(figsize=(_WIDTH, _HEIGHT), facecolor="black")
    _pictures(figure, scan, series)
    _profiles(figure, scan, series)
    path = out / _NAME
    out.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130, facecolor="black")
    plt.close(figure)
    return path


def _pictures(figure: Figure, scan: Scan, series: dict[str, Magnitude]) -> None:
    frame, (row, columns) = _systole(scan), _line(scan)
    rows = np.flatnonzero(scan.body.any(axis=1))
    part = slice(max(0, rows[0] - 4), rows[-1] + 5)
    removed = (series["raw"] - series["denoised"])[frame] / scan.g
    top = float(np.percentile(np.abs(scan.clean[:, *scan.window]), 99.3))
    heart = float(np.median(scan.g[(scan.labels > 0).any(axis=0)]))
    panels = [
        ("raw, R = 5", series["raw"][frame], 0.0, top, "gray"),
        ("denoised", series["denoised"][frame], 0.0, top, "gray"),
        (f"removed, ±{_SCALE:g} noise SD", removed, -_SCALE, _SCALE, "gray"),
        (f"g-factor, {heart:.1f} in the heart", scan.g, 1.0, float(scan.g[scan.body].max()), "magma"),
        ("truth", series["truth"][frame], 0.0, top, "gray"),
    ]
    for i, (title, picture, low, high, colors) in enumerate(panels):
        axes = _axes(figure, i, len(panels), 0.52, 0.41)
        axes.imshow(picture[part], cmap=colors, vmin=low, vmax=high, interpolation="bilinear", aspect="equal")
        axes.set_title(title, color=_INK, fontsize=10, loc="left", pad=5)
        if i == 0:
            axes.plot([columns.start, columns.stop], [row - part.start] * 2, color=_MARK, lw=1.2)


def _profiles(figure: Figure, scan: Scan, series: dict[str, Magnitude]) -> None:
    row, columns = _line(scan)
    top = float(np.percentile(np.abs(scan.clean[:, *scan.window]), 99.3))
    for i, (title, frames) in enumerate(series.items()):
        axes = _axes(figure, i, len(series), 0.055, 0.37)
        axes.imshow(
            frames[:, row, columns].T,
            cmap="gray",
            vmin=0,
            vmax=top,
            interpolation="nearest",
            aspect="auto",
            origin="upper",
        )
        axes.set_title(title, color=_INK, fontsize=10, loc="left", pad=5)
        if i == 0:
            axes.set_ylabel("along the line", color=_MARK, fontsize=9)
            axes.set_xlabel("32 frames of 60 ms, two beats", color=_QUIET, fontsize=9, loc="left")


def _axes(figure: Figure, i: int, count: int, bottom: float, height: float) -> Axes:
    left, gap = 0.03, 0.012
    width = (0.985 - left - gap * (count - 1)) / count
    axes = figure.add_axes((left + i * (width + gap), bottom, width, height))
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    return axes


def _systole(scan: Scan) -> int:
    """Frame in which the left ventricle is smallest."""
    return int((scan.labels == 1).sum(axis=(1, 2)).argmin())


def _line(scan: Scan) -> tuple[int, slice]:
    """Row through the middle of the left ventricle, and the columns of the heart with a little around."""
    middle = np.argwhere(scan.labels == 1)[:, 1].mean()
    columns = np.flatnonzero((scan.labels > 0).any(axis=(0, 1)))
    return round(float(middle)), slice(int(columns[0]) - 6, int(columns[-1]) + 7)
