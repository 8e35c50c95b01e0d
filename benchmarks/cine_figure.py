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
# In inches: the figure, a row of pictures and one of profiles, what lies between and around.
_WIDTH, _TITLE, _FOOT, _PROFILES, _LEFT, _GAP = 12.0, 0.32, 0.30, 1.9, 0.34, 0.12
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
    part = scan.clean[0][scan.window]
    pictures = (_WIDTH - _LEFT - 5 * _GAP) / 5 * part.shape[0] / part.shape[1]
    height = 2 * _TITLE + pictures + _PROFILES + _FOOT
    figure = plt.figure(figsize=(_WIDTH, height), facecolor="black")
    _pictures(figure, scan, series, (_FOOT + _PROFILES + _TITLE, pictures))
    _profiles(figure, scan, series, (_FOOT, _PROFILES))
    path = out / _NAME
    out.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130, facecolor="black")
    plt.close(figure)
    return path


def _pictures(figure: Figure, scan: Scan, series: dict[str, Magnitude], place: tuple[float, float]) -> None:
    frame, (row, columns) = _systole(scan), _line(scan)
    removed = (series["raw"] - series["denoised"])[frame] / scan.g
    top, heart = _brightest(scan), float(np.median(scan.g[(scan.labels > 0).any(axis=0)]))
    panels = [
        ("raw, R = 5", series["raw"][frame], 0.0, top, "gray"),
        ("denoised", series["denoised"][frame], 0.0, top, "gray"),
        (f"removed, ±{_SCALE:g} noise SD", removed, -_SCALE, _SCALE, "gray"),
        (f"g-factor, 1 to {scan.g[scan.window].max():.1f}, heart {heart:.1f}", scan.g, 1.0, None, "magma"),
        ("truth", series["truth"][frame], 0.0, top, "gray"),
    ]
    for i, (title, picture, low, high, colors) in enumerate(panels):
        axes = _axes(figure, (i, len(panels)), place, title)
        axes.imshow(picture[scan.window], cmap=colors, vmin=low, vmax=high, interpolation="bicubic", aspect="auto")
        if i == 0:
            first, left = scan.window[0].start, scan.window[1].start
            axes.plot([columns.start - left, columns.stop - left], [row - first] * 2, color=_MARK, lw=1.2)


def _profiles(figure: Figure, scan: Scan, series: dict[str, Magnitude], place: tuple[float, float]) -> None:
    row, columns = _line(scan)
    for i, (title, frames) in enumerate(series.items()):
        axes = _axes(figure, (i, len(series)), place, title)
        profile = frames[:, row, columns].T
        axes.imshow(profile, cmap="gray", vmin=0, vmax=_brightest(scan), interpolation="nearest", aspect="auto")
        if i == 0:
            axes.set_ylabel("along the line", color=_MARK, fontsize=9)
            axes.set_xlabel(f"time: {len(frames)} frames of 60 ms", color=_QUIET, fontsize=9, loc="left")


def _brightest(scan: Scan) -> float:
    """White: half as bright again as blood of the left ventricle. Fat of the chest wall is brighter."""
    return 1.5 * float(np.median(np.abs(scan.clean)[scan.tissues["blood"]]))


def _axes(figure: Figure, which: tuple[int, int], place: tuple[float, float], title: str) -> Axes:
    (i, count), (bottom, height), total = which, place, figure.get_size_inches()[1]
    width = (_WIDTH - _LEFT - count * _GAP) / count
    left = (_LEFT + i * (width + _GAP)) / _WIDTH
    axes = figure.add_axes((left, bottom / total, width / _WIDTH, height / total))
    axes.set_title(title, color=_INK, fontsize=9.5, loc="left", pad=4)
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
