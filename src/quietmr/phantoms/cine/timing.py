"""What happens when in a sequence: heartbeat, breathing, passage of contrast agent, blood that flows in."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Course = NDArray[np.floating[Any]]

# Compartments in the order in which a bolus reaches them.
COMPARTMENTS = ("right", "lungs", "left", "muscle", "organs")
# Delay behind the right ventricle in heartbeats, and how much longer than there the bolus takes.
_DELAYS = {"right": 0.0, "lungs": 3.0, "left": 6.0, "muscle": 9.0, "organs": 12.0}
_SPREADS = {"right": 1.0, "lungs": 1.4, "left": 1.6, "muscle": 4.0, "organs": 6.0}


@dataclass(frozen=True)
class Timing:
    """Courses over the T frames of a sequence.

    Attributes
    ----------
    squeeze : array, shape (T,)
        Contraction of the ventricles, 0 to 1.
    flow : array, shape (T,)
        Speed of the blood, -1 to 1: the change of the contraction.
    breath : array, shape (T,)
        Position of the diaphragm, about 0 to 1.
    contrast : dict of array, shape (T,)
        Brightness of each compartment relative to that without contrast agent.
    """

    squeeze: Course
    flow: Course
    breath: Course
    contrast: dict[str, Course]


def draw_timing(n_frames: int, rng: np.random.Generator) -> Timing:
    """Draw the courses of a sequence: gated or real-time cine, or the first pass of a contrast agent.

    A gated cine shows one heartbeat and no breathing; a real-time cine several, of slightly different length, while
    the patient breathes; a passage takes one frame in each heartbeat at about the same place of the cycle.
    """
    kind = str(rng.choice(["gated", "real-time", "passage"], p=[0.35, 0.42, 0.23]))
    frame = np.arange(n_frames)
    beats: Course
    breath: Course
    contrast: dict[str, Course] = {name: np.ones(n_frames) for name in COMPARTMENTS}
    if kind == "gated":
        beats = frame / n_frames * float(rng.choice([1.0, 1.0, n_frames / rng.uniform(16.0, 40.0)]))
        breath = np.zeros(n_frames)
    elif kind == "real-time":
        beats = np.cumsum(np.exp(0.04 * rng.standard_normal(n_frames)) / rng.uniform(10.0, 30.0))
        breath = breathing(frame / rng.uniform(40.0, 130.0), rng) * (rng.random() < 0.8)
    else:
        beats = 0.02 * rng.standard_normal(n_frames)
        breath = breathing(frame / rng.uniform(3.0, 7.0), rng) * (rng.random() < 0.7)
        contrast = _passage(n_frames, rng)
    phase = beats + rng.random()
    systole = float(rng.uniform(0.28, 0.45))
    squeeze = contraction(phase, systole)
    flow = contraction(phase + 0.02, systole) - contraction(phase - 0.02, systole)
    return Timing(squeeze, flow / max(float(np.abs(flow).max()), 1e-6), breath, contrast)


def contraction(phase: Course, systole: float) -> Course:
    """Contraction of the ventricles, 0 to 1, at phases of the cardiac cycle: fast in, then slowly out with a rest."""
    phase = phase % 1.0
    rise = np.square(np.sin(0.5 * np.pi * phase / systole))
    late = (phase - systole) / (1.0 - systole)
    fall = np.square(np.cos(0.5 * np.pi * np.clip(late / 0.7, 0.0, 1.0)))
    return np.asarray(np.where(phase < systole, rise, fall))


def breathing(cycles: Course, rng: np.random.Generator) -> Course:
    """Position of the diaphragm, 0 to about 1: breathing in is quicker than out, and breaths differ in depth."""
    start = float(rng.random())
    depth = 1.0 + 0.15 * np.sin(2 * np.pi * (0.31 * cycles + start))
    turn = np.pi * (cycles + start) + 0.25 * np.sin(2 * np.pi * (cycles + start))
    return np.asarray(depth * np.square(np.sin(turn)))


def gamma_variate(t: Course, peak: float, sharpness: float) -> Course:
    """Concentration of a bolus: 0 before t = 0, 1 at ``peak``; the larger the sharpness, the narrower."""
    x = np.maximum(t, 0.0) / peak
    return np.asarray((x * np.exp(1.0 - x)) ** sharpness)


def _passage(n_frames: int, rng: np.random.Generator) -> dict[str, Course]:
    """First pass: each compartment brightens in its turn; saturation recovery leaves blood dark before."""
    frame = np.arange(n_frames)
    pace = n_frames / float(rng.uniform(25.0, 70.0))
    arrival = float(rng.uniform(-0.3, 0.4)) * n_frames
    gain = {"right": 3.0, "lungs": 2.0, "left": 2.6, "muscle": 1.1, "organs": 0.8}
    courses = {}
    for name in COMPARTMENTS:
        t = frame - arrival - _DELAYS[name] * pace * rng.uniform(0.8, 1.2)
        peak = 4.0 * pace * _SPREADS[name] * rng.uniform(0.8, 1.3)
        bolus = gamma_variate(t, peak, float(rng.uniform(1.0, 2.5)))
        late = np.clip(t / (3.0 * peak), 0.0, 1.0) * rng.uniform(0.1, 0.5)
        courses[name] = 1.0 + gain[name] * float(rng.uniform(0.5, 1.3)) * np.maximum(bolus, late)
    return courses
