"""Readouts of raw data: the samples, and what the scanner says of each."""

from dataclasses import dataclass
from enum import IntFlag
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr.data.errors import InputError


class Flag(IntFlag):
    """What a readout is for: bits of the field ``flags``, as ISMRMRD numbers them (bit n has the value 2^(n-1))."""

    NOISE = 1 << 18
    CALIBRATION = 1 << 19
    CALIBRATION_AND_IMAGING = 1 << 20
    REVERSE = 1 << 21
    NAVIGATION = 1 << 22
    PHASE_CORRECTION = 1 << 23
    LAST_IN_MEASUREMENT = 1 << 24
    HP_FEEDBACK = 1 << 25
    DUMMY = 1 << 26
    RT_FEEDBACK = 1 << 27
    SURFACE_COIL_CORRECTION = 1 << 28
    PHASE_STABILIZATION_REFERENCE = 1 << 29
    PHASE_STABILIZATION = 1 << 30


# What the scanner tells of one readout: names, meaning and units of the ISMRMRD acquisition header. Directions are unit
# vectors and positions millimetres in the patient system of DICOM (left, posterior, superior positive).
READOUT = np.dtype(
    [
        ("flags", "<u8"),
        ("measurement_uid", "<u4"),
        ("scan_counter", "<u4"),
        ("acquisition_time_stamp", "<u4"),
        ("physiology_time_stamp", "<u4", (3,)),
        ("center_sample", "<u2"),
        ("discard_pre", "<u2"),
        ("discard_post", "<u2"),
        ("sample_time_us", "<f4"),
        ("position", "<f4", (3,)),
        ("read_dir", "<f4", (3,)),
        ("phase_dir", "<f4", (3,)),
        ("slice_dir", "<f4", (3,)),
        ("patient_table_position", "<f4", (3,)),
        ("kspace_encode_step_1", "<u2"),
        ("kspace_encode_step_2", "<u2"),
        ("average", "<u2"),
        ("slice", "<u2"),
        ("contrast", "<u2"),
        ("phase", "<u2"),
        ("repetition", "<u2"),
        ("set", "<u2"),
        ("segment", "<u2"),
    ]
)


@dataclass(frozen=True, eq=False)
class Readouts:
    """Readouts of equal length, in the order in which they were measured.

    Parameters
    ----------
    data : array, shape (N, coils, samples), complex64
        Samples in the order of increasing k (the reader has turned reversed readouts round), readout oversampling
        included.
    headers : array, shape (N,), dtype READOUT
        One record for each readout.

    Raises
    ------
    InputError
        If the shapes do not belong together.
    """

    data: NDArray[np.complex64]
    headers: NDArray[Any]

    def __post_init__(self) -> None:
        if self.data.ndim != 3 or self.data.dtype != np.complex64:
            raise InputError(
                f"Readouts are complex64 (N, coils, samples), got {self.data.dtype} {self.data.shape}: convert them."
            )
        if self.headers.shape != self.data.shape[:1] or self.headers.dtype != READOUT:
            raise InputError(
                f"{len(self.data)} readouts need as many READOUT headers, got {self.headers.shape} of "
                f"{self.headers.dtype}: build them with np.zeros(n, READOUT)."
            )

    def __len__(self) -> int:
        return len(self.headers)

    @property
    def n_coils(self) -> int:
        """Number of receive channels."""
        return int(self.data.shape[1])

    @property
    def n_samples(self) -> int:
        """Number of samples in a readout."""
        return int(self.data.shape[2])

    @property
    def dwell_us(self) -> float:
        """Time between two samples in microseconds, 0 if the headers do not say."""
        return float(np.median(self.headers["sample_time_us"])) if len(self) else 0.0

    def having(self, flag: Flag) -> NDArray[np.bool_]:
        """Tell for each readout whether it carries any of the bits of ``flag``."""
        return np.asarray(self.headers["flags"] & np.uint64(flag) != 0)

    def select(self, chosen: NDArray[Any]) -> "Readouts":
        """Readouts chosen by a mask or an index array (copies the samples)."""
        return Readouts(self.data[chosen], self.headers[chosen])
