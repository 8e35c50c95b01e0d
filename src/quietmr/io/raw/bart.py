"""BART k-space: a .cfl file of samples and a .hdr file with its 16 dimensions."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Encoding, InputError, Limits, Readouts, System
from quietmr.data.readouts import READOUT
from quietmr.io.raw.lattice import acceleration_of, flags_of
from quietmr.io.raw.parts import Parts, split_calibration

_N_DIMS = 16
# dimensions of BART that a raw scan can have besides readout, phase 1, phase 2 and coils, and the counters they are
_COUNTERS = {5: "contrast", 10: "repetition", 13: "slice"}
_NAMES = {4: "MAPS", 6: "COEFF", 7: "COEFF2", 8: "ITER", 9: "CSHIFT", 11: "TIME2", 12: "LEVEL", 14: "AVG", 15: "BATCH"}
_LONGEST_HEADER = 65536


def is_bart(path: Path) -> bool:
    """Whether a file is one of a pair .cfl and .hdr whose header starts as BART's do."""
    header = path.with_suffix(".hdr")
    if path.suffix.lower() not in (".cfl", ".hdr") or not header.is_file() or not path.with_suffix(".cfl").is_file():
        return False
    with header.open("rb") as stream:
        return b"# Dimensions" in stream.read(_LONGEST_HEADER)


def read_parts(path: Path, *, noise_only: bool = False) -> Parts:
    """Read BART k-space (dimensions: readout, phase 1, phase 2, coils; echoes, frames, slices), k = 0 at n // 2.

    Lines that are zero in all coils are no readouts. Files of this format have neither field of view nor noise: voxels
    are 1 mm, and nothing is oversampled.

    Parameters
    ----------
    path : Path
        Either file of the pair.
    noise_only : bool
        Makes no difference: all readouts are imaging.

    Raises
    ------
    InputError
        If the header is not BART's, the samples are cut off, another dimension is above 1, or all samples are zero.
    """
    dims = _dimensions(path.with_suffix(".hdr"))
    samples = path.with_suffix(".cfl")
    if samples.stat().st_size != 8 * math.prod(dims):
        raise InputError(
            f"{samples} has {samples.stat().st_size} bytes where its header says {8 * math.prod(dims)} "
            f"({' x '.join(map(str, dims))} complex samples): copy both files again."
        )
    array = np.memmap(samples, "<c8", mode="r", shape=tuple(reversed(dims)))
    data, headers = _readouts(array, dims)
    if len(data) == 0:
        raise InputError(f"{samples} holds zeros only: give measured k-space.")
    encoding = _encoding(dims, headers)
    return split_calibration(Parts("bart", (encoding,), System(), imaging=Readouts(data, headers)))


def _dimensions(header: Path) -> tuple[int, ...]:
    with header.open("rb") as stream:
        text = stream.read(_LONGEST_HEADER).decode("ascii", errors="replace")
    _, _, after = text.partition("# Dimensions")
    try:
        dims = [int(word) for word in after.strip().split("\n")[0].split()]
    except ValueError:
        dims = []
    if not dims or len(dims) > _N_DIMS or min(dims) < 1:
        raise InputError(f"{header} has no line of dimensions as BART writes it: write the file with BART again.")
    dims += [1] * (_N_DIMS - len(dims))
    for index, name in _NAMES.items():
        if dims[index] > 1:
            raise InputError(
                f"{header} has {dims[index]} along dimension {index} ({name}): allowed are readout, two phases, coils, "
                "echoes (5), frames (10) and slices (13)."
            )
    if max(dims) > np.iinfo(np.uint16).max:
        raise InputError(f"{header} has a dimension of {max(dims)}: at most 65535 are allowed.")
    return tuple(dims)


def _readouts(array: NDArray[np.complex64], dims: tuple[int, ...]) -> tuple[NDArray[np.complex64], NDArray[Any]]:
    x, y, z, coils = dims[:4]
    most = math.prod(dims) // (x * coils)
    data, headers = np.empty((most, coils, x), np.complex64), np.zeros(most, READOUT)
    filled = 0
    for counters, volume in _volumes(array, dims):
        partitions, lines = np.nonzero((volume != 0).any(axis=(0, 3)))
        rows = slice(filled, filled + len(lines))
        data[rows] = volume[:, partitions, lines].swapaxes(0, 1)
        for name, value in (*counters.items(), ("kspace_encode_step_1", lines), ("kspace_encode_step_2", partitions)):
            headers[name][rows] = value
        filled += len(lines)
    headers["center_sample"] = x // 2
    headers["scan_counter"] = np.arange(most)
    if z == 1:
        _flag_calibration(headers[:filled], y // 2)
    return data[:filled], headers[:filled]


def _volumes(array: NDArray[np.complex64], dims: tuple[int, ...]) -> Iterator[tuple[dict[str, int], Any]]:
    """Yield counters and volume (coils, z, y, x) of every slice, frame and echo."""
    for where in np.ndindex(tuple(dims[axis] for axis in _COUNTERS)):
        index = [0] * (_N_DIMS - 4)
        for axis, value in zip(_COUNTERS, where, strict=True):
            index[_N_DIMS - 1 - axis] = value
        yield dict(zip(_COUNTERS.values(), where, strict=True)), array[tuple(index)]


def _flag_calibration(headers: NDArray[Any], center: int) -> None:
    lines, where = np.unique(headers["kspace_encode_step_1"].astype(np.int64), return_inverse=True)
    if lines.size:
        headers["flags"] |= flags_of(lines, center, acceleration_of(lines))[where]


def _encoding(dims: tuple[int, ...], headers: NDArray[Any]) -> Encoding:
    x, y, z = dims[:3]
    steps = [np.unique(headers[f"kspace_encode_step_{axis}"]).astype(np.int64) for axis in (1, 2)]
    encoding = Encoding(
        matrix=(x, y, z),
        fov=(float(x), float(y), float(z)),
        recon_matrix=(x, y, z),
        recon_fov=(float(x), float(y), float(z)),
        lines=Limits(0, y - 1, y // 2),
        partitions=Limits(0, z - 1, z // 2),
        acceleration=(acceleration_of(steps[0]), acceleration_of(steps[1])),
    )
    return replace(encoding, calibration="embedded") if headers["flags"].any() else encoding
