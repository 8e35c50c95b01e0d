"""What travels: raw scan, image, noise map, geometry, history. Types only, no algorithms."""

from quietmr.data.errors import (
    InputError,
    MissingExtraError,
    ModelError,
    OutputError,
    QuietmrError,
    QuietmrWarning,
)
from quietmr.data.geometry import Geometry
from quietmr.data.image import Frames, Image, Unit
from quietmr.data.kspace import Acquired, Calibration, Encoding, KSpace, Limits, System
from quietmr.data.mask import mask_over
from quietmr.data.meta import Meta, Step, Storage
from quietmr.data.noise_map import NoiseKind, NoiseMap, NoiseOrigin
from quietmr.data.readouts import READOUT, Flag, Readouts

__all__ = [
    "READOUT",
    "Acquired",
    "Calibration",
    "Encoding",
    "Flag",
    "Frames",
    "Geometry",
    "Image",
    "InputError",
    "KSpace",
    "Limits",
    "Meta",
    "MissingExtraError",
    "ModelError",
    "NoiseKind",
    "NoiseMap",
    "NoiseOrigin",
    "OutputError",
    "QuietmrError",
    "QuietmrWarning",
    "Readouts",
    "Step",
    "Storage",
    "System",
    "Unit",
    "mask_over",
]
