"""A complex image that is kept as two real ones: magnitude and phase, or real and imaginary part."""

import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image, InputError, QuietmrWarning, Storage
from quietmr.io.formats import read
from quietmr.io.phase_units import PhaseUnit, phase_unit
from quietmr.io.same_grid import check_same_grid


@dataclass(frozen=True, eq=False)
class Pair:
    """Two real images that make a complex one.

    Parameters
    ----------
    first : Image
        Magnitude, or real part.
    second : Image
        Phase, or imaginary part, on the same grid.
    unit : PhaseUnit, optional
        Unit of the phase; None if ``second`` is an imaginary part.
    """

    first: Image
    second: Image
    unit: PhaseUnit | None = None

    @cached_property
    def image(self) -> Image:
        """The complex image, with geometry, frames and source of the first; NaN where either is not finite."""
        first, second = self.first, self.second
        with np.errstate(invalid="ignore"):
            if self.unit is None:
                data = first.data + 1j * second.data
            else:
                data = first.data * np.exp(1j * self.unit.radians(second.data))
        data = np.where(np.isfinite(first.data) & np.isfinite(second.data), data, np.nan).astype(np.complex64)
        noise = None if first.noise is None else replace(first.noise, kind="complex", n_channels=1)
        return first.replace(data=data, noise=noise, meta=replace(first.meta, storage=Storage("<c8")))

    def split(self, after: Image) -> tuple[Image, Image]:
        """Take a changed complex image apart, each part in units, type and header of its own.

        Voxels that did not change, and those that are not finite, get exactly the values that they had.
        """
        before = self.image.data
        same = (after.data == before) | ~np.isfinite(before)
        if self.unit is None:
            parts: tuple[NDArray[np.float32], NDArray[np.float32]] = (after.data.real, after.data.imag)
        else:
            turned = self.unit.values(np.angle(after.data), self.second.data, self.second.meta.storage)
            parts = (np.abs(after.data), turned)
        first, second = (
            source.replace(data=np.where(same, source.data, part), noise=None, history=after.history)
            for source, part in zip((self.first, self.second), parts, strict=True)
        )
        return first, second


def read_polar(magnitude: str | Path, phase: str | Path, turn: float | None = None) -> Pair:
    """Read a magnitude and its phase.

    Parameters
    ----------
    magnitude, phase : str or Path
        Two scans on one grid.
    turn : float, optional
        Values of the phase that make a full turn; without it the range of the values tells
        (`quietmr.io.phase_units.phase_unit`).

    Returns
    -------
    Pair

    Raises
    ------
    InputError
        If one cannot be read, the grids differ, the first holds negative values, or the second can be no phase.

    Warns
    -----
    QuietmrWarning
        If the phase does not cover a full turn and is taken for radians.
    """
    first, second = _read_both(Path(magnitude), Path(phase), "phase")
    if (first.data < 0).any():
        raise InputError(
            f"The scan {magnitude} holds negative values, so it is no magnitude to which a phase belongs: exchange "
            "the two, or for a real and an imaginary part give --imaginary instead of --phase."
        )
    unit = phase_unit(second, turn)
    if not unit.is_certain:
        warnings.warn(
            f"The phase {phase} does not cover a full turn and is taken for radians: if that is wrong, say with "
            "--phase-turn how much makes a turn.",
            QuietmrWarning,
            stacklevel=2,
        )
    return Pair(first, second, unit)


def read_parts(real: str | Path, imaginary: str | Path) -> Pair:
    """Read a real and an imaginary part.

    Raises
    ------
    InputError
        If one cannot be read, or the grids differ.
    """
    return Pair(*_read_both(Path(real), Path(imaginary), "imaginary part"))


def _read_both(path: Path, other: Path, what: str) -> tuple[Image, Image]:
    with warnings.catch_warnings():
        # that it is no magnitude is what the user has said
        warnings.filterwarnings("ignore", "(?s).* part of the complex signal, not magnitudes", QuietmrWarning)
        first, second = read(path), read(other)
    for image, name in ((first, path), (second, other)):
        if image.is_complex:
            raise InputError(f"{name} is complex already: give it alone, without --{what.split()[0]}.")
    check_same_grid(first, second, other, what)
    return first, second
