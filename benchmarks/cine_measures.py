"""What is measured on a denoised series: error against the noise-free one, edges, a moving wall, Monte-Carlo SNR.

All on magnitudes, as a reader sees them. Geometry comes from the tissues of the truth; lengths are in pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from cine_scans import Scan
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, label, map_coordinates
from scipy.optimize import curve_fit, minimize_scalar
from scipy.special import erf

from quietmr.phantoms.raw.canvas import Tissue

Array = NDArray[np.floating]
_STEP = 0.25
# Sectors of the left ventricle in radians (0: to the left of the patient, counted towards the front), free of papillary
# muscles; what lies inside of an edge and outside, in pixels.
LATERAL, SEPTAL = (-0.35, 0.95), (2.2, 3.3)
_INSIDE, _OUTSIDE = 4.0, 3.0
_POOL = (Tissue.LEFT_BLOOD, Tissue.PAPILLARY)


@dataclass(frozen=True)
class Fidelity:
    """PSNR in dB in the body around the heart, and in the heart; mean error of tissues in percent of each."""

    psnr: float
    psnr_heart: float
    bias_blood: float
    bias_myocardium: float


@dataclass(frozen=True)
class Edges:
    """10-90 % widths of edges of blood in pixels, and contrast of papillary muscles over the true one."""

    lateral: float
    septal: float
    papillary: float
    papillary_contrast: float


@dataclass(frozen=True)
class Wall:
    """Motion of the lateral wall against the truth.

    ``amplitude``: slope of its position against the true one. ``lag`` in frames. ``error``: RMS of the position in
    pixels. ``profile``: RMS error of the x-t picture as a part of the contrast between blood and wall.
    """

    amplitude: float
    lag: float
    error: float
    profile: float


def psnr(result: Array, truth: Array, mask: NDArray[np.bool_], reference: float) -> float:
    """PSNR of magnitudes (T, Y, X) in a mask (Y, X)."""
    error = np.square(result[:, mask].astype(np.float64) - truth[:, mask])
    return 20 * math.log10(reference / math.sqrt(float(error.mean())))


def fidelity(result: Array, scan: Scan) -> Fidelity:
    """Compare magnitudes, (T, Y, X), in the window around the heart; what lies outside is not looked at."""
    truth, near = np.abs(scan.clean), np.zeros_like(scan.body)
    near[scan.window] = True
    heart = binary_dilation((scan.labels > 0).any(axis=0), iterations=3)
    values = [psnr(result, truth, mask, scan.reference) for mask in (scan.body & near, heart)]
    bias = [100 * float(result[mask].mean() / truth[mask].mean() - 1) for mask in scan.tissues.values()]
    return Fidelity(*values, *bias)


def edges(result: Array, scan: Scan) -> Edges:
    """Widths of edges, each the mean over many rays and all frames with bright blood, laid over the true edge."""
    bright = scan.bright_frames
    truth, labels, result = np.abs(scan.clean)[bright], scan.labels[bright], result[bright]
    widths = []
    for sector in (LATERAL, SEPTAL):
        rays = [(t, at, angle) for t, at in enumerate(_centers(labels)) for angle in np.linspace(*sector, 9)]
        widths.append(_width(result, truth, rays, (_INSIDE, _OUTSIDE)))
    muscles = [
        (t, at, angle)
        for t, frame in enumerate(labels)
        for at in _papillaries(frame)
        for angle in np.linspace(0, 2 * np.pi, 12, endpoint=False)
    ]
    papillary = _width(result, truth, muscles, (1.5, 2.5), rising=True)
    return Edges(*widths, papillary, _papillary_contrast(result, labels) / _papillary_contrast(truth, labels))


def wall(result: Array, scan: Scan) -> Wall:
    """Follow the lateral wall along a fan of rays that stays in place; only if blood is bright in all frames."""
    truth = np.abs(scan.clean)
    if not scan.bright_frames.all():
        return Wall(*[math.nan] * 4)
    true, found = wall_profile(truth, scan), wall_profile(result, scan)
    level, contrast = wall_levels(scan)
    where = _crossings(true, level, np.full(len(true), np.nan))
    seen = _crossings(found, level, where)
    slope = float(np.polyfit(where, seen, 1)[0])
    span = slice(int((where.min() - 4) / _STEP), int((where.max() + 3) / _STEP))
    error = float(np.sqrt(np.mean(np.square((seen - seen.mean()) - (where - where.mean())))))
    profile = float(np.sqrt(np.mean(np.square((found - true)[:, span])))) / contrast
    return Wall(slope, _lag(where, seen), error, profile)


def wall_profile(series: Array, scan: Scan) -> Array:
    """Brightness along the lateral wall's rays, (T, radius in steps of a quarter pixel), the mean over the fan."""
    center = _centers(scan.labels).mean(axis=0)
    radii = np.arange(0, 24, _STEP)
    rays = [_along(frame, center, angle, radii) for frame in series for angle in np.linspace(-0.15, 0.35, 9)]
    return np.asarray(rays).reshape(len(series), 9, -1).mean(axis=1)


def wall_levels(scan: Scan) -> tuple[float, float]:
    """Level between blood and myocardium, and their contrast."""
    blood, muscle = (float(np.median(np.abs(scan.clean)[mask])) for mask in scan.tissues.values())
    return 0.5 * (blood + muscle), blood - muscle


@dataclass(frozen=True)
class Upslope:
    """Steepest rise of the brightness of tissues over five frames, over the true one."""

    upslope_blood: float
    upslope_myocardium: float


def upslope(result: Array, scan: Scan) -> Upslope:
    """Compare how contrast agent arrives; only if blood is dark in some frames."""
    if scan.bright_frames.all():
        return Upslope(math.nan, math.nan)
    ratios = []
    for tissue in (Tissue.LEFT_BLOOD, Tissue.MYOCARDIUM):
        found, true = (_steepest(series, scan.eroded(tissue)) for series in (result, np.abs(scan.clean)))
        ratios.append(found / true)
    return Upslope(*ratios)


def _steepest(series: Array, mask: NDArray[np.bool_]) -> float:
    course = [float(frame[inside].mean()) for frame, inside in zip(series, mask, strict=True)]
    return max(float(np.polyfit(np.arange(5), course[t : t + 5], 1)[0]) for t in range(len(course) - 4))


@dataclass(frozen=True)
class Snr:
    """Monte-Carlo SNR (mean over SD of the magnitude) and SD, median over the pixels of each tissue; CNR."""

    blood: float
    myocardium: float
    sd_blood: float
    sd_myocardium: float
    cnr: float


def snr(mean: Array, sd: Array, tissues: Iterable[NDArray[np.bool_]]) -> Snr:
    """Evaluate replicas; CNR = 2 (S1 - S2) / (sd1 + sd2)."""
    masks = list(tissues)
    ratio = [float(np.median(mean[mask] / sd[mask])) for mask in masks]
    signal = [float(np.median(mean[mask])) for mask in masks]
    spread = [float(np.median(sd[mask])) for mask in masks]
    return Snr(*ratio, *spread, 2 * abs(signal[0] - signal[1]) / sum(spread))


def _centers(labels: NDArray[np.uint8]) -> Array:
    """Middle (row, column) of the pool of the left ventricle in each frame."""
    return np.array([np.argwhere(np.isin(frame, _POOL)).mean(axis=0) for frame in labels])


def _papillaries(frame: NDArray[np.uint8]) -> list[Array]:
    parts, count = label(frame == Tissue.PAPILLARY)
    found = [np.argwhere(parts == n + 1) for n in range(count)]
    return [part.mean(axis=0) for part in found if len(part) >= 6]


def _papillary_contrast(series: Array, labels: NDArray[np.uint8]) -> float:
    """Blood around papillary muscles less their middle, mean over all frames."""
    around, inside = [], []
    for frame, tissue in zip(series, labels, strict=True):
        muscle = tissue == Tissue.PAPILLARY
        near = binary_dilation(muscle, iterations=3) & ~binary_dilation(muscle) & (tissue == Tissue.LEFT_BLOOD)
        around.append(frame[near])
        inside.append([float(frame[tuple(np.round(at).astype(int))]) for at in _papillaries(tissue)])
    return float(np.concatenate(around).mean() - np.concatenate(inside).mean())


def _along(frame: Array, center: Array, angle: float, radii: Array) -> Array:
    where = [center[0] - radii * np.sin(angle), center[1] + radii * np.cos(angle)]
    return np.asarray(map_coordinates(frame, where, order=3, mode="nearest"))


def _width(
    result: Array,
    truth: Array,
    rays: list[tuple[int, Array, float]],
    window: tuple[float, float],
    *,
    rising: bool = False,
) -> float:
    """10-90 % width of an error function fitted to the mean of all rays, laid over each other at the true edge."""
    radii = np.arange(0, 24, _STEP)
    before, after = round(window[0] / _STEP), round(window[1] / _STEP)
    sign, total = (-1.0 if rising else 1.0), []
    for t, center, angle in rays:
        true = sign * _along(truth[t], center, angle, radii)
        first = 0 if rising else round(4 / _STEP)
        inside = true[:3].mean() if rising else np.median(true[first - 8 : first + 1])
        # The wall is about 5 pixels thick, so the lowest value in reach is that of muscle.
        outside = true[first : first + round(14 / _STEP)].min() if not rising else true[: round(6 / _STEP)].min()
        below = np.flatnonzero(true[first:] < 0.5 * (inside + outside))
        if len(below) == 0 or below[0] + first < before or below[0] + first + after >= len(radii):
            continue
        at = below[0] + first
        total.append(sign * _along(result[t], center, angle, radii)[at - before : at + after + 1])
    mean = np.mean(total, axis=0)
    x = (np.arange(len(mean)) - before) * _STEP
    start, height = (mean[0] - mean[-1], 0.0, 0.5, mean[-1]), abs(mean[0] - mean[-1])
    bounds = ([0.2 * height, -2.0, 0.05, -np.inf], [3.0 * height, 2.0, 4.0, np.inf])
    (_, _, width, _), _ = curve_fit(_edge, x, mean, start, bounds=bounds)
    return 2 * 1.2816 * float(width)


def _edge(x: Array, height: float, middle: float, width: float, low: float) -> Array:
    return low + 0.5 * height * (1 - erf((x - middle) / (math.sqrt(2) * width)))


def _crossings(profiles: Array, level: float, near: Array) -> Array:
    """Radius where each profile falls through a level: the first beyond the inner pool, or that next to ``near``."""
    found = np.full(len(profiles), np.nan)
    for t, profile in enumerate(profiles):
        falls = np.flatnonzero((profile[:-1] >= level) & (profile[1:] < level))
        falls = falls[falls >= 4 / _STEP]
        if len(falls):
            radii = (falls + (profile[falls] - level) / (profile[falls] - profile[falls + 1])) * _STEP
            found[t] = radii[0] if np.isnan(near[t]) else radii[np.abs(radii - near[t]).argmin()]
    # A wall that a method lost stands where it usually is.
    return np.where(np.isnan(found), np.nanmean(found), found)


def _lag(true: Array, seen: Array) -> float:
    """Frames by which a course comes late, at best agreement of its shape."""
    time = np.arange(2, len(true) - 2)

    def misfit(lag: float) -> float:
        shifted = np.interp(time - lag, np.arange(len(true)), true)
        return -float(np.corrcoef(shifted, seen[2:-2])[0, 1])

    return float(minimize_scalar(misfit, bounds=(-2, 2), method="bounded").x)
