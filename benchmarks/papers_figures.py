"""Figures of ``papers.py``: curves, and for each paper one slice with a zoomed part and the difference to the truth."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from papers_curves import FAINT, GROUND, INK, draw_rivals, draw_unpaired
from papers_diffusion import TUNED, read_choices
from papers_lines import BEST, classical, complete
from papers_methods import make
from papers_scores import PaperRow, diffusion_file
from papers_statistics import Rows, select
from papers_volumes import TESTS, Cell, truth
from PIL import Image as Picture
from results import read_rows
from volumes import Array

from quietmr.evaluate import metrics

NOISY, TRUTH = "noisy", "truth"
LABELS = {"denoisenet-neither": "its U-Net alone", TUNED: "diffusion, tuned"}
_MARK, _GRAYS, _WIDTH, _GAP, _TOP = "#ffb454", 50, 1.9, 0.06, 0.8
_ERROR = 3.0  # differences are shown from minus to plus so many noise SDs


@dataclass(frozen=True)
class Sheet:
    """One figure: a noisy volume, whose middle slice is shown, the methods between noisy and truth, and the zoom.

    ``box``: center (row, column) and half width of the zoomed square in pixels.
    """

    file: str
    title: str
    cell: Cell
    methods: tuple[str, ...]
    box: tuple[int, int, int]


SHEETS = (
    Sheet(
        "papers_das_ffdnet.png",
        "DAS-FFDNet, T2w of patient 03, 9 % noise",
        Cell("ms03-t2", 9.0, 0),
        ("dncnn-no-norm", "rdunet-small", "das-ffdnet-small", BEST),
        (90, 73, 24),
    ),
    Sheet(
        "papers_denoisenet.png",
        "DenoiseNet, T1w of Colin27, 9 % noise",
        Cell("colin-t1", 9.0, 0),
        ("dncnn-no-norm", "denoisenet-neither", "denoisenet-small", BEST),
        (108, 90, 30),
    ),
    Sheet(
        "papers_gan.png",
        "Unpaired GANs, T1w of Colin27, 20 % noise",
        Cell("colin-t1", 20.0, 0),
        (TUNED, "cyclegan", "disentangled-gan", "quiet"),
        (108, 90, 30),
    ),
)


def draw_figures(rows: Path, out: Path, folder: Path, draws: int, seeds: int) -> None:
    """Draw all figures into a folder; methods without scores are left out."""
    known, _ = complete(read_rows(rows, PaperRow), draws, seeds)
    folder.mkdir(parents=True, exist_ok=True)
    draw_rivals(known, folder / "papers_das_ffdnet_curves.png")
    draw_unpaired(known, folder / "papers_gan_curves.png")
    choices = {choice.percent: choice for choice in read_choices(diffusion_file(rows))}
    for sheet in SHEETS:
        images = {}
        for label, method in shown(sheet, known).items():
            run = make(method, out, choices)
            if run is not None:
                images[label] = run(sheet.cell.percent)(sheet.cell.make()[1]).data
        draw_sheet(sheet, images, folder / sheet.file)


def shown(sheet: Sheet, rows: Rows) -> dict[str, str]:
    """Names of the methods of a sheet that have rows, and what is run for each: of trainings the first."""
    level, contrast = sheet.cell.percent, TESTS[sheet.cell.volume].contrast
    found = {}
    for name in sheet.methods:
        part = select(rows, contrast=contrast)
        own = classical(part, level) if name == BEST else select(part, name, [level])
        if own:
            method = min(row.method for row in own)
            found[LABELS.get(name, method if name == BEST else name)] = method
    return found


def draw_sheet(sheet: Sheet, denoised: Mapping[str, Array], path: Path) -> None:
    """Draw a sheet: whole slices, the zoomed part, and what each method has wrong, from noisy to truth."""
    found, (case, _) = truth(sheet.cell.volume), sheet.cell.make()
    series = {NOISY: case.noisy, **denoised, TRUTH: found.clean}
    sigma, middle = float(case.sigma.flat[0]), found.clean.shape[1] // 2
    rows, columns = found.clean.shape[-2:]
    tall = _WIDTH * rows / columns
    width, height = len(series) * (_WIDTH + _GAP) + _GAP, 2 * tall + _WIDTH + 3 * _GAP + _TOP
    figure = Figure(figsize=(width, height), dpi=100, facecolor=GROUND)
    FigureCanvasAgg(figure)
    y, x, half = sheet.box
    zoom = (slice(y - half, y + half), slice(x - half, x + half))
    gray = {"cmap": "gray", "interpolation": "nearest", "aspect": "auto"}
    for i, (name, image) in enumerate(series.items()):
        plane, left = image[0, middle], _GAP + i * (_WIDTH + _GAP)
        psnr = metrics.psnr(image, found.clean, found.reference, found.foreground)
        whole = _axes(figure, (left, tall + _WIDTH + 3 * _GAP, _WIDTH, tall))
        whole.imshow(plane, vmin=0, vmax=found.reference, **gray)
        whole.add_patch(Rectangle((x - half, y - half), 2 * half, 2 * half, fill=False, ec=_MARK, lw=0.9))
        whole.set_title(name if name == TRUTH else f"{name}, {psnr:.1f} dB", color=INK, fontsize=8.5, pad=4)
        near = _axes(figure, (left, tall + 2 * _GAP, _WIDTH, _WIDTH))
        near.imshow(plane[zoom], vmin=0, vmax=found.reference, **gray)
        if name != TRUTH:
            error = _axes(figure, (left, _GAP, _WIDTH, tall))
            error.imshow(plane - found.clean[0, middle], vmin=-_ERROR * sigma, vmax=_ERROR * sigma, **gray)
    about = f"below: the box enlarged; minus truth (\N{PLUS-MINUS SIGN}{_ERROR:g} noise SDs)"
    for words, down, color, size in ((sheet.title, 0.25, INK, 11), (about, 0.46, FAINT, 8)):
        figure.text(_GAP / width, 1 - down / height, words, color=color, fontsize=size)
    save_small(figure, path)


def _axes(figure: Figure, inches: tuple[float, float, float, float]) -> Axes:
    width, height = figure.get_size_inches()
    left, bottom, wide, tall = inches
    axes = figure.add_axes((left / width, bottom / height, wide / width, tall / height))
    axes.set_axis_off()
    return axes


def save_small(figure: Figure, path: Path) -> None:
    """Save with the grays and the color of the box alone: noise does not compress."""
    whole, palette = io.BytesIO(), Picture.new("P", (1, 1))
    figure.savefig(whole, facecolor=GROUND)
    grays = np.repeat(np.linspace(0, 255, _GRAYS).round().astype(int), 3)
    palette.putpalette([*grays.tolist(), *Picture.new("RGB", (1, 1), _MARK).getpixel((0, 0))])
    picture = Picture.open(whole).convert("RGB").quantize(palette=palette, dither=Picture.Dither.NONE)
    picture.save(path, optimize=True)
