"""The learning curve of a run as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from quietmr.io.atomic import replacing
from quietmr.training.run_folder import best_entry

_GAIN, _LOSS = "#1f6fb4", "#c65d1e"


def draw_curve(entries: Sequence[Mapping[str, Any]], title: str) -> Figure:
    """Draw gain and loss against steps.

    Parameters
    ----------
    entries : sequence of mapping
        Lines of ``log.jsonl``: ``step``, ``minutes``, ``loss`` (None before the first step), ``gain_db`` and,
        if it decides, ``ssim``.
    title : str
    """
    figure = Figure(figsize=(8, 6), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True)
    best = best_entry(entries)
    similarity = f", SSIM {best['ssim']:.4f}" if "ssim" in best else ""
    upper.plot([e["step"] for e in entries], [e["gain_db"] for e in entries], ".-", color=_GAIN)
    upper.plot(best["step"], best["gain_db"], "o", color=_GAIN, fillstyle="none", markersize=11)
    upper.annotate(
        f"best {best['gain_db']:.2f} dB{similarity}",
        (best["step"], best["gain_db"]),
        (0, -16),
        textcoords="offset points",
        ha="right",
    )
    upper.set_ylabel("validation gain (dB)")
    upper.set_title(f"{title}: {entries[-1]['step']} steps in {entries[-1]['minutes']:.1f} minutes")
    trained = [entry for entry in entries if entry["loss"] is not None]
    lower.plot([e["step"] for e in trained], [e["loss"] for e in trained], ".-", color=_LOSS)
    lower.set_ylabel("training loss")
    lower.set_xlabel("step")
    for axes in (upper, lower):
        axes.grid(alpha=0.3)
    return figure


def save_curve(entries: Sequence[Mapping[str, Any]], title: str, path: Path) -> None:
    """Write the picture whole or not at all.

    Raises
    ------
    OutputError
        If the disk is full or the folder read-only.
    """
    figure = draw_curve(entries, title)
    with replacing(path) as temporary:
        figure.savefig(temporary)
