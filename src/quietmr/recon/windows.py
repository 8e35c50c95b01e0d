"""Weights of the k-space samples: filters, and tapers where the scan was cut short."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quietmr.recon.arrangement import Placed
from quietmr.recon.grid import Grid
from quietmr.recon.kspace_filters import filter_by_name
from quietmr.recon.partial_fourier import taper

Window = NDArray[np.float64]
Span = tuple[int, int]
# part of the half axis over which a cut edge falls
_TAPER = 0.1


@dataclass(frozen=True, eq=False)
class Windows:
    """Weights over full k-space along kz, ky, kx, 1 near the center, 0 beyond what the image grid holds."""

    z: Window
    y: Window
    x: Window


def sample_windows(placed: Placed, grid: Grid, filters: tuple[str, str, str], *, tapered: bool) -> Windows:
    """Weights of the samples of a scan.

    Parameters
    ----------
    placed : Placed
        Where they are.
    grid : Grid
    filters : (z, y, x)
        Names of filters (``kspace_filters.FILTERS``).
    tapered : bool
        Smooth the edge at which partial Fourier or an asymmetric echo cut k-space off.

    Returns
    -------
    Windows
    """
    windows = []
    for n, full, span, name in zip(grid.kspace, grid.full, measured_spans(placed, grid), filters, strict=True):
        window = filter_by_name(name)(n)
        if tapered and is_cut(n, span):
            window = window * taper(n, *span, _TAPER)
        windows.append(_within(window, full))
    return Windows(*windows)


def measured_spans(placed: Placed, grid: Grid) -> tuple[Span, Span, Span]:
    """First and last measured sample along kz, ky, kx in the matrix of full sampling."""
    kz, ky = placed.points.T
    first_x = grid.kspace[2] // 2 - placed.center + placed.first
    return (
        (int(kz.min()), int(kz.max())),
        (int(ky.min()), int(ky.max())),
        (first_x, first_x + placed.last - placed.first - 1),
    )


def is_cut(n: int, span: Span) -> bool:
    """Whether one side of k-space is clearly shorter than the other: not just the last line of a lattice."""
    before, after = n // 2 - span[0], span[1] - n // 2
    return abs(before - after) > max(8, 0.05 * n)


def _within(window: Window, n_image: int) -> Window:
    """Drop what lies beyond the k-space of a coarser image."""
    k = np.arange(len(window)) - len(window) // 2
    return np.where((k >= -(n_image // 2)) & (k < n_image - n_image // 2), window, 0.0)
