"""What is scanned, and how: the parameters of a simulated raw scan."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from quietmr.data import InputError

Subject = Literal["heart", "brain", "disk"]
Timing = Literal["gated", "real-time", "first-pass"]
CalibrationMode = Literal["none", "embedded", "separate", "interleaved"]

# Field of view along x in mm, thickness of a slice and of a slab, that suit the subjects.
_USUAL_FOV: dict[str, tuple[float, float, float]] = {
    "heart": (400.0, 8.0, 120.0),
    "brain": (230.0, 4.0, 150.0),
    "disk": (256.0, 5.0, 128.0),
}


@dataclass(frozen=True)
class RawProtocol:
    """Parameters of a Cartesian scan.

    Parameters
    ----------
    subject : {"heart", "brain", "disk"}
        A chest with its beating heart in short-axis view, a head, or a smooth ellipse for exact tests.
    matrix : (x, y, z)
        Image matrix, readout oversampling not counted; z > 1 makes a 3-D scan.
    fov : (x, y, z), optional
        Field of view in mm (z: thickness of one slice, or of the slab); chosen for the subject if left out.
    recon_matrix : (x, y, z), optional
        Matrix that the protocol wants for the image (zero-filled); ``matrix`` if left out.
    coils : int
        Receive coils in rings around the body.
    acceleration : (r1, r2)
        Distance between acquired lines, and between acquired partitions.
    caipi_shift : int
        Partitions by which the lattice moves from one acquired line to the next: partition ``kz`` of line ``ky`` is
        acquired if ``kz = o2 + caipi_shift (ky - o1) / r1`` modulo ``r2``.
    calibration : {"none", "embedded", "separate", "interleaved"}
        No calibration lines; a full center within each frame; a full center of its own before the scan; or none, but
        a lattice whose offset changes from frame to frame, so that frames together fill k-space.
    calibration_lines : (ky, kz)
        Size of the full center; at most the matrix is used.
    partial_fourier : (ky, kz)
        Acquired part of the lines and partitions, above 0.5 up to 1; those with the lowest counters are left out.
    asymmetric_echo : float
        Acquired part of the readout, above 0.5 up to 1; its beginning is left out.
    frames : int
        Cardiac phases, or moments (see ``timing``); the object moves from one to the next.
    timing : {"gated", "real-time", "first-pass"}
        Frames divide one cardiac cycle, breath held; or follow each other in free breathing; or show how contrast agent
        passes through the heart, one in each heartbeat, at rest.
    heart_rate : float
        Beats in a minute, unless gated.
    frame_ms : float
        Time between two frames in real time.
    breathing_mm : float
        Travel of the diaphragm in a breath; the heart follows, the chest wall less. 0: breath held.
    inflow : float
        How much brighter blood is that has just come in, 0 to 1.
    repetitions, averages : int
        How often all is measured again; nothing moves, only the noise is new.
    slices : int
        Slices of a 2-D scan.
    oversampling : int
        Of the readout. 1 needs ``receiver_bandwidth`` 1.
    dwell_us, noise_dwell_us : float
        Time between two samples of the imaging readouts (oversampling included) and of the noise readouts.
    receiver_bandwidth : float
        Mean of |H|^2 over the digitized band, H the receiver filter, 0.6 to 1.
    noise_readouts : int
        Readouts of the noise scan; 0 leaves it out.
    snr : float
        Median SNR per real channel, inside the object, of the fully sampled, optimally combined, once averaged image.
    correlation : float
        Strength of the correlation between the noise of neighboring coils, 0 to below 1.
    gain_spread : float
        Ratio between the strongest and the weakest receiver gain, 1 or more.

    Raises
    ------
    InputError
        If the values cannot be a scan.
    """

    subject: Subject = "heart"
    matrix: tuple[int, int, int] = (128, 128, 1)
    fov: tuple[float, float, float] | None = None
    recon_matrix: tuple[int, int, int] | None = None
    coils: int = 16
    acceleration: tuple[int, int] = (1, 1)
    caipi_shift: int = 0
    calibration: CalibrationMode = "none"
    calibration_lines: tuple[int, int] = (24, 24)
    partial_fourier: tuple[float, float] = (1.0, 1.0)
    asymmetric_echo: float = 1.0
    frames: int = 1
    timing: Timing = "gated"
    heart_rate: float = 70.0
    frame_ms: float = 60.0
    breathing_mm: float = 0.0
    inflow: float = 0.0
    repetitions: int = 1
    slices: int = 1
    averages: int = 1
    oversampling: int = 2
    dwell_us: float = 5.0
    noise_dwell_us: float = 10.0
    receiver_bandwidth: float = 0.793
    noise_readouts: int = 256
    snr: float = 20.0
    correlation: float = 0.5
    gain_spread: float = 4.0

    def __post_init__(self) -> None:
        _check_names(self)
        _check_counts(self)
        _check_numbers(self)
        _check_sampling(self)
        _check_motion(self)

    @property
    def is_3d(self) -> bool:
        """True if partitions are encoded."""
        return self.matrix[2] > 1

    @property
    def depth(self) -> int:
        """Pictures along z: slices, or partitions of a 3-D scan."""
        return self.matrix[2] if self.is_3d else self.slices

    @property
    def image_matrix(self) -> tuple[int, int, int]:
        """Matrix that the protocol wants for the image."""
        return self.recon_matrix or self.matrix

    @property
    def field_of_view(self) -> tuple[float, float, float]:
        """Field of view (x, y, z) in mm; chosen for the subject with square pixels of the image if not given."""
        if self.fov is not None:
            return self.fov
        width, thickness, slab = _USUAL_FOV[self.subject]
        return width, width * self.image_matrix[1] / self.image_matrix[0], slab if self.is_3d else thickness

    @property
    def calibration_block(self) -> tuple[int, int]:
        """Lines and partitions of the full center."""
        return min(self.calibration_lines[0], self.matrix[1]), min(self.calibration_lines[1], self.matrix[2])


def first_acquired(count: int, part: float) -> int:
    """First counter of a direction of which only the last ``part`` is acquired."""
    return count - math.ceil(part * count - 1e-9)


def _check_names(protocol: RawProtocol) -> None:
    for name, value, known in (
        ("subject", protocol.subject, get_args(Subject)),
        ("calibration mode", protocol.calibration, get_args(CalibrationMode)),
        ("timing", protocol.timing, get_args(Timing)),
    ):
        if value not in known:
            raise InputError(f"There is no {name} '{value}': choose one of {', '.join(known)}.")


def _check_counts(protocol: RawProtocol) -> None:
    counts = {
        "matrix": (protocol.matrix, 1, 4096),
        "recon matrix": (protocol.image_matrix, 1, 4096),
        "coils": ((protocol.coils,), 1, 512),
        "acceleration": (protocol.acceleration, 1, 64),
        "calibration lines": (protocol.calibration_lines, 1, 4096),
        "frames, repetitions, slices, averages": (
            (protocol.frames, protocol.repetitions, protocol.slices, protocol.averages),
            1,
            65535,
        ),
        "oversampling": ((protocol.oversampling,), 1, 4),
        "noise readouts": ((protocol.noise_readouts,), 0, 1_000_000),
    }
    for name, (values, lowest, highest) in counts.items():
        if not all(isinstance(value, int | np.integer) and lowest <= value <= highest for value in values):
            got = " x ".join(map(str, values))
            raise InputError(f"The protocol got {got} for {name}: give whole numbers from {lowest} to {highest}.")
    x, y, z = protocol.matrix
    if min(x, y) < 8 or x % 2:
        raise InputError(f"The matrix {x} x {y} x {z} is too small or has an odd x: give 8 or more, x even.")
    if any(wanted < made for wanted, made in zip(protocol.image_matrix, protocol.matrix, strict=True)):
        raise InputError(
            f"The recon matrix {protocol.image_matrix} is smaller than the matrix {protocol.matrix}: "
            "give one at least as large."
        )
    if protocol.is_3d and protocol.slices > 1:
        raise InputError(f"A 3-D scan of {z} partitions cannot have {protocol.slices} slices: give one of the two.")


def _check_numbers(protocol: RawProtocol) -> None:
    numbers = {
        "the field of view (mm)": (protocol.field_of_view, 1.0, 1e4),
        "the dwell times (us)": ((protocol.dwell_us, protocol.noise_dwell_us), 1e-2, 1e4),
        "the receiver bandwidth": ((protocol.receiver_bandwidth,), 0.6, 1.0),
        "SNR": ((protocol.snr,), 1e-3, 1e6),
        "the gain spread": ((protocol.gain_spread,), 1.0, 1e3),
        "the correlation": ((protocol.correlation,), 0.0, 0.99),
        "partial Fourier": (protocol.partial_fourier, 0.501, 1.0),
        "the asymmetric echo": ((protocol.asymmetric_echo,), 0.501, 1.0),
        "the heart rate (beats in a minute)": ((protocol.heart_rate,), 20.0, 300.0),
        "the time between frames (ms)": ((protocol.frame_ms,), 1.0, 10000.0),
        "the travel of the diaphragm (mm)": ((protocol.breathing_mm,), 0.0, 40.0),
        "inflow": ((protocol.inflow,), 0.0, 1.0),
    }
    for name, (values, lowest, highest) in numbers.items():
        # Written so that NaN fails as well.
        if not all(lowest <= value <= highest for value in values):
            got = ", ".join(f"{value:g}" for value in values)
            raise InputError(f"The protocol got {got} for {name}: give a number from {lowest:g} to {highest:g}.")
    if protocol.oversampling == 1 and protocol.receiver_bandwidth < 1:
        raise InputError(
            "Without readout oversampling the roll-off of the receiver would lie in the image: "
            "give oversampling 2, or receiver bandwidth 1."
        )


def _check_motion(protocol: RawProtocol) -> None:
    wanted = protocol.breathing_mm or protocol.inflow or protocol.timing == "first-pass"
    if wanted and protocol.subject != "heart":
        raise InputError(
            f"Breathing, inflow and contrast agent are those of a chest, not of the subject '{protocol.subject}': "
            "take the subject heart."
        )
    if protocol.breathing_mm and protocol.timing == "gated":
        raise InputError(
            "Gated frames are of one breath-hold: give the timing real-time or first-pass, or no breathing."
        )


def _check_sampling(protocol: RawProtocol) -> None:
    (r1, r2), (_, y, z) = protocol.acceleration, protocol.matrix
    if r2 > 1 and not protocol.is_3d:
        raise InputError(f"Acceleration {r2} along z needs a 3-D scan: give a matrix with z > 1.")
    if r1 * r2 > protocol.coils:
        raise InputError(
            f"{protocol.coils} coils cannot unfold an acceleration of {r1} x {r2}: "
            f"give at most {protocol.coils}, or more coils."
        )
    if r1 > y // 2 or r2 > max(1, z // 2):
        raise InputError(f"An acceleration of {r1} x {r2} leaves no lines of {y} x {z}: give a smaller one.")
    if not 0 <= protocol.caipi_shift < r2:
        raise InputError(f"A CAIPI shift of {protocol.caipi_shift} makes no sense: give 0 to r2 - 1 = {r2 - 1}.")
    if protocol.calibration == "interleaved" and protocol.frames + protocol.repetitions - 1 < r1 * r2:
        raise InputError(
            f"Interleaved calibration at {r1} x {r2} needs {r1 * r2} frames or repetitions, got "
            f"{protocol.frames} and {protocol.repetitions}: give more, or another calibration mode."
        )
    if protocol.calibration in ("embedded", "separate"):
        for axis, count, part, block in zip(
            ("lines", "partitions"), (y, z), protocol.partial_fourier, protocol.calibration_block, strict=True
        ):
            if count // 2 - block // 2 < first_acquired(count, part):
                raise InputError(
                    f"{block} calibration {axis} do not fit into partial Fourier {part:g} of {count}: "
                    f"give at most {2 * (count // 2 - first_acquired(count, part))}."
                )
