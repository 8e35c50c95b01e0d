"""Rows of pictures in three columns, as papers on single pictures show their results."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

MOST_ROWS = 6
_INCHES, _WHITE = 3.0, 255


@dataclass(frozen=True)
class Row:
    """One picture: 8-bit values, shape (Y, X); the truth may be missing."""

    name: str
    noisy: NDArray[np.uint8]
    denoised: NDArray[np.uint8]
    truth: NDArray[np.uint8] | None = None


def shown_rows(n: int) -> list[int]:
    """Numbers of the pictures that are shown: all, or ``MOST_ROWS`` evenly among them."""
    return sorted({round(i) for i in np.linspace(0, n - 1, min(n, MOST_ROWS))})


def columns_figure(rows: Sequence[Row]) -> Figure:
    """Draw noisy, denoised, and the ground truth or, where none is known, what was removed.

    Pictures are shown from black (0) to white (255). What was removed is in gray levels, medium gray for none, in one
    window for all rows, which its caption tells.

    Parameters
    ----------
    rows : sequence of Row
        Of one size, one at least.
    """
    figure = Figure(figsize=(3 * _INCHES, len(rows) * _INCHES + 0.3), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    removed = [row.noisy.astype(np.float32) - row.denoised for row in rows]
    limit = max(1, int(np.ceil(np.percentile(np.abs(removed), 99.5))))
    axes = figure.subplots(len(rows), 3, squeeze=False)
    for row, difference, (left, middle, right) in zip(rows, removed, axes, strict=True):
        left.imshow(row.noisy, cmap="gray", vmin=0, vmax=_WHITE)
        middle.imshow(row.denoised, cmap="gray", vmin=0, vmax=_WHITE)
        if row.truth is None:
            right.imshow(difference, cmap="gray", vmin=-limit, vmax=limit)
            caption = f"removed (\N{PLUS-MINUS SIGN}{limit} gray levels)"
        else:
            right.imshow(row.truth, cmap="gray", vmin=0, vmax=_WHITE)
            caption = "ground truth"
        left.set_ylabel(row.name if len(row.name) < 40 else f"...{row.name[-36:]}", parse_math=False)
        for axis, text in ((left, "noisy"), (middle, "denoised"), (right, caption)):
            axis.set_title(text, fontsize=10)
            axis.set(xticks=[], yticks=[])
    return figure
