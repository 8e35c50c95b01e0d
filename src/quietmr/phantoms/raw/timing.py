"""When each frame is taken: the phase of the heart, the state of the breath, the time."""

from dataclasses import dataclass

import numpy as np

from quietmr.phantoms.raw.protocol import RawProtocol

# Length of a breath in seconds; the rest at the end of breathing out is long.
_BREATH = 4.2
# Cardiac phase at which a passage of contrast agent is imaged, when the heart lies still, and how far triggers miss it.
_DIASTASIS, _TRIGGER_ERROR = 0.86, 0.012


@dataclass(frozen=True)
class Moment:
    """State of the body in one frame.

    Attributes
    ----------
    cardiac : float
        Phase of the cardiac cycle, 0 (the ventricles are full) to below 1.
    breath : float
        How far the diaphragm has moved towards the feet, 0 (breathed out) to 1.
    seconds : float
        Since the first frame.
    """

    cardiac: float = 0.0
    breath: float = 0.0
    seconds: float = 0.0


def moments(protocol: RawProtocol) -> list[Moment]:
    """State of the body in each frame of a protocol.

    Gated frames divide one cycle, breath held. Frames in real time follow each other while heart and breath run as
    they like. Frames of a first pass are triggered, one in each heartbeat.
    """
    frames = range(protocol.frames)
    if protocol.timing == "gated":
        return [Moment(frame / protocol.frames) for frame in frames]
    if protocol.timing == "real-time":
        times = [frame * protocol.frame_ms / 1000.0 for frame in frames]
        return [Moment(time * protocol.heart_rate / 60.0 % 1.0, _breath(time), time) for time in times]
    times = [frame * 60.0 / protocol.heart_rate for frame in frames]
    phases = [_DIASTASIS + _TRIGGER_ERROR * float(np.sin(2.4 * frame)) for frame in frames]
    return [Moment(phase, _breath(time), time) for phase, time in zip(phases, times, strict=True)]


def _breath(seconds: float) -> float:
    return float(np.sin(np.pi * seconds / _BREATH) ** 4)
