"""Brightness of the tissues of a chest: of a balanced steady-state sequence, and while contrast agent passes."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Palette:
    """Brightness of each tissue; the brightest is about 1."""

    left_blood: float = 0.95
    right_blood: float = 0.95
    aorta: float = 0.95
    veins: float = 0.855
    liver_vessels: float = 0.665
    lung_vessels: float = 0.45
    heart_muscle: float = 0.34
    muscle: float = 0.30
    fat: float = 0.80
    liver: float = 0.42
    bone: float = 0.16
    lung: float = 0.035
    marrow: float = 0.48
    rib_marrow: float = 0.55
    fluid: float = 1.0
    cord: float = 0.5
    skin: float = 0.5


# Blood and fat are bright, muscle is dark, lungs and bone nearly black.
STEADY = Palette()

# Saturation-prepared and T1-weighted, before contrast agent comes: everything is dark, fat the least.
_BEFORE = Palette(
    left_blood=0.08,
    right_blood=0.08,
    aorta=0.08,
    veins=0.08,
    liver_vessels=0.09,
    lung_vessels=0.04,
    heart_muscle=0.10,
    muscle=0.12,
    fat=0.32,
    liver=0.16,
    bone=0.05,
    lung=0.02,
    marrow=0.16,
    rib_marrow=0.18,
    fluid=0.05,
    cord=0.12,
    skin=0.18,
)


@dataclass(frozen=True)
class _Course:
    """Enhancement of a tissue: a gamma variate that peaks ``rise`` seconds after ``start``, and what stays behind."""

    start: float
    rise: float
    sharpness: float
    peak: float
    stays: float = 0.15

    def at(self, seconds: float) -> float:
        late = max(seconds - self.start, 0.0) / self.rise
        passing = float((late * np.exp(1.0 - late)) ** self.sharpness)
        return self.peak * ((1.0 - self.stays) * passing + self.stays * (1.0 - float(np.exp(-(late**2)))))


# Peak enhancement above the brightness before; the bolus spreads on its way, muscle takes up slowly and keeps it.
_COURSES = {
    "veins": _Course(1.0, 3.5, 2.0, 0.35),
    "right_blood": _Course(2.0, 4.0, 2.5, 0.87),
    "lung_vessels": _Course(4.0, 5.0, 2.5, 0.42),
    "lung": _Course(4.0, 5.0, 2.5, 0.05),
    "left_blood": _Course(6.0, 6.0, 2.5, 0.70),
    "aorta": _Course(6.5, 6.0, 2.5, 0.70),
    "heart_muscle": _Course(8.0, 11.0, 1.2, 0.24, 0.3),
    "liver_vessels": _Course(12.0, 12.0, 1.5, 0.2),
    "liver": _Course(12.0, 20.0, 1.2, 0.1),
    "muscle": _Course(10.0, 16.0, 1.0, 0.05),
}


def first_pass(seconds: float) -> Palette:
    """Brightness while contrast agent passes: right ventricle, lungs, left ventricle, aorta, muscle of the heart.

    Parameters
    ----------
    seconds : float
        Since the first image, which is free of contrast agent.
    """
    return replace(_BEFORE, **{name: getattr(_BEFORE, name) + course.at(seconds) for name, course in _COURSES.items()})
