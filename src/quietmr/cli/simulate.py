"""``quietmr simulate``."""

from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from quietmr.cli.arguments import Flag


def _value(metavar: str) -> object:
    return tyro.conf.arg(metavar=metavar, help_behavior_hint="")


_Count = Annotated[int, _value("N")]
_Number = Annotated[float, _value("S")]
_Sizes = Annotated[str, _value("NxN")]
_OptionalSizes = Annotated[str | None, _value("NxN")]


@dataclass(frozen=True)
class Simulate:
    """Simulate a raw scan with known truth.

    Writes MRD (ISMRMRD) raw data of a phantom: coils around a moving body, correlated noise, a noise scan, parallel
    imaging. The truth lies in the same file under /truth: noise-free image in SNR units, coil maps, noise covariance,
    whitening matrix, g-factor map, mask of the object, tissues of the heart.

    For example:
      quietmr simulate raw cine.h5 --r 3 --frames 20
      quietmr simulate raw head.h5 --subject brain --matrix 128x112x40 --r 2 --r2 2 --caipi 1
      quietmr simulate raw replicas.h5 --subject disk --r 2 --acs separate --repetitions 64
      quietmr simulate raw free.h5 --timing real-time --breathing 12 --frames 32 --r 5 --acs separate
      quietmr simulate raw bolus.h5 --timing first-pass --frames 36 --r 4
    """

    action: Annotated[Literal["raw"], tyro.conf.Positional, tyro.conf.arg(help_behavior_hint="")]
    """What to simulate: a raw scan."""
    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="OUT.h5", help_behavior_hint="")] = ""
    """File to write."""
    subject: Annotated[Literal["heart", "brain", "disk"], tyro.conf.arg(help_behavior_hint="")] = "heart"
    """A chest with its beating heart, a head, or a smooth ellipse."""
    matrix: _Sizes = "128x128"
    """Image matrix, readout first: 128x96, or 128x112x40 for a 3-D scan."""
    fov: _OptionalSizes = None
    """Field of view in mm, for example 360x270x8 (the last: thickness of a slice, or of the slab); fits the subject."""
    recon_matrix: _OptionalSizes = None
    """Matrix that the protocol wants for the image, if larger."""
    coils: _Count = 16
    """Receive coils."""
    r: _Count = 1
    """Acceleration along y: distance between acquired lines."""
    r2: _Count = 1
    """Acceleration along z of a 3-D scan."""
    caipi: _Count = 0
    """Shift along z from one acquired line to the next (CAIPIRINHA), 0 to r2 - 1."""
    acs: Annotated[
        Literal["none", "embedded", "separate", "interleaved"] | None, tyro.conf.arg(help_behavior_hint="")
    ] = None
    """Where calibration lines are; embedded in accelerated scans."""
    acs_lines: _Sizes = "24"
    """Calibration lines: 24, or 24x16 along y and z."""
    partial_fourier: Annotated[str, _value("P[xP]")] = "1"
    """Acquired part of the lines (and partitions): 0.75, or 0.75x0.875."""
    asymmetric_echo: _Number = 1.0
    """Acquired part of the readout."""
    frames: _Count = 1
    """Cardiac phases; heart and disk move."""
    timing: Annotated[Literal["gated", "real-time", "first-pass"], tyro.conf.arg(help_behavior_hint="")] = "gated"
    """Frames divide one heartbeat, follow each other in real time, or show a passage of contrast agent beat by beat."""
    heart_rate: _Number = 70.0
    """Beats in a minute, unless gated."""
    frame_ms: _Number = 60.0
    """Time between two frames in real time."""
    breathing: _Number = 0.0
    """Travel of the diaphragm in mm in free breathing; needs real-time or first-pass."""
    inflow: _Number = 0.0
    """How much brighter fresh blood is, 0 to 1."""
    repetitions: _Count = 1
    """Repetitions; only the noise is new."""
    averages: _Count = 1
    """Averages of every line."""
    slices: _Count = 1
    """Slices of a 2-D scan."""
    oversampling: _Count = 2
    """Readout oversampling."""
    dwell: _Number = 5.0
    """Time between two samples in microseconds."""
    noise_dwell: _Number = 10.0
    """The same in the noise scan."""
    bandwidth: _Number = 0.793
    """Noise-equivalent bandwidth of the receiver filter, relative to the digitized band."""
    noise_readouts: _Count = 256
    """Readouts of the noise scan; 0 for none."""
    snr: _Number = 20.0
    """Median SNR per real channel in the object, fully sampled."""
    correlation: _Number = 0.5
    """How much of the coils' noise comes from the tissue that they share, 0 to 0.99."""
    gain_spread: _Number = 4.0
    """Strongest over weakest receiver gain."""
    seed: _Count = 0
    """Seed of the random numbers; the same seed gives the same file."""
    force: Flag = False
    """Replace a file that exists."""
    quiet: Flag = False
    """Print failures only."""
    json: Flag = False
    """Print one JSON object."""
    debug: Flag = False
    """Show the traceback of a failure."""

    def run(self, command_line: str) -> int:
        """Simulate and write."""
        from quietmr.cli.failures import UsageError
        from quietmr.cli.simulate_raw import simulate_to_file

        if not self.name:
            raise UsageError("Name the file to write: quietmr simulate raw OUT.h5.")
        return simulate_to_file(self, command_line)
