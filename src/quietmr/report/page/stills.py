"""Pictures that need no script: for paper, and for browsers without JavaScript."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image as Picture

from quietmr.data import Image, NoiseMap
from quietmr.report.panels import Panel, slices
from quietmr.report.views import View

# Longest side in pixels; larger pictures show every n-th pixel. And in the units of a style sheet.
_LONGEST = 320
_SIDE = 480


@dataclass(frozen=True)
class Still:
    """One picture: what it is, its address (``data:``), and its proportions in the patient."""

    caption: str
    note: str
    address: str
    width: int
    height: int


def stills(before: Image, after: Image, noise: NoiseMap, views: Sequence[View]) -> list[list[Still]]:
    """Original, denoised and removed of every view, its middle slice (and the middle frame)."""
    return [[_still(panel, view) for panel in slices(before, after, noise, view)] for view in views]


def _still(panel: Panel, view: View) -> Still:
    every = -(-max(panel.picture.shape) // _LONGEST)
    grey = (np.nan_to_num(panel.picture[::every, ::every]) - panel.black) / (panel.white - panel.black)
    stream = io.BytesIO()
    Picture.fromarray((255 * np.clip(grey, 0, 1)).astype(np.uint8)).save(stream, "PNG", optimize=True)
    address = "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
    millimetres = [n * (mm or 1.0) for n, mm in zip(panel.picture.shape, view.pixel_size, strict=True)]
    height, width = (max(1, round(_SIDE * side / max(millimetres))) for side in millimetres)
    return Still(panel.caption, panel.note, address, width, height)
