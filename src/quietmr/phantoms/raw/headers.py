"""Headers of readouts: counters, flags, times, and where the slices lie in the patient."""

import numpy as np
from numpy.typing import NDArray

from quietmr.data import READOUT, Flag
from quietmr.phantoms.raw.grid import slice_positions
from quietmr.phantoms.raw.lattice import Lines, calibration_block, imaging_lines
from quietmr.phantoms.raw.protocol import RawProtocol

Headers = NDArray[np.void]

# Distance between the starts of two readouts, and a tick of the time stamps of usual scanners, in microseconds.
_REPETITION_TIME = 5000.0
_TICK = 2500.0
_MIDNIGHT_TO_START = 14_400_000
# Off the isocenter, on a table that has moved; oblique to all planes. Patient coordinates (left, posterior, head).
_CENTER = np.array([12.5, -31.0, 18.25])
_TABLE = np.array([0.0, 0.0, -1250.0])
_TILT = np.array([0.31, -0.22, 0.17])
# First and last readout of its kind, by counter: bits of the ISMRMRD flags, first and last.
_BOUNDARIES = {
    "kspace_encode_step_1": (1 << 0, 1 << 1),
    "kspace_encode_step_2": (1 << 2, 1 << 3),
    "average": (1 << 4, 1 << 5),
    "slice": (1 << 6, 1 << 7),
    "phase": (1 << 10, 1 << 11),
    "repetition": (1 << 12, 1 << 13),
}


def directions() -> NDArray[np.float64]:
    """Return the unit vectors of readout, phase encoding and slice selection as rows: an oblique right-handed set."""
    a, b, c = _TILT
    turn_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    turn_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    turn_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return np.asarray((turn_z @ turn_y @ turn_x).T)


def imaging_headers(protocol: RawProtocol) -> Headers:
    """Headers of all lines of the scan in the order of acquisition, calibration lines within frames included.

    Repetition by repetition, slice by slice, phase by phase, average by average.
    """
    pattern = [imaging_lines(protocol, frame) for frame in range(protocol.frames + protocol.repetitions - 1)]
    blocks = []
    for repetition in range(protocol.repetitions):
        for at in range(protocol.slices):
            for phase in range(protocol.frames):
                block = _block(protocol, pattern[phase + repetition], at)
                block["phase"], block["repetition"] = phase, repetition
                for average in range(protocol.averages):
                    block["average"] = average
                    blocks.append(block.copy())
    headers = np.concatenate(blocks)
    _mark_boundaries(headers)
    headers["flags"][-1] |= np.uint64(Flag.LAST_IN_MEASUREMENT)
    return headers


def separate_headers(protocol: RawProtocol) -> Headers:
    """Headers of a calibration measured before the scan, slice by slice."""
    lines = calibration_block(protocol)
    headers = np.concatenate([_block(protocol, lines, at) for at in range(protocol.slices)])
    _mark_boundaries(headers)
    return headers


def noise_headers(protocol: RawProtocol) -> Headers:
    """Headers of the readouts of the noise scan."""
    headers = np.zeros(protocol.noise_readouts, READOUT)
    headers["flags"] = np.uint64(Flag.NOISE)
    headers["sample_time_us"] = protocol.noise_dwell_us
    _locate(headers, 0.0)
    return headers


def number(parts: list[Headers]) -> None:
    """Count readouts and tell times through the parts of a measurement, in place."""
    start = 0
    for headers in parts:
        counter = np.arange(start, start + len(headers))
        headers["measurement_uid"] = 4711
        headers["scan_counter"] = counter + 1
        ticks = np.floor(counter * _REPETITION_TIME / _TICK).astype(np.int64)
        headers["acquisition_time_stamp"] = _MIDNIGHT_TO_START + ticks
        # A heart that beats once a second.
        headers["physiology_time_stamp"][:, 0] = ticks % round(1e6 / _TICK)
        start += len(headers)


def _block(protocol: RawProtocol, lines: Lines, at: int) -> Headers:
    headers = np.zeros(len(lines.ky), READOUT)
    headers["flags"] = lines.flags
    headers["kspace_encode_step_1"], headers["kspace_encode_step_2"] = lines.ky, lines.kz
    headers["slice"] = at
    headers["sample_time_us"] = protocol.dwell_us
    full = protocol.matrix[0] * protocol.oversampling
    headers["center_sample"] = full // 2 - left_out(protocol)
    _locate(headers, float(slice_positions(protocol)[at]))
    return headers


def left_out(protocol: RawProtocol) -> int:
    """Count the samples missing at the beginning of a readout with an asymmetric echo."""
    full = protocol.matrix[0] * protocol.oversampling
    return full - round(protocol.asymmetric_echo * full)


def _locate(headers: Headers, offset: float) -> None:
    read, phase, normal = directions()
    headers["read_dir"], headers["phase_dir"], headers["slice_dir"] = read, phase, normal
    headers["position"] = _CENTER + offset * normal
    headers["patient_table_position"] = _TABLE


def _mark_boundaries(headers: Headers) -> None:
    """Flag the first and last readout of each line, partition, average, slice, phase and repetition."""
    for name, (first, last) in _BOUNDARIES.items():
        if name.startswith("kspace"):
            # The scanner flags the loop over lines: its first and last line, not each change.
            others = ("kspace_encode_step_2",) if name.endswith("1") else ()
            counters = [headers[key] for key in (*others, "average", "slice", "phase", "repetition")]
        else:
            counters = [headers[name], *(headers[key] for key in _outside(name))]
        changes = np.any([np.diff(counter.astype(np.int64)) != 0 for counter in counters], axis=0)
        begins = np.concatenate([[True], changes])
        headers["flags"][begins] |= np.uint64(first)
        headers["flags"][np.concatenate([changes, [True]])] |= np.uint64(last)


def _outside(name: str) -> tuple[str, ...]:
    """Counters of the loops around one, which begin it anew."""
    order = ("repetition", "slice", "phase", "average")
    return order[: order.index(name)]
