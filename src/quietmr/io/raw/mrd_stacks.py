"""Readouts gathered by purpose and shape while a file is read slab by slab."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Flag, InputError, Readouts
from quietmr.data.readouts import READOUT
from quietmr.io.raw.mrd_table import to_readout_headers

Shape = tuple[int, int]
_MOST_SHAPES = 8


class _Stack:
    """Readouts of one purpose and shape, at most ``most``; memory is touched only as they come."""

    def __init__(self, shape: Shape, most: int) -> None:
        self._data = np.empty((most, *shape), np.complex64)
        self._headers = np.empty(most, READOUT)
        self.length = 0

    def append(self, heads: NDArray[Any], samples: NDArray[Any]) -> None:
        rows = slice(self.length, self.length + len(heads))
        self._headers[rows] = to_readout_headers(heads)
        np.concatenate(list(samples), out=self._data[rows].view(np.float32).reshape(-1))
        # a reversed readout was measured from high to low k
        reverse = self.length + np.flatnonzero(heads["flags"] & np.uint64(Flag.REVERSE))
        self._data[reverse] = self._data[reverse, :, ::-1]
        self.length += len(heads)

    def readouts(self) -> Readouts:
        return Readouts(self._data[: self.length], self._headers[: self.length])


class Stacks:
    """Readouts by purpose; those of one purpose may differ in shape until they are asked for."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stacks: dict[tuple[str, Shape], _Stack] = {}

    def append(self, purpose: str, heads: NDArray[Any], samples: NDArray[Any], most: int) -> None:
        """Add readouts.

        Parameters
        ----------
        purpose : str
            What they are for.
        heads, samples : array, shape (n,)
            ISMRMRD headers and float lists, already checked against each other.
        most : int
            How many readouts of this purpose there are in all.
        """
        shapes = np.stack([heads["active_channels"], heads["number_of_samples"]], axis=-1)
        for shape in np.unique(shapes, axis=0):
            chosen = (shapes == shape).all(axis=-1)
            key = (purpose, (int(shape[0]), int(shape[1])))
            if 0 in key[1]:
                raise InputError(f"{self._name} has {purpose} readouts without samples: the file is damaged.")
            if key not in self._stacks:
                self._check_number()
                self._stacks[key] = _Stack(key[1], most)
            self._stacks[key].append(heads[chosen], samples[chosen])

    def _check_number(self) -> None:
        if len(self._stacks) >= _MOST_SHAPES:
            raise InputError(
                f"{self._name} has readouts of more than {_MOST_SHAPES} different shapes: only Cartesian scans are "
                "read."
            )

    def only(self, purpose: str) -> Readouts | None:
        """All readouts of a purpose.

        Raises
        ------
        InputError
            If they differ in the number of coils or samples.
        """
        found = {shape: stack for (what, shape), stack in self._stacks.items() if what == purpose}
        if len(found) > 1:
            listed = " and ".join(f"{stack.length} of {c} coils x {s} samples" for (c, s), stack in found.items())
            raise InputError(
                f"{self._name} has {purpose} readouts of different shape ({listed}): all have to be measured with the "
                "same coils and length."
            )
        return next(iter(found.values())).readouts() if found else None

    def most(self, purpose: str, coils: int | None) -> tuple[Readouts | None, int]:
        """Give the largest set of equal readouts of a purpose, ``coils`` channels first, and how many are left out."""
        found = [(shape, stack) for (what, shape), stack in self._stacks.items() if what == purpose]
        if not found:
            return None, 0
        _, best = max(found, key=lambda each: (each[0][0] == coils, each[1].length * each[0][1]))
        return best.readouts(), sum(stack.length for _, stack in found) - best.length
