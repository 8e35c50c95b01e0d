"""The picture of a reconstruction: image in SNR units, g-factor map, SNR map."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from quietmr.data import Image, InputError
from quietmr.evaluate.tissue import tissue
from quietmr.report.views import View, middle_view
from quietmr.report.wording import nature

_WIDTH, _HEIGHT, _DPI = 16.0, 7.0, 100
_GROUND, _INK, _FAINT = "#0d0f12", "#e8eaed", "#9aa0a8"
# Inches: margins of the page, gap between the panels, room for a colour bar with its numbers.
_LEFT, _RIGHT, _GAP, _BOTTOM, _TOP = 0.5, 0.3, 0.35, 0.45, 1.5
_BAR, _BAR_GAP, _NUMBERS = 0.16, 0.1, 0.65
_LONGEST_NAME = 90
_BRIGHTEST = 99.5


@dataclass(frozen=True, eq=False)
class _Map:
    """One picture with its words and the values at the two ends of its colours."""

    caption: str
    note: str
    picture: NDArray[np.float32]
    colors: str
    lowest: float
    highest: float


def recon_figure(image: Image, *, name: str) -> Figure:
    """Draw magnitude, g-factor map and SNR map of the middle slice (and frame) side by side, each with its scale.

    Parameters
    ----------
    image : Image
        In SNR units, with its noise map (sigma = g).
    name : str
        Name of the raw scan, for the title.

    Returns
    -------
    matplotlib.figure.Figure
        1600 x 700 pixels when saved.

    Raises
    ------
    InputError
        If the image has no noise map.
    """
    if image.noise is None:
        raise InputError("The figure shows the g-factor map, and the image has no noise map: reconstruct it first.")
    view = middle_view(image)
    figure = Figure(figsize=(_WIDTH, _HEIGHT), dpi=_DPI, facecolor=_GROUND)
    FigureCanvasAgg(figure)
    for column, one in enumerate(_maps(image, view)):
        _draw(figure, column, one, view)
    title = name if len(name) <= _LONGEST_NAME else f"...{name[-87:]}"
    _write(figure, _LEFT, _HEIGHT - 0.55, title, size=18, color=_INK, weight="bold")
    facts = f"image in SNR units: noise SD per real channel = g ({nature(image.noise)})"
    _write(figure, _LEFT, _HEIGHT - 0.87, facts, size=12.5, color=_FAINT)
    return figure


def _maps(image: Image, view: View) -> tuple[_Map, _Map, _Map]:
    """Cut the middle frame along the view; the numbers leave the air out."""
    if image.noise is None:
        raise InputError("The image has no noise map: reconstruct it first.")
    frame = image.shape[0] // 2
    sigma = image.noise.over(image.shape)[frame]
    level = np.abs(image.data[frame])
    snr = np.divide(level, sigma, out=np.zeros(level.shape, np.float32), where=sigma > 0)
    inside = view.cut(tissue(image, image.noise)[frame])
    shown, g, ratio = (view.cut(np.nan_to_num(volume)) for volume in (level, sigma, snr))
    g_inside, ratio_inside = (values[inside] if inside.any() else values.ravel() for values in (g, ratio))
    return (
        _Map("image", "magnitude in SNR units", shown, "gray", 0.0, _bright(shown)),
        _Map(
            "g-factor",
            f"median {np.median(g_inside):.2f}, max {g_inside.max():.2f} in this slice",
            g,
            "viridis",
            min(1.0, float(g_inside.min())),
            max(1.2, float(np.percentile(g_inside, _BRIGHTEST))),
        ),
        _Map("SNR", f"median {np.median(ratio_inside):.3g} in this slice", ratio, "magma", 0.0, _bright(ratio)),
    )


def _bright(picture: NDArray[np.float32]) -> float:
    return float(np.percentile(picture, _BRIGHTEST)) or 1.0


def _draw(figure: Figure, column: int, one: _Map, view: View) -> None:
    """Draw one picture with its caption, its colour bar and the letters of the patient's sides."""
    cell = (_WIDTH - _LEFT - _RIGHT - 2 * _GAP) / 3
    height, width = (n * mm for n, mm in zip(one.picture.shape, view.pixel_size, strict=True))
    room = (cell - _BAR_GAP - _BAR - _NUMBERS, _HEIGHT - _TOP - _BOTTOM)
    scale = min(room[0] / width, room[1] / height)
    height, width = scale * height, scale * width
    left = _LEFT + column * (cell + _GAP) + (room[0] - width) / 2
    bottom = _BOTTOM + (room[1] - height) * 0.7
    axes = _axes(figure, left, bottom, width, height)
    drawn = axes.imshow(one.picture, cmap=one.colors, vmin=one.lowest, vmax=one.highest, aspect="auto")
    bar = _axes(figure, left + width + _BAR_GAP, bottom, _BAR, height)
    figure.colorbar(drawn, cax=bar).outline.set_edgecolor(_FAINT)
    bar.tick_params(colors=_FAINT, labelsize=11)
    top = bottom + height
    _write(figure, left, top + 0.1, one.caption, size=14, color=_INK)
    _write(figure, left + width, top + 0.1, one.note, size=11.5, color=_FAINT, align="right")
    if view.letters is not None:
        places = ((left - 0.08, bottom + height / 2, "right"), (left + width / 2, bottom - 0.25, "center"))
        for (x, y, align), letter in zip(places, (view.letters[0], view.letters[3]), strict=True):
            _write(figure, x, y, letter, size=11.5, color=_FAINT, align=align)


def _axes(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Axes without marks at inches from the lower left corner."""
    place = (left / _WIDTH, bottom / _HEIGHT, width / _WIDTH, height / _HEIGHT)
    axes = figure.add_axes(place, facecolor="black")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    return axes


def _write(  # noqa: PLR0913 - one line of text has a place, a look and an alignment
    figure: Figure,
    x: float,
    y: float,
    text: str,
    *,
    size: float,
    color: str,
    weight: str = "normal",
    align: str = "left",
) -> None:
    """Write plain text at inches from the lower left corner; file names may hold dollar signs, so no formulas."""
    place = x / _WIDTH, y / _HEIGHT
    figure.text(*place, text, size=size, color=color, weight=weight, ha=align, va="bottom", parse_math=False)
