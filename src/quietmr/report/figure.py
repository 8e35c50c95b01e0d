"""The picture that shows a result at one glance: original, denoised, removed."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from quietmr.data import Image, InputError, NoiseMap, OutputError
from quietmr.report import FIGURE_SUFFIXES
from quietmr.report.detail import Box, darkest_corner, detail_box
from quietmr.report.panels import LIMIT, SIGMA, Panel, panels
from quietmr.report.views import View, middle_view
from quietmr.report.wording import level, nature

_WIDTH, _HEIGHT, _DPI = 16.0, 7.0, 100
_GROUND, _INK, _FAINT, _ACCENT = "#0d0f12", "#e8eaed", "#9aa0a8", "#f2b33d"
# Inches: margins of the page, gap between the panels.
_LEFT, _RIGHT, _GAP, _BOTTOM, _TOP = 0.5, 1.3, 0.6, 0.45, 1.5
_CELL_WIDTH, _CELL_HEIGHT = (_WIDTH - _LEFT - _RIGHT - 2 * _GAP) / 3, _HEIGHT - _TOP - _BOTTOM
_INSET = 0.4
_LONGEST_NAME = 90


@dataclass(frozen=True)
class _Style:
    size: float
    color: str
    weight: str = "normal"


_TITLE, _FACTS = _Style(18, _INK, "bold"), _Style(12.5, _FAINT)
_CAPTION, _NOTE = _Style(14, _INK), _Style(11.5, _FAINT)


@dataclass(frozen=True)
class _Place:
    """A rectangle on the page, in inches from its lower left corner."""

    left: float
    bottom: float
    width: float
    height: float


def denoising_figure(noisy: Image, denoised: Image, noise: NoiseMap, *, name: str, model: str) -> Figure:
    """Draw the original, the denoised image and what was removed, side by side.

    The middle slice (and middle frame) is shown. Original and denoised share one grey window. What was removed is
    divided by the noise level, so that noise alone looks the same everywhere and anatomy would stand out. The inset
    enlarges the same detail in all three. Letters name the patient's sides where the file knows them (radiological
    convention: the patient's right is on the left).

    Parameters
    ----------
    noisy, denoised : Image
        Before and after, on the same grid. Of complex images the magnitude is shown, and of what was removed the part
        in phase with the denoised image.
    noise : NoiseMap
        Noise of ``noisy``.
    name : str
        Name of the scan, for the title.
    model : str
        Name of the model, for the title.

    Returns
    -------
    matplotlib.figure.Figure
        1600 x 700 pixels when saved.

    Raises
    ------
    InputError
        If the two images differ in shape.
    """
    if noisy.shape != denoised.shape:
        raise InputError(
            f"The images before and after must have one shape, got {noisy.shape} and {denoised.shape}: "
            "compare an image with its own denoised copy."
        )
    view = middle_view(denoised)
    shown = panels(noisy, denoised, noise, view)
    figure = Figure(figsize=(_WIDTH, _HEIGHT), dpi=_DPI, facecolor=_GROUND)
    FigureCanvasAgg(figure)
    places = _places(shown[0].picture.shape, view.pixel_size)
    for panel, place in zip(shown, places, strict=True):
        drawn = _draw_panel(figure, place, panel, view)
    _draw_insets(figure, places, shown, view)
    _draw_scale(figure, places[-1], drawn)
    facts = f"noise {SIGMA} = {level(noise)} ({nature(noise)})    model {model}"
    _write(figure, places[0].left, _HEIGHT - 0.55, name if len(name) <= _LONGEST_NAME else f"...{name[-87:]}", _TITLE)
    _write(figure, places[0].left, _HEIGHT - 0.87, facts, _FACTS)
    return figure


def save_figure(figure: Figure, path: str | Path, *, force: bool = False) -> None:
    """Write the figure; the suffix chooses the format.

    Parameters
    ----------
    figure : Figure
        What ``denoising_figure`` drew.
    path : str or Path
        File to write: .png, .jpg, .pdf or .svg.
    force : bool
        Replace a file that exists.

    Raises
    ------
    OutputError
        If the suffix is none of these, or the file exists and ``force`` is not set.
    """
    path = Path(path)
    if path.suffix.lower() not in FIGURE_SUFFIXES:
        raise OutputError(f"A figure cannot be written as {path.name}: choose one of {', '.join(FIGURE_SUFFIXES)}.")
    if path.exists() and not force:
        raise OutputError(f"{path} exists: choose another name, or pass force=True (--force) to replace it.")
    with tempfile.TemporaryDirectory(prefix=".quietmr-", dir=path.parent) as folder:
        written = Path(folder) / path.name
        figure.savefig(written, facecolor=figure.get_facecolor())
        written.replace(path)


def _places(shape: tuple[int, ...], pixel_size: tuple[float, float]) -> list[_Place]:
    """Fit a picture into each third of the page, as large as it goes, with the proportions of the patient."""
    height, width = (n * mm for n, mm in zip(shape, pixel_size, strict=True))
    scale = min(_CELL_WIDTH / width, _CELL_HEIGHT / height)
    width, height = scale * width, scale * height
    bottom = _BOTTOM + (_CELL_HEIGHT - height) * 0.7
    lefts = (_LEFT + column * (_CELL_WIDTH + _GAP) + (_CELL_WIDTH - width) / 2 for column in range(3))
    return [_Place(left, bottom, width, height) for left in lefts]


def _draw_panel(figure: Figure, place: _Place, panel: Panel, view: View) -> AxesImage:
    """Draw one picture with its caption and the letters of the patient's sides."""
    axes = _blank_axes(figure, place)
    drawn = axes.imshow(panel.picture, cmap="gray", vmin=panel.black, vmax=panel.white, aspect="auto")
    right, top = place.left + place.width, place.bottom + place.height
    _write(figure, place.left, top + 0.1, panel.caption, _CAPTION)
    _write(figure, right, top + 0.1, panel.note, _NOTE, "right")
    if view.letters is not None:
        at_left, at_right, at_top, at_bottom = view.letters
        middle, center = place.bottom + place.height / 2 - 0.08, place.left + place.width / 2
        _write(figure, place.left - 0.08, middle, at_left, _NOTE, "right")
        _write(figure, right + 0.08, middle, at_right, _NOTE)
        _write(figure, center, top + 0.08, at_top, _NOTE, "center")
        _write(figure, center, place.bottom - 0.25, at_bottom, _NOTE, "center")
    return drawn


def _draw_insets(figure: Figure, places: Sequence[_Place], shown: Sequence[Panel], view: View) -> None:
    """Enlarge one detail of the denoised picture in a dark corner of every panel, and mark where it comes from."""
    box = detail_box(shown[1].picture, view.pixel_size)
    at_bottom, at_right = darkest_corner(shown[1].picture, box)
    for panel, place, axes in zip(shown, places, tuple(figure.axes), strict=True):
        height, width = box.height * view.pixel_size[0], box.width * view.pixel_size[1]
        scale = _INSET * min(place.width, place.height) / max(width, height)
        left = place.left + (place.width - scale * width if at_right else 0)
        bottom = place.bottom + (0 if at_bottom else place.height - scale * height)
        inset = _blank_axes(figure, _Place(left, bottom, scale * width, scale * height))
        inset.imshow(box.of(panel.picture), cmap="gray", vmin=panel.black, vmax=panel.white, aspect="auto")
        for spine in inset.spines.values():
            spine.set(visible=True, color=_ACCENT, linewidth=1.2)
        axes.add_patch(_outline(box))


def _outline(box: Box) -> Rectangle:
    corner = (box.column - 0.5, box.row - 0.5)
    return Rectangle(corner, box.width, box.height, fill=False, edgecolor=_ACCENT, linewidth=1.0)


def _draw_scale(figure: Figure, place: _Place, drawn: AxesImage) -> None:
    """Draw the colour bar of what was removed, in units of sigma, beside its panel."""
    bar = _blank_axes(figure, _Place(place.left + place.width + 0.4, place.bottom, 0.16, place.height))
    scale = figure.colorbar(drawn, cax=bar, ticks=list(range(-LIMIT, LIMIT + 1)))
    scale.set_label(f"removed / {SIGMA}", color=_FAINT, size=_NOTE.size)
    scale.outline.set_edgecolor(_FAINT)
    bar.tick_params(colors=_FAINT, labelsize=_NOTE.size)


def _blank_axes(figure: Figure, place: _Place) -> Axes:
    axes = figure.add_axes(
        (place.left / _WIDTH, place.bottom / _HEIGHT, place.width / _WIDTH, place.height / _HEIGHT), facecolor="black"
    )
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)
    return axes


def _write(figure: Figure, x: float, y: float, text: str, style: _Style, align: str = "left") -> None:
    """Write plain text at inches from the lower left corner; file names may hold dollar signs, so no formulas."""
    figure.text(
        x / _WIDTH,
        y / _HEIGHT,
        text,
        size=style.size,
        color=style.color,
        weight=style.weight,
        ha=align,
        va="bottom",
        parse_math=False,
    )
