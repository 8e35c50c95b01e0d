"""Between the numbers stored in a file and the values they mean."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr.data import InputError, OutputError, QuietmrWarning, Storage


def decode(stored: NDArray[Any], storage: Storage, path: Path) -> tuple[NDArray[Any], int]:
    """Turn stored numbers into values: ``value = stored * slope + intercept``, computed in double precision.

    For complex numbers slope and intercept act on the real and the imaginary part alike, as NIfTI-1 says.

    Parameters
    ----------
    stored : array, any shape
        Integers, floats or complex numbers of any byte order.
    storage : Storage
        Slope and intercept (its dtype is not looked at).
    path : Path
        File to name in the message.

    Returns
    -------
    values : array of the same shape, float32 or complex64
        Exact for float32, complex64, and integers up to 2**24 without a scale; rounded to float32 otherwise.
    n_inexact : int
        How many stored integers float32 cannot tell from their neighbors.

    Raises
    ------
    InputError
        If values are finite but too large for float32, or all too small.
    """
    if stored.dtype.kind == "c":
        part = stored.real.dtype
        values, n_inexact = decode(stored.view(part), storage, path)
        return values.view(np.complex64), n_inexact
    unscaled = storage.slope == 1 and storage.intercept == 0
    if unscaled and np.can_cast(stored.dtype, np.float32):
        return stored.astype(np.float32), 0
    with np.errstate(all="ignore"):
        exact = stored.astype(np.float64)
        if not unscaled:
            exact = exact * storage.slope + storage.intercept
        values = exact.astype(np.float32)
    _check_range(exact, values, path)
    if stored.dtype.kind == "f":
        return values, 0
    return values, _count_inexact(stored, values, storage)


def _check_range(exact: NDArray[np.float64], values: NDArray[np.float32], path: Path) -> None:
    limits = np.finfo(np.float32)
    finite = np.abs(exact[np.isfinite(exact)])
    largest = float(finite.max(initial=0.0))
    if bool((np.isinf(values) & ~np.isinf(exact)).any()) or 0 < largest < float(limits.tiny):
        raise InputError(
            f"{path} holds values up to {largest:.3g}, and quietmr computes in float32, which reaches from "
            f"{limits.tiny:.1e} to {limits.max:.1e}: rescale the file first."
        )


def _count_inexact(stored: NDArray[Any], values: NDArray[np.float32], storage: Storage) -> int:
    # float32 errs by at most 2**-24 of the value: below half a slope no integer can be lost
    largest = float(np.abs(values).max(initial=0.0))
    if largest * 2.0**-24 < 0.5 * abs(storage.slope):
        return 0
    back = np.rint((values.astype(np.float64) - storage.intercept) / storage.slope)
    return int(np.count_nonzero(back != stored.astype(np.float64)))


def encode(values: NDArray[Any], storage: Storage) -> tuple[NDArray[Any], int]:
    """Turn values into the numbers to store: ``stored = (value - intercept) / slope``, computed in double precision.

    Integer types are rounded to the nearest number and clipped to the range of the type. What `decode` gave for numbers
    of the same storage becomes the same float32 again.

    Parameters
    ----------
    values : array, any shape, float32 or complex64
        Values in the units of the image.
    storage : Storage
        Type (with byte order) and scale of the stored numbers.

    Returns
    -------
    stored : array of the same shape and of type ``storage.dtype``
        What to write.
    n_clipped : int
        How many values lay outside the range of an integer type.

    Raises
    ------
    OutputError
        If a complex image is to be stored in a real type, NaN in an integer type, or too large a number in a float.
    """
    dtype = np.dtype(storage.dtype)
    if dtype.kind == "c":
        part = np.dtype(f"f{dtype.itemsize // 2}").newbyteorder(dtype.byteorder)
        pairs = np.ascontiguousarray(values, dtype=np.complex64).view(np.float32)
        return _to_floats(pairs, storage, part).view(dtype), 0
    if values.dtype.kind == "c":
        raise OutputError(
            f"A complex image cannot be stored as {dtype.name}: take its magnitude first, or ask for a complex type."
        )
    if dtype.kind == "f":
        return _to_floats(values, storage, dtype), 0
    return _to_integers(values, storage, dtype)


def _to_floats(values: NDArray[Any], storage: Storage, dtype: np.dtype[Any]) -> NDArray[Any]:
    if storage.slope == 1 and storage.intercept == 0:
        return values.astype(dtype)
    # bitwise reversible: the number that a value was read from lies no nearer to it than the one chosen here
    with np.errstate(all="ignore"):
        stored = ((values.astype(np.float64) - storage.intercept) / storage.slope).astype(dtype)
    if (np.isinf(stored) & np.isfinite(values)).any():
        raise OutputError(f"Values are too large for {dtype.name} with slope {storage.slope:g}: ask for slope 1.")
    return stored


def _means(stored: NDArray[Any], storage: Storage) -> NDArray[np.float32]:
    with np.errstate(all="ignore"):
        return (stored.astype(np.float64) * storage.slope + storage.intercept).astype(np.float32)


def _to_integers(values: NDArray[Any], storage: Storage, dtype: np.dtype[Any]) -> tuple[NDArray[Any], int]:
    if np.isnan(values).any():
        raise OutputError(
            f"{np.count_nonzero(np.isnan(values))} voxels are NaN (not a number), which {dtype.name} cannot store: "
            "write to a float type, or replace them first."
        )
    limits = np.iinfo(dtype)
    low, high = float(limits.min), float(limits.max)
    if int(high) > limits.max:
        high = float(np.nextafter(high, 0))
    with np.errstate(all="ignore"):
        rounded = np.rint((values.astype(np.float64) - storage.intercept) / storage.slope)
    kept = np.clip(rounded, low, high)
    outside = rounded != kept
    n_clipped = 0
    if outside.any():
        # the top of a 32- or 64-bit type rounds up in float32: coming back the same, it is not clipped
        n_clipped = int(np.count_nonzero(_means(kept[outside], storage) != values[outside]))
    return kept.astype(dtype), n_clipped


def warn_inexact(path: Path, n_inexact: int) -> None:
    """Say that some stored integers have more digits than float32."""
    if n_inexact:
        warnings.warn(
            f"{path}: {n_inexact} stored integers have more digits than float32 holds (beyond 2**24 steps) and were "
            "rounded.",
            QuietmrWarning,
            stacklevel=2,
        )


def warn_clipped(storage: Storage, n_clipped: int, n_values: int) -> None:
    """Say that some values lay outside the range of the integer type they are stored in."""
    if n_clipped:
        limits = np.iinfo(np.dtype(storage.dtype))
        ends = sorted(end * storage.slope + storage.intercept for end in (limits.min, limits.max))
        warnings.warn(
            f"{n_clipped} of {n_values} voxels were outside the range of the file's type "
            f"{np.dtype(storage.dtype).name} ({ends[0]:g} to {ends[1]:g}) and were clipped to it.",
            QuietmrWarning,
            stacklevel=2,
        )
