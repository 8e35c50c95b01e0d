"""fastMRI HDF5: k-space of a stack of slices, with or without an ISMRMRD header."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from quietmr.data import Encoding, InputError, Limits, Readouts, System
from quietmr.data.readouts import READOUT
from quietmr.io.raw.hdf5_file import opened
from quietmr.io.raw.header_facts import encodings_of, system_of
from quietmr.io.raw.header_tree import header_tree
from quietmr.io.raw.lattice import acceleration_of, flags_of
from quietmr.io.raw.parts import Parts, split_calibration


def read_parts(path: Path, *, noise_only: bool = False) -> Parts:
    """Read a fastMRI file: ``kspace`` of shape (slices, [coils,] readout, phase), k = 0 at n // 2.

    The last axis is that of the phase encoding, along which lines are missing: lines that are zero in all coils, or
    that ``mask`` leaves out, are no readouts. The matrix is that of ``kspace``; the fields of view come from
    ``ismrmrd_header``, without which voxels are 1 mm. Such files have no noise scan and no dwell time.

    Parameters
    ----------
    path : Path
        HDF5 file.
    noise_only : bool
        Makes no difference: all readouts are imaging.

    Raises
    ------
    InputError
        If ``kspace`` is not complex with three or four axes, is all zero, the mask does not fit, or the file is
        damaged.
    """
    with opened(path) as file:
        kspace = file["kspace"]
        if kspace.dtype.kind != "c" or kspace.ndim not in (3, 4) or 0 in kspace.shape:
            raise InputError(
                f"{path} has a 'kspace' of {kspace.dtype} {kspace.shape}: fastMRI k-space is complex with the axes "
                "(slices, [coils,] readout, phase)."
            )
        wanted = _mask(file, kspace.shape[-1], path)
        data, slices, lines = _lines(kspace, wanted)
        if len(data) == 0:
            raise InputError(f"{path} has a 'kspace' of zeros only: download it again.")
        encoding, system = _facts(file, path)
    return _parts(Readouts(data, _headers(slices, lines, data.shape[2])), encoding, system)


def _mask(file: h5py.File, width: int, path: Path) -> NDArray[np.bool_]:
    if "mask" not in file:
        return np.ones(width, bool)
    mask = np.asarray(file["mask"][()]).astype(bool).ravel()
    if mask.shape != (width,):
        raise InputError(f"{path} has a mask of {mask.size} lines and a 'kspace' of {width}: download it again.")
    return mask


def _lines(
    kspace: h5py.Dataset, wanted: NDArray[np.bool_]
) -> tuple[NDArray[np.complex64], NDArray[np.int64], NDArray[np.int64]]:
    """Take samples (N, coils, readout), slices and line numbers of all lines that are there."""
    n_slices, (readout, width) = kspace.shape[0], kspace.shape[-2:]
    n_coils = kspace.shape[1] if kspace.ndim == 4 else 1
    # memory of lines that are not there is never touched
    data = np.empty((n_slices * width, n_coils, readout), np.complex64)
    slices, lines, filled = [], [], 0
    for index in range(n_slices):
        block = kspace[index].reshape(n_coils, readout, width)
        there = np.flatnonzero(wanted & (block != 0).any(axis=(0, 1)))
        data[filled : filled + len(there)] = np.moveaxis(block[..., there], -1, 0)
        filled += len(there)
        slices.append(np.full(len(there), index))
        lines.append(there)
    return data[:filled], np.concatenate(slices), np.concatenate(lines)


def _headers(slices: NDArray[np.int64], lines: NDArray[np.int64], readout: int) -> NDArray[Any]:
    headers = np.zeros(len(lines), READOUT)
    headers["scan_counter"] = np.arange(len(lines))
    headers["center_sample"] = readout // 2
    headers["kspace_encode_step_1"] = lines
    headers["slice"] = slices
    return headers


def _facts(file: h5py.File, path: Path) -> tuple[Encoding, System]:
    readout, width = (int(size) for size in file["kspace"].shape[-2:])
    matrix, limits = (readout, width, 1), Limits(0, width - 1, width // 2)
    if "ismrmrd_header" in file:
        text = np.asarray(file["ismrmrd_header"][()]).reshape(-1)[0]
        tree = header_tree(text.decode(errors="replace") if isinstance(text, bytes) else str(text), str(path))
        said = encodings_of(tree, str(path))[0]
        wanted = (*said.recon_matrix[:2], 1)
        return Encoding(matrix, said.fov, wanted, said.recon_fov, lines=limits), system_of(tree, str(path))
    # the reference image tells how much of the oversampled readout is kept
    reference = next((file[name] for name in ("reconstruction_rss", "reconstruction_esc") if name in file), None)
    rows, columns = (readout, width) if reference is None else (int(size) for size in reference.shape[-2:])
    kept = (min(rows, readout), min(columns, width), 1)
    return Encoding(matrix, _cubes(matrix), kept, _cubes(kept), lines=limits), System()


def _cubes(matrix: tuple[int, int, int]) -> tuple[float, float, float]:
    x, y, z = matrix
    return float(x), float(y), float(z)


def _parts(readouts: Readouts, encoding: Encoding, system: System) -> Parts:
    limits = encoding.lines
    assert limits is not None
    lines = np.unique(readouts.headers["kspace_encode_step_1"]).astype(np.int64)
    acceleration = acceleration_of(lines)
    flags = np.zeros(encoding.matrix[1], np.uint64)
    flags[lines] = flags_of(lines, limits.center, acceleration)
    readouts.headers["flags"] |= flags[readouts.headers["kspace_encode_step_1"]]
    encoding = replace(encoding, acceleration=(acceleration, 1), calibration="embedded" if flags.any() else "none")
    return split_calibration(Parts("fastmri", (encoding,), system, imaging=readouts))
