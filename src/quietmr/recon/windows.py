"""Weights of the k-space samples: filters, and tapers where the scan was cut short."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quietmr.recon.arrangement import Placed
from quietmr.recon.grid import Grid
from quietmr.recon.partial_fourier import taper
from quietmr.signal.kspace_filters import filter_by_name

Window = NDArray[np.float64]
Span = tuple[int, int]
Cuts = tuple[Span | None, Span | None, Span | None]
# part of the half axis over which a cut edge falls
_TAPER = 0.1


@dataclass(frozen=True, eq=False)
class Windows:
    """Weights over full k-space along kz, ky, kx, 1 near the center, 0 beyond what the image grid holds."""

    z: Window
    y: Window
    x: Window


def sample_windows(grid: Grid, filters: tuple[str, str, str], cuts: Cuts) -> Windows:
    """Weights of the samples of a scan.

    Parameters
    ----------
    grid : Grid
    filters : (z, y, x)
        Names of filters (``kspace_filters.FILTERS``).
    cuts : three spans or None
        Where to smooth the edge at which k-space was cut off (`cut_spans`).

    Returns
    -------
    Windows
    """
    windows = []
    for n, full, cut, name in zip(grid.kspace, grid.full, cuts, filters, strict=True):
        window = filter_by_name(name)(n)
        if cut is not None:
            window = window * taper(n, *cut, _TAPER)
        windows.append(_within(window, full))
    return Windows(*windows)


def cut_spans(placed: Placed, grid: Grid, acceleration: tuple[int, int]) -> Cuts:
    """Find the directions in which partial Fourier or an asymmetric echo cut k-space off.

    Parameters
    ----------
    placed : Placed
    grid : Grid
    acceleration : (r1, r2)
        A lattice of lines may end this much before k-space does, which is no cut.

    Returns
    -------
    three spans or None
        First and last measured sample along kz, ky, kx in the matrix of full sampling; None where nothing was cut.
    """
    kz, ky = placed.points.T
    first_x = grid.kspace[2] // 2 - placed.center + placed.first
    spans = (
        (int(kz.min()), int(kz.max())),
        (int(ky.min()), int(ky.max())),
        (first_x, first_x + placed.last - placed.first - 1),
    )
    z, y, x = (
        span if _is_cut(n, span, step) else None
        for n, span, step in zip(grid.kspace, spans, (acceleration[1], acceleration[0], 1), strict=True)
    )
    return z, y, x


def _is_cut(n: int, span: Span, step: int) -> bool:
    before, after = n // 2 - span[0], span[1] - n // 2
    return abs(before - after) > max(step + 1, 3, 0.05 * n)


def _within(window: Window, n_image: int) -> Window:
    """Drop what lies beyond the k-space of a coarser image."""
    k = np.arange(len(window)) - len(window) // 2
    return np.where((k >= -(n_image // 2)) & (k < n_image - n_image // 2), window, 0.0)
