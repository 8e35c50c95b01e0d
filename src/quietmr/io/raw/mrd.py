"""MRD (ISMRMRD) raw data in HDF5: reading."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Encoding, InputError
from quietmr.io.raw.hdf5_file import opened, readout_group
from quietmr.io.raw.header_facts import encodings_of, system_of
from quietmr.io.raw.header_tree import header_tree
from quietmr.io.raw.mrd_stacks import Stacks
from quietmr.io.raw.mrd_table import Table, header_text
from quietmr.io.raw.parts import Parts
from quietmr.io.raw.purposes import CALIBRATION, IMAGING, NOISE, OTHER_SPACE, PURPOSES, purposes
from quietmr.io.raw.reversal import headers_in_order


def read_parts(path: Path, *, noise_only: bool = False) -> Parts:
    """Read an MRD file, slab by slab, without a loop over readouts.

    Readouts flagged as reversed are turned round, and so are their centers and discarded ends; the flag stays.

    Parameters
    ----------
    path : Path
        HDF5 file with a group of acquisitions.
    noise_only : bool
        The encoding is not looked at: noise scans have headers that mean nothing.

    Returns
    -------
    Parts
        Readouts by purpose.

    Raises
    ------
    InputError
        If the file is damaged, its header is no ISMRMRD header or has an impossible encoding, or its imaging readouts
        differ in length or coils.
    """
    with opened(path) as file:
        group = readout_group(file)
        if group is None:
            raise InputError(f"{path} holds no table of acquisitions.")
        text = header_text(group)
        tree = header_tree(text, str(path))
        system = system_of(tree, str(path))
        encodings = () if noise_only else encodings_of(tree, str(path))
        table = Table(group)
        space = _imaging_space(table, encodings)
        stacks, counts = _gather(table, encodings, space)
    imaging = stacks.most(IMAGING, None)[0] if noise_only else stacks.only(IMAGING)
    coils = imaging.n_coils if imaging else None
    calibration, odd_calibration = stacks.most(CALIBRATION, coils)
    noise, odd_noise = stacks.most(NOISE, coils)
    counts["calibration of another length"] += odd_calibration
    counts["noise of another length"] += odd_noise
    skipped = {name: count for name, count in counts.items() if count and name not in (IMAGING, CALIBRATION, NOISE)}
    return Parts(
        format="mrd",
        encodings=encodings[space : space + 1],
        system=system,
        imaging=headers_in_order(imaging),
        calibration=headers_in_order(calibration),
        noise=headers_in_order(noise),
        xml=text,
        skipped=skipped,
    )


def _imaging_space(table: Table, encodings: tuple[Encoding, ...]) -> int:
    """Find the encoding space of the image: the first that has imaging readouts."""
    if len(encodings) < 2:
        return 0
    heads = table.heads()
    spaces = heads["encoding_space_ref"][purposes(heads["flags"]) == PURPOSES.index(IMAGING)]
    return int(spaces.min(initial=len(encodings) - 1))


def _gather(table: Table, encodings: tuple[Encoding, ...], space: int) -> tuple[Stacks, Counter[str]]:
    purpose = _purposes_in_space(table.heads(), encodings, space, table.name)
    counts = Counter({name: int((purpose == index).sum()) for index, name in enumerate(PURPOSES)})
    stacks, start = Stacks(table.name), 0
    for heads, samples in table.slabs():
        here = purpose[start : start + len(heads)]
        for name in (IMAGING, CALIBRATION, NOISE):
            chosen = here == PURPOSES.index(name)
            table.check(heads[chosen], samples[chosen])
            stacks.append(name, heads[chosen], samples[chosen], most=counts[name])
        start += len(heads)
    return stacks, counts


def _purposes_in_space(
    heads: NDArray[Any], encodings: tuple[Encoding, ...], space: int, name: str
) -> NDArray[np.int64]:
    result = purposes(heads["flags"])
    imaging, calibration = result == PURPOSES.index(IMAGING), result == PURPOSES.index(CALIBRATION)
    spaces = heads["encoding_space_ref"].astype(np.int64)
    if not encodings or not spaces.any():
        return result
    if spaces[imaging | calibration].max(initial=0) >= len(encodings):
        raise InputError(
            f"{name} has readouts of encoding space {spaces[imaging | calibration].max()}, its header describes "
            f"{len(encodings)} (from 0 on): convert the scan again."
        )
    fits = np.array([each.matrix == encodings[space].matrix for each in encodings])
    # noise readouts may name any space, also one that the header leaves out
    others = calibration & ~fits[np.minimum(spaces, len(encodings) - 1)]
    result[others | (imaging & (spaces != space))] = PURPOSES.index(OTHER_SPACE)
    return result
