"""MRD (ISMRMRD) raw data in HDF5: writing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from ismrmrd.hdf5 import acquisition_dtype
from numpy.typing import NDArray

from quietmr.data import Flag, InputError, KSpace, OutputError, Readouts
from quietmr.data.readouts import READOUT
from quietmr.io.atomic import replacing
from quietmr.io.raw.header_writing import header_of
from quietmr.io.raw.purposes import CALIBRATION, IMAGING, NOISE, PURPOSES, purposes
from quietmr.io.raw.reversal import mirrored

_SLAB = 1024
_CHUNK = 256


def write_raw(kspace: KSpace, path: str | Path, arrays: Mapping[str, NDArray[Any]] | None = None) -> None:
    """Write a raw scan as MRD (ISMRMRD) HDF5, whole or not at all; what is there is replaced.

    Noise readouts come first, then those for calibration only, then imaging, each in its order. Readouts with the flag
    of reversal are turned back, headers included, as the scanner measured them. Noise and calibration readouts get
    their flags if they lack them.

    Parameters
    ----------
    kspace : KSpace
        Its ``xml`` becomes the header; if that is empty, one is made of ``encoding`` and ``system``.
    path : str or Path
        New file, usually named .h5 or .mrd.
    arrays : mapping of str to array, optional
        Further arrays, stored as ``/truth/<name>``.

    Raises
    ------
    InputError
        If an imaging readout has a flag that says it makes no image, or there are too many samples for the format.
    OutputError
        If the file cannot be written.
    """
    path = Path(path)
    stacks = _stacks(kspace)
    xml = kspace.xml or header_of(kspace)
    try:
        with replacing(path) as temporary, h5py.File(temporary, "w") as file:
            group = file.create_group("dataset")
            group.create_dataset("xml", data=[xml.encode()], dtype=h5py.special_dtype(vlen=bytes))
            _write_readouts(group, stacks)
            for name, array in (arrays or {}).items():
                file.create_dataset(f"truth/{name}", data=array)
    except RuntimeError as error:
        raise OutputError(f"{path} was not written ({error}): check the space on its disk.") from error


def _stacks(kspace: KSpace) -> list[Readouts]:
    parts = (
        (NOISE, kspace.noise, Flag.NOISE),
        (CALIBRATION, kspace.calibration, Flag.CALIBRATION),
        (IMAGING, kspace.imaging, Flag(0)),
    )
    return [_flagged(readouts, name, flag) for name, readouts, flag in parts if readouts is not None]


def _flagged(readouts: Readouts, purpose: str, flag: Flag) -> Readouts:
    headers = readouts.headers.copy()
    headers["flags"] |= np.uint64(flag)
    odd = purposes(headers["flags"]) != PURPOSES.index(purpose)
    if odd.any():
        other = PURPOSES[purposes(headers["flags"])[odd][0]]
        raise InputError(
            f"{int(odd.sum())} {purpose} readouts have the flag of {other}, so a reader would not take them for "
            f"{purpose}: clear that flag."
        )
    if max(readouts.data.shape[1:]) > np.iinfo(np.uint16).max:
        raise InputError(f"Readouts of shape {readouts.data.shape[1:]} are too long for MRD: at most 65535 samples.")
    return Readouts(readouts.data, headers)


def _write_readouts(group: h5py.Group, stacks: list[Readouts]) -> None:
    total = sum(map(len, stacks))
    table = group.create_dataset(
        "data", (total,), maxshape=(None,), dtype=acquisition_dtype, chunks=(min(total, _CHUNK),)
    )
    start = 0
    for readouts in stacks:
        for first in range(0, len(readouts), _SLAB):
            slab = _records(readouts, slice(first, first + _SLAB))
            table[start : start + len(slab)] = slab
            start += len(slab)


def _records(readouts: Readouts, rows: slice) -> NDArray[Any]:
    headers, data = readouts.headers[rows].copy(), np.array(readouts.data[rows], dtype="<c8", order="C")
    reverse = (headers["flags"] & np.uint64(Flag.REVERSE)) != 0
    headers[reverse] = mirrored(headers[reverse], readouts.n_samples)
    data[reverse] = data[reverse, :, ::-1]
    records = np.zeros(len(headers), acquisition_dtype)
    _fill_heads(records["head"], headers, data.shape[1:])
    empty = np.zeros(0, np.float32)
    for row, floats in enumerate(data.view(np.float32).reshape(len(data), -1)):
        records["data"][row] = floats
        records["traj"][row] = empty
    return records


def _fill_heads(heads: NDArray[Any], headers: NDArray[Any], shape: tuple[int, ...]) -> None:
    heads["version"] = 1
    heads["active_channels"] = heads["available_channels"] = shape[0]
    heads["number_of_samples"] = shape[1]
    counters = heads["idx"]
    for name in READOUT.names or ():
        (counters if name in (counters.dtype.names or ()) else heads)[name] = headers[name]
