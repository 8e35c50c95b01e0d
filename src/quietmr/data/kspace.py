"""A raw scan: readouts, noise readouts, and how they fill k-space."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from quietmr.data.errors import InputError
from quietmr.data.meta import Meta, Step
from quietmr.data.readouts import Readouts

Calibration = Literal["none", "embedded", "interleaved", "separate", "external", "other"]


@dataclass(frozen=True)
class Limits:
    """Smallest, largest and central counter of one phase-encoding direction (``encodingLimits`` of ISMRMRD)."""

    minimum: int
    maximum: int
    center: int


@dataclass(frozen=True)
class Encoding:
    """How the readouts fill k-space, as the header says.

    Parameters
    ----------
    matrix : (x, y, z)
        Samples of the full k-space: readout (with oversampling), phase, partition.
    fov : (x, y, z)
        Field of view of ``matrix`` in mm (readout oversampling included).
    recon_matrix, recon_fov : (x, y, z)
        Matrix and field of view of the image that the protocol wants.
    lines, partitions : Limits, optional
        Counters ``kspace_encode_step_1`` and ``kspace_encode_step_2``; None if the header does not say.
    acceleration : (r1, r2)
        Distance between acquired lines and partitions.
    calibration : str
        Where the calibration lines of parallel imaging are.
    trajectory : str
        "cartesian" and others; only Cartesian scans are reconstructed.
    """

    matrix: tuple[int, int, int]
    fov: tuple[float, float, float]
    recon_matrix: tuple[int, int, int]
    recon_fov: tuple[float, float, float]
    lines: Limits | None = None
    partitions: Limits | None = None
    acceleration: tuple[int, int] = (1, 1)
    calibration: Calibration = "none"
    trajectory: str = "cartesian"


@dataclass(frozen=True)
class System:
    """What is known of scanner and measurement.

    Parameters
    ----------
    coil_labels : tuple of str
        Name of each channel in the order of the data; empty if unknown.
    bandwidth : float, optional
        Relative noise-equivalent bandwidth of the receiver (mean of ``|H|^2`` over the digitized band), as the header
        says.
    vendor, model, protocol, measurement_id : str
        Empty if unknown.
    field_strength : float, optional
        In tesla.
    noise_measurement : str
        ID of the noise measurement that this scan depends on; empty if there is none.
    """

    coil_labels: tuple[str, ...] = ()
    bandwidth: float | None = None
    vendor: str = ""
    model: str = ""
    protocol: str = ""
    measurement_id: str = ""
    field_strength: float | None = None
    noise_measurement: str = ""


@dataclass(frozen=True, eq=False)
class KSpace:
    """One raw scan.

    Parameters
    ----------
    imaging : Readouts
        Lines of the images, those that serve calibration as well included.
    encoding : Encoding
        How they fill k-space.
    calibration : Readouts, optional
        Lines that serve calibration only; their length may differ from that of ``imaging``.
    noise : Readouts, optional
        Readouts of noise alone (no excitation).
    system : System
        Scanner and measurement.
    xml : str
        The untouched header of the file, for writing back; empty if there is none.
    meta : Meta
        Format and file that it came from.
    history : tuple of Step
        What the reader did: readouts skipped, by purpose.

    Raises
    ------
    InputError
        If there is no imaging readout, or calibration and imaging differ in the number of coils.
    """

    imaging: Readouts
    encoding: Encoding
    calibration: Readouts | None = None
    noise: Readouts | None = None
    system: System = field(default_factory=System)
    xml: str = ""
    meta: Meta = field(default_factory=Meta)
    history: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        if len(self.imaging) == 0 or self.imaging.data.size == 0:
            raise InputError("The raw scan holds no imaging readout: give the file of the scan, not that of its noise.")
        if self.calibration is not None and self.calibration.n_coils != self.imaging.n_coils:
            raise InputError(
                f"The calibration readouts have {self.calibration.n_coils} coils, the imaging readouts "
                f"{self.imaging.n_coils}: both have to be measured with the same coils."
            )

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed."""
        return replace(self, **changes)


@dataclass(frozen=True, eq=False)
class Acquired:
    """Where and when each picture of a reconstructed image was measured; travels as ``Image.meta.header``.

    Parameters
    ----------
    readouts : array, shape (T, Z), dtype READOUT
        Header of one readout of each frame and slice, that nearest to the center of k-space.
    fov : (x, y, z)
        Field of view of one picture in mm (z: thickness of the slice, or of the slab of a 3-D scan).
    system : System
        Scanner and measurement.
    xml : str
        Header of the raw file; empty if there is none.
    """

    readouts: NDArray[np.void]
    fov: tuple[float, float, float]
    system: System = field(default_factory=System)
    xml: str = ""

    @property
    def has_directions(self) -> bool:
        """Whether the headers say how the pictures lie in the patient (some writers leave all directions 0)."""
        return bool(self.readouts["read_dir"].any() and self.readouts["phase_dir"].any())
