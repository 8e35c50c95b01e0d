"""Which lines of k-space are acquired, and what for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Flag
from quietmr.phantoms.raw.protocol import RawProtocol, first_acquired

Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Lines:
    """Lines of one frame in the order of acquisition (partition by partition).

    Attributes
    ----------
    ky, kz : array, shape (N,)
        Counters of line and partition.
    flags : array, shape (N,), uint64
        ``Flag.CALIBRATION`` or ``Flag.CALIBRATION_AND_IMAGING`` where the line serves calibration, else 0.
    """

    ky: Index
    kz: Index
    flags: NDArray[np.uint64]


def lattice_offset(protocol: RawProtocol, frame: int) -> tuple[int, int]:
    """First line and first partition of the lattice in a frame; it changes in interleaved sampling only."""
    if protocol.calibration != "interleaved":
        return 0, 0
    r1, r2 = protocol.acceleration
    return frame % r1, frame // r1 % r2


def on_lattice(protocol: RawProtocol, frame: int) -> NDArray[np.bool_]:
    """Tell for each (kz, ky) whether the regular lattice of a frame holds it; shape (Z, Y)."""
    (r1, r2), (o1, o2) = protocol.acceleration, lattice_offset(protocol, frame)
    kz, ky = np.meshgrid(np.arange(protocol.matrix[2]), np.arange(protocol.matrix[1]), indexing="ij")
    steps = (ky - o1) // r1
    return np.asarray(((ky - o1) % r1 == 0) & ((kz - o2 - protocol.caipi_shift * steps) % r2 == 0))


def measured_part(protocol: RawProtocol) -> NDArray[np.bool_]:
    """Tell for each (kz, ky) whether partial Fourier leaves it in; shape (Z, Y)."""
    _, y, z = protocol.matrix
    part_y, part_z = protocol.partial_fourier
    lines = np.arange(y) >= first_acquired(y, part_y)
    # A 2-D scan has one partition, which is the center.
    partitions = np.arange(z) >= (first_acquired(z, part_z) if protocol.is_3d else 0)
    return partitions[:, np.newaxis] & lines


def calibration_center(protocol: RawProtocol) -> NDArray[np.bool_]:
    """Tell for each (kz, ky) whether it belongs to the full center; shape (Z, Y)."""
    _, y, z = protocol.matrix
    inside = []
    for count, block in zip((z, y), reversed(protocol.calibration_block), strict=True):
        start = count // 2 - block // 2
        inside.append((np.arange(count) >= start) & (np.arange(count) < start + block))
    return inside[0][:, np.newaxis] & inside[1]


def imaging_lines(protocol: RawProtocol, frame: int) -> Lines:
    """Lines of one frame; the center is full if calibration is embedded."""
    lattice = on_lattice(protocol, frame) & measured_part(protocol)
    if protocol.calibration != "embedded":
        return _lines(lattice, np.zeros(lattice.shape, np.uint64))
    center = calibration_center(protocol)
    flags = np.where(center & lattice, int(Flag.CALIBRATION_AND_IMAGING), np.where(center, int(Flag.CALIBRATION), 0))
    return _lines(lattice | center, flags.astype(np.uint64))


def calibration_block(protocol: RawProtocol) -> Lines:
    """Lines of a calibration measured on its own."""
    center = calibration_center(protocol)
    return _lines(center, np.full(center.shape, int(Flag.CALIBRATION), np.uint64))


def _lines(chosen: NDArray[np.bool_], flags: NDArray[np.uint64]) -> Lines:
    kz, ky = np.nonzero(chosen)
    return Lines(ky, kz, flags[kz, ky])
