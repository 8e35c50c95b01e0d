"""In which numbers a phase image counts one turn, told from their range; to radians and back."""

from dataclasses import dataclass, replace
from math import pi, tau
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image, InputError, Storage

# Share of the turn that the values must cover for its unit to be told (radians are believed with less), and by which
# they may step over its ends: files round pi.
_FULL, _SLACK = 0.9, 1e-3


@dataclass(frozen=True)
class PhaseUnit:
    """How a phase image counts.

    Parameters
    ----------
    name : str
        For people: "radians", "scanner units" ...
    turn : float
        Values that make 2 pi.
    lowest : float, optional
        Smallest value of the turn; None where values are not wrapped into one turn.
    is_certain : bool
        Whether the values cover the turn, so that no other unit could be meant.
    """

    name: str
    turn: float
    lowest: float | None
    is_certain: bool = True

    def __str__(self) -> str:
        if self.lowest is None:
            return f"{self.name}, {self.turn:g} a turn"
        return f"{self.name}, {self.lowest:.6g} to {self.lowest + self.turn:.6g}"

    def holds(self, low: float, high: float) -> bool:
        """Whether values from ``low`` to ``high`` lie in the turn, but for rounding."""
        slack = _SLACK * self.turn
        return self.lowest is None or (low >= self.lowest - slack and high <= self.lowest + self.turn + slack)

    def radians(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Turn values into radians, in double precision."""
        turned: NDArray[np.float64] = values.astype(np.float64) * (tau / self.turn)
        return turned

    def values(self, radians: NDArray[Any], like: NDArray[np.float32], storage: Storage | None) -> NDArray[np.float32]:
        """Turn radians into values, wrapped as those of the source.

        Parameters
        ----------
        radians : array
            Of any turn.
        like : array
            Values of the source at the same places: where these are not wrapped into one turn, the nearest turn is
            taken.
        storage : Storage, optional
            How the values will be stored: integers must not be rounded up to the end of the turn, which is its start.
        """
        found = np.asarray(radians, np.float64) * (self.turn / tau)
        if self.lowest is None:
            apart = found - like
            return (like + apart - self.turn * np.rint(apart / self.turn)).astype(np.float32)
        wrapped = np.mod(found - self.lowest, self.turn)
        is_whole = storage is not None and np.dtype(storage.dtype).kind in "iu"
        step = abs(storage.slope) if storage is not None and is_whole else 0.0
        wrapped[wrapped >= self.turn - step / 2] = 0.0
        return (self.lowest + wrapped).astype(np.float32)


_UNITS = (
    PhaseUnit("radians", tau, -pi),
    PhaseUnit("radians", tau, 0.0),
    PhaseUnit("degrees", 360.0, -180.0),
    PhaseUnit("degrees", 360.0, 0.0),
    PhaseUnit("milliradians", 1000 * tau, -1000 * pi),
    PhaseUnit("milliradians", 1000 * tau, 0.0),
    PhaseUnit("scanner units", 4096.0, -2048.0),
    PhaseUnit("scanner units", 4096.0, 0.0),
    PhaseUnit("scanner units", 8192.0, -4096.0),
    PhaseUnit("scanner units", 8192.0, 0.0),
)


def phase_unit(phase: Image, turn: float | None = None) -> PhaseUnit:
    """Tell the unit of a phase image from the range of its values.

    Noise has every phase, so the values of a whole image reach from one end of the turn to the other: -pi to pi (or
    0 to 2 pi), -4096 to 4095 and 0 to 4095 (Siemens), thousandths of radians (GE, Philips), -2048 to 2047, degrees.
    Fractions that cover less than a turn (a masked phase) are taken for radians.

    Parameters
    ----------
    phase : Image
        Real values.
    turn : float, optional
        Values that make a full turn, if the user knows; then any range will do (unwrapped phase too).

    Returns
    -------
    PhaseUnit

    Raises
    ------
    InputError
        If the values are complex, constant or not finite, or the range fits no unit.
    """
    name = f"The phase {phase.meta.source}" if phase.meta.source is not None else "The phase"
    if phase.is_complex:
        raise InputError(f"{name} is complex, and a phase is real: give the complex image alone, without a phase.")
    finite = phase.data[np.isfinite(phase.data)]
    if not finite.size or finite.min() == finite.max():
        what = "only one value" if finite.size else "only NaN and infinite values"
        raise InputError(f"{name} holds {what}, so it is no phase: give the phase image that belongs to the magnitude.")
    low, high = float(finite.min()), float(finite.max())
    if turn is not None:
        return _given_unit(turn, low, high)
    fitting = [unit for unit in _UNITS if unit.holds(low, high)]
    for unit in fitting:
        if high - low >= _FULL * unit.turn:
            return unit
    if fitting and fitting[0].name == "radians" and (finite != np.rint(finite)).any():
        return replace(fitting[0], is_certain=False)
    raise InputError(
        f"{name} reaches from {low:.6g} to {high:.6g}, which is no full turn in radians, degrees or the units of a "
        "scanner (-4096 to 4095, 0 to 4095, thousandths of radians): check the file, or say with --phase-turn how much "
        "makes a turn (6.2832 in radians)."
    )


def _given_unit(turn: float, low: float, high: float) -> PhaseUnit:
    if not (np.isfinite(turn) and turn > 0):
        raise InputError(f"A full turn of the phase must be a positive number, got {turn:g}: 6.2832 for radians.")
    wrapped = (PhaseUnit("as given", turn, lowest) for lowest in (-turn / 2, 0.0))
    return next((unit for unit in wrapped if unit.holds(low, high)), PhaseUnit("as given", turn, None))
