"""From the times of frames to the order and the meaning of the first image axis."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from quietmr.data import Frames, InputError, QuietmrWarning
from quietmr.io.dicom.plane import Plane, Timing

Key = Callable[[Timing], float | tuple[float, ...] | None]

# What scanners vary within one place while the scan goes on. Order matters: the first that tells all frames apart wins.
_COUNTERS: dict[str, Key] = {
    "temporal position": lambda timing: timing.temporal_position,
    "trigger time": lambda timing: timing.trigger_time,
    "acquisition time": lambda timing: timing.acquired,
    "content time": lambda timing: timing.created,
    "acquisition number": lambda timing: timing.acquisition_number,
    "dimension index": lambda timing: timing.dimension,
    "instance number": lambda timing: timing.instance,
    "diffusion weighting": lambda timing: timing.diffusion,
}
_CLOCKS = ("temporal position", "trigger time", "acquisition time", "content time")
_CONTRASTS: dict[str, Key] = {
    "echo time": lambda timing: _rounded(timing.echo_time),
    "inversion time": lambda timing: _rounded(timing.inversion_time),
    "flip angle": lambda timing: _rounded(timing.flip_angle),
}


def in_order(levels: Sequence[Sequence[Plane]], source: Path) -> tuple[list[list[Plane]], Frames]:
    """Sort the frames of every slice and name what they count.

    Echo time, inversion time and flip angle, where they vary, sort outermost. Within, frames are sorted by the first
    of these that tells them apart in every slice: temporal position, trigger time, acquisition time, content time,
    acquisition number, dimension index, instance number, b-value. A clock that disagrees with the instance numbers
    gives way to one that agrees (a trigger time is no clock in a scan over several heart beats).

    Parameters
    ----------
    levels : sequence of sequences of Plane
        The frames of each slice, in any order.
    source : Path
        File or folder to name in messages.

    Returns
    -------
    levels : list of lists of Plane
        The same, each sorted.
    frames : str
        ``"echo"`` if only the echo time varies, ``"direction"`` for diffusion weighting, ``"time"`` if a clock or the
        header's number of temporal positions says so, ``"repetition"`` if only an acquisition number tells, else
        ``"unknown"``.

    Raises
    ------
    InputError
        If the slices have different numbers of frames or different contrasts, or if nothing tells two frames apart.
    """
    _check_complete(levels, source)
    if len(levels[0]) == 1:
        return [list(level) for level in levels], "unknown"
    contrast = _varying_contrast(levels, source)
    groups = _split_by(contrast, levels) if contrast else [levels]
    if all(len(level) == 1 for group in groups for level in group):
        return _joined(groups), "echo" if contrast == "echo time" else "unknown"
    name = _counter(groups, source)
    key = _COUNTERS[name]
    ordered = [[sorted(level, key=lambda plane: _present(key, plane)) for level in group] for group in groups]
    if contrast:
        warnings.warn(
            f"The first image axis of {source} holds {len(groups)} values of {contrast} times {len(ordered[0][0])} "
            f"frames by {name}, {contrast} outermost: filters along time would mix contrasts.",
            QuietmrWarning,
            stacklevel=2,
        )
        return _joined(ordered), "unknown"
    _check_same_values(name, ordered[0], source)
    return ordered[0], _meaning(name, ordered[0])


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _present(key: Key, plane: Plane) -> tuple[float, ...]:
    value = key(plane.timing)
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)


def _check_complete(levels: Sequence[Sequence[Plane]], source: Path) -> None:
    counts = [len(level) for level in levels]
    usual = max(set(counts), key=counts.count)
    odd = [f"slice {index + 1} has {count}" for index, count in enumerate(counts) if count != usual]
    if odd:
        raise InputError(
            f"{source} is not a complete grid of slices and frames: of {len(levels)} slices most have {usual} "
            f"frame{'s' if usual > 1 else ''}, but {', '.join(odd[:10])} (counted along the slice normal); "
            "add the missing files, or remove the surplus ones."
        )


def _varying_contrast(levels: Sequence[Sequence[Plane]], source: Path) -> str | None:
    varying = [
        name
        for name, key in _CONTRASTS.items()
        if any(len({_present(key, plane) for plane in level}) > 1 for level in levels)
    ]
    for name in varying:
        if not _balanced(name, levels):
            raise InputError(
                f"{source} is not a complete grid: its slices do not all have the same frames at each {name}; "
                "add the missing files, or give one folder per contrast."
            )
    return varying[0] if varying else None


def _balanced(name: str, levels: Sequence[Sequence[Plane]]) -> bool:
    key = _CONTRASTS[name]
    tables = [sorted(_present(key, plane) for plane in level) for level in levels]
    counts = [tables[0].count(value) for value in set(tables[0])]
    return all(table == tables[0] for table in tables) and len(set(counts)) == 1


def _split_by(name: str, levels: Sequence[Sequence[Plane]]) -> list[Sequence[Sequence[Plane]]]:
    key = _CONTRASTS[name]
    values = sorted({_present(key, plane) for plane in levels[0]})
    return [[[plane for plane in level if _present(key, plane) == value] for level in levels] for value in values]


def _joined(groups: Sequence[Sequence[Sequence[Plane]]]) -> list[list[Plane]]:
    return [[plane for level in same_slice for plane in level] for same_slice in zip(*groups, strict=True)]


def _counter(groups: Sequence[Sequence[Sequence[Plane]]], source: Path) -> str:
    levels = [level for group in groups for level in group]
    telling = [name for name, key in _COUNTERS.items() if all(_tells_apart(key, level) for level in levels)]
    if not telling:
        raise InputError(
            f"{source} holds several images of the same slice that nothing in their headers tells apart "
            f"({_twins(levels)}): remove the duplicates."
        )
    clocks = [name for name in telling if name in _CLOCKS]
    agreeing = [name for name in clocks if all(_agrees(_COUNTERS[name], level) for level in levels)]
    return (agreeing or telling)[0]


def _tells_apart(key: Key, level: Sequence[Plane]) -> bool:
    values = {_present(key, plane) for plane in level}
    return () not in values and len(values) == len(level)


def _agrees(key: Key, level: Sequence[Plane]) -> bool:
    by_key = sorted(level, key=lambda plane: _present(key, plane))
    instances = [plane.timing.instance for plane in by_key if plane.timing.instance is not None]
    return instances == sorted(instances)


def _twins(levels: Sequence[Sequence[Plane]]) -> str:
    level = next(level for level in levels if len(level) > 1)
    return f"files number {level[0].file + 1} and {level[1].file + 1} by name"


def _check_same_values(name: str, levels: Sequence[Sequence[Plane]], source: Path) -> None:
    # a counter of volumes must count alike in every slice; clocks and instance numbers run on from slice to slice
    if name != "temporal position":
        return
    tables = [[plane.timing.temporal_position for plane in level] for level in levels]
    usual = max(tables, key=tables.count)
    for index, table in enumerate(tables):
        if table != usual:
            lacking = sorted(value for value in usual if value is not None and value not in table)
            raise InputError(
                f"{source} is not a complete grid: slice {index + 1} along the normal lacks temporal position "
                f"{', '.join(f'{value:g}' for value in lacking[:10]) or 'numbers of the others'}; "
                "add the missing files, or remove the surplus ones."
            )


def _meaning(name: str, levels: Sequence[Sequence[Plane]]) -> Frames:
    timings = [plane.timing for plane in levels[0]]
    if any(timing.diffusion is not None and timing.diffusion[0] > 0 for timing in timings):
        return "direction"
    if name in _CLOCKS or timings[0].n_temporal == len(timings):
        return "time"
    return "repetition" if name == "acquisition number" else "unknown"


def time_step(levels: Sequence[Sequence[Plane]]) -> float | None:
    """Find the time from frame to frame in seconds; None if the headers do not say, or frames are unevenly spaced.

    Taken from acquisition times, else trigger times, else content times, else the temporal resolution, else (one
    shot a volume) the repetition time. Acquisition times carry the jitter of the clock: where they agree with the
    repetition time to 2 %, the repetition time is taken.

    Parameters
    ----------
    levels : sequence of sequences of Plane
        The frames of each slice in order.
    """
    if len(levels[0]) < 2:
        return None
    first = levels[0][0].timing
    nominal = first.repetition_time / 1000 if first.repetition_time else None
    measured = (
        _even_step(levels, lambda timing: timing.acquired)
        or _even_step(levels, lambda timing: None if timing.trigger_time is None else timing.trigger_time / 1000)
        or _even_step(levels, lambda timing: timing.created)
    )
    if measured is not None:
        return nominal if nominal and abs(measured / nominal - 1) < 0.02 else measured
    if first.temporal_resolution:
        return first.temporal_resolution / 1000
    return nominal if first.echo_planar else None


def _even_step(levels: Sequence[Sequence[Plane]], key: Callable[[Timing], float | None]) -> float | None:
    times = [[key(plane.timing) for plane in level] for level in levels]
    if any(time is None for level in times for time in level):
        return None
    steps = np.diff(np.array(times, dtype=np.float64), axis=1)
    mean = float(steps.mean())
    # clocks tick in milliseconds or coarser, and a heart is no quartz
    even = mean > 0 and np.abs(steps - mean).max() <= max(0.1 * mean, 0.0015)
    return mean if even else None
