"""How far k-space is filled along each axis: scanners interpolate by padding it with zeros."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BRIGHT = 0.5  # of the 95th percentile of segment levels
_SHORTEST = 48  # axis whose support is looked for
_ENOUGH = 32  # segments for a spectrum, and
_LENGTHS = (64, 32, 16)  # of a segment: long ones resolve the rim, short ones find room in small objects
_MOST = 8000  # more add nothing
_FLAT = 0.3  # share of the bright segments, those with the least anatomy, whose spectrum is looked at
_DROP = np.log(3.0)  # by which power must fall at the rim beyond its trend, were there no scatter
_LOWEST, _HIGHEST = 0.45, 0.92  # supports that can be told apart from none and from full


def _segments(plane: NDArray[Any], present: NDArray[np.bool_], length: int) -> NDArray[Any]:
    """Cut rows into pieces of ``length`` pixels and keep those that are present throughout."""
    count = plane.shape[1] // length
    start = plane.shape[1] % length // 2
    pieces = plane[:, start : start + count * length].reshape(-1, length)
    kept = present[:, start : start + count * length].reshape(-1, length).all(axis=1)
    return pieces[kept]


def _bright(segments: NDArray[Any]) -> NDArray[Any]:
    """Segments that lie in signal from end to end: in air the magnitude of noise spreads over all of k-space."""
    if not segments.size:
        return segments
    quarters = np.abs(segments).reshape(len(segments), 4, -1).mean(axis=2)
    level = quarters.mean(axis=1)
    kept: NDArray[Any] = segments[quarters.min(axis=1) >= _BRIGHT * np.quantile(level, 0.95)]
    return kept[:: 1 + len(kept) // _MOST]


def _spectrum(segments: NDArray[Any]) -> tuple[NDArray[np.float64], int]:
    """Median power of flat segments from frequency zero to Nyquist, and how many segments that is."""
    length = segments.shape[1]
    window = np.hanning(length + 2)[1:-1]
    centred = (segments - segments.mean(axis=1, keepdims=True)) * window
    power = np.abs(np.fft.fft(centred, axis=1)) ** 2
    half = length // 2
    anatomy = power[:, 2 : half // 3].sum(axis=1) + power[:, 1 - half // 3 : -1].sum(axis=1)
    flattest = np.argsort(anatomy, kind="stable")[: max(_ENOUGH, int(_FLAT * len(power)))]
    median = np.median(power[flattest], axis=0)
    return 0.5 * (median[: half + 1] + median[-np.arange(half + 1)]), flattest.size


def _cliff(power: NDArray[np.float64]) -> tuple[float, float]:
    """Where log power falls most beyond its trend, as (fall, frequency)."""
    frequency = np.linspace(0, 1, power.size)
    log_power = np.log(np.maximum(power, np.finfo(np.float64).tiny))
    best, rim = 0.0, 1.0
    for place in frequency[(frequency >= _LOWEST) & (frequency <= _HIGHEST)]:
        distance = frequency - place
        far, near = (distance > -0.38) & (distance < -0.2), (distance > -0.2) & (distance < -0.03)
        beyond = (distance > 0.06) & (distance < 0.25)
        inner, outer = log_power[near].mean(), log_power[beyond].mean()
        trend = max(log_power[far].mean() - inner, 0.0)
        excess = inner - outer - 1.4 * trend
        if excess > best:
            best, rim = float(excess), float(place)
    return best, rim


def _half_power(power: NDArray[np.float64], rim: float) -> float:
    """Frequency near the rim where the power has fallen to half of what lies inside."""
    frequency = np.linspace(0, 1, power.size)
    log_power = np.log(np.maximum(power, np.finfo(np.float64).tiny))
    inside = (frequency > rim - 0.2) & (frequency < rim - 0.06)
    half = log_power[inside].mean() - np.log(2.0)
    past = np.flatnonzero((frequency > rim - 0.15) & (log_power < half))
    if not past.size:
        return rim
    here, before = past[0], past[0] - 1
    part = (log_power[before] - half) / max(log_power[before] - log_power[here], 1e-12)
    return float(frequency[before] + np.clip(part, 0, 1) * (frequency[here] - frequency[before]))


def axis_support(planes: Iterable[tuple[NDArray[Any], NDArray[np.bool_]]], size: int) -> float:
    """Measure the filled part of k-space along the last axis of some planes.

    Parameters
    ----------
    planes : iterable of (pixels, present), each of shape (rows, size)
        Slices, real or complex, and the pixels that count.
    size : int
        Length of that axis.

    Returns
    -------
    float
        1 for k-space filled up to Nyquist, or where the axis is too short or too little is bright to tell.
    """
    planes = list(planes)
    for length in _LENGTHS:
        if size < _SHORTEST:
            break
        segments = _bright(np.concatenate([_segments(plane, present, length) for plane, present in planes]))
        if len(segments) >= _ENOUGH:
            power, count = _spectrum(segments)
            fall, rim = _cliff(power)
            if fall > _DROP + 3 / np.sqrt(count):
                return _half_power(power, rim)
    return 1.0
