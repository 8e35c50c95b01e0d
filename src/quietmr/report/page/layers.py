"""The volumes that the viewer of the page shows, in as fine steps as the size of the file allows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image, InputError, NoiseMap
from quietmr.report.page.display import Strides, strides_for
from quietmr.report.page.packing import Packed, deflate, pack, steps_of, unpack
from quietmr.report.panels import grey_window, magnitude
from quietmr.report.views import View

Array = NDArray[np.float32]

# Characters for all volumes together: a page under 8 MB, with room for everything else on it.
BUDGET = 7_300_000
_CHARACTERS_PER_BYTE = 1.25
# Steps of the grey values (parts of the window from black to white, parts of sigma) and of what was removed (parts of
# sigma), finest first. Half a sigma still adds less than 1 % to the noise that it shows (1 / 48 of its variance).
_GREYS = 255
_LADDER = ((1 / 32, 1 / 8), (1 / 24, 1 / 4), (1 / 16, 1 / 3), (1 / 12, 1 / 2))
_SIGMA_STEPS = 1000
_STRUCTURE_STEP = 0.5
# Less than so many standard errors of the structure map are noise, and are not shown.
STRUCTURE_SHOWN = 4.0


@dataclass(frozen=True, eq=False)
class Layers:
    """Packed volumes, and how to read them.

    Parameters
    ----------
    volumes : mapping
        ``after`` (magnitude of complex images), ``removed`` ((before - after) / unit, of magnitudes), ``sigma``, and
        where there are any ``inphase`` (complex images: what was removed in phase with what is left, / unit) and
        ``structure``. The unit is sigma, and where that is 0 the ``level``; so before = after + removed * unit.
    level : float
        Median noise level, or a grey level if there is no noise.
    window : (float, float)
        Values of black and white.
    strides : Strides
        What was left out.
    removed_step : float
        Step of ``removed``, in sigma.
    """

    volumes: Mapping[str, Packed]
    level: float
    window: tuple[float, float]
    strides: Strides
    removed_step: float


def make_layers(
    before: Image, after: Image, noise: NoiseMap, structure: Array | None, view: View, budget: int = BUDGET
) -> Layers:
    """Pack what the viewer shows.

    Parameters
    ----------
    before, after : Image
        On one grid.
    noise : NoiseMap
        Noise of ``before``.
    structure : array, shape (T, Z, Y, X), optional
        Where the residual holds more than noise, in standard errors.
    view : View
        The main view, whose plane is thinned out last.
    budget : int
        Characters for all volumes together.

    Raises
    ------
    InputError
        If even a few voxels do not fit the budget.
    """
    shown = magnitude(after.data)
    window = grey_window(shown)
    white = (window[1] - window[0]) / _GREYS
    level = noise.level or white
    most = float("inf")
    for _ in range(8):
        strides = strides_for(after, view, most)
        source = _Source(before, after, noise, structure, strides, level)
        for greys, removed in _LADDER:
            steps = (max(white, greys * level), removed)
            if source.estimate(*steps) > budget:
                continue
            volumes = dict(source.pack(*steps))
            if sum(len(packed.text) for packed in volumes.values()) <= budget:
                return Layers(volumes, level, window, strides, removed)
        most = 0.97 * np.prod(strides.shown(after.shape)) * budget / source.estimate(*steps)
    raise InputError(f"The scan does not fit a page, shape {after.shape}: report a part of it.")


class _Source:
    """Volumes on the grid that is shown."""

    def __init__(
        self, before: Image, after: Image, noise: NoiseMap, structure: Array | None, strides: Strides, level: float
    ) -> None:
        old, new = strides.pick(before.data), strides.pick(after.data)
        sigma = strides.pick(noise.sigma)
        self._after = np.where(np.isfinite(new), magnitude(new), 0).astype(np.float32)
        self._sigma = pack(sigma, float(sigma.max()) / _SIGMA_STEPS or 1.0, smooth=True)
        unit = unpack(self._sigma)
        unit = np.where(unit > 0, unit, np.float32(level))
        finite = np.isfinite(new) & np.isfinite(old)
        self._removed: Array = (np.where(finite, magnitude(old) - magnitude(new), 0) / unit).astype(np.float32)
        self._inphase: Array | None = None
        if before.is_complex:
            turned = np.real((old - new) * np.exp(-1j * np.angle(new)))
            self._inphase = (np.where(finite, turned, 0) / unit).astype(np.float32)
        self._structure: Array | None = None
        if structure is not None and (np.abs(picked := strides.pick(structure)) >= STRUCTURE_SHOWN).any():
            self._structure = np.where(np.abs(picked) >= STRUCTURE_SHOWN, picked, 0).astype(np.float32)

    def pack(self, grey: float, removed: float) -> Iterator[tuple[str, Packed]]:
        """Pack all volumes, grey values in steps of ``grey``, what was removed in steps of ``removed``."""
        yield "after", pack(self._after, grey, smooth=True)
        yield "removed", pack(self._removed, removed, smooth=False)
        yield "sigma", self._sigma
        if self._inphase is not None:
            yield "inphase", pack(self._inphase, removed, smooth=False)
        if self._structure is not None:
            yield "structure", pack(self._structure, _STRUCTURE_STEP, smooth=False)

    def estimate(self, grey: float, removed: float) -> float:
        """Characters that ``pack`` would need, from a few slices."""
        parts: list[tuple[Array | None, float, bool]] = [
            (self._after, grey, True),
            (self._removed, removed, False),
            (self._inphase, removed, False),
            (self._structure, _STRUCTURE_STEP, False),
        ]
        needed = sum(_estimate(values, step, smooth=smooth) for values, step, smooth in parts if values is not None)
        return len(self._sigma.text) + _CHARACTERS_PER_BYTE * needed


def _estimate(values: Array, step: float, *, smooth: bool) -> float:
    """Bytes of a packed volume, from up to eight blocks of four slices."""
    frames, slices = values.shape[:2]
    if frames * slices <= 32:
        return len(deflate(steps_of(values, step), smooth=smooth))
    first = [(i * frames // 8, max(0, min(slices - 4, i * slices // 8))) for i in range(8)]
    sample: Any = np.stack([_four_slices(values[t], z) for t, z in first])
    return len(deflate(steps_of(sample, step), smooth=smooth)) * (float(values.size) / float(sample.size))


def _four_slices(volume: Array, first: int) -> Array:
    return volume[np.minimum(np.arange(first, first + 4), len(volume) - 1)]
