"""What travels: image, noise map, geometry, history. Types only, no algorithms."""

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
from quietmr.data.meta import Meta, Step, Storage
from quietmr.data.noise_map import NoiseKind, NoiseMap, NoiseOrigin

__all__ = [
    "Frames",
    "Geometry",
    "Image",
    "InputError",
    "Meta",
    "MissingExtraError",
    "ModelError",
    "NoiseKind",
    "NoiseMap",
    "NoiseOrigin",
    "OutputError",
    "QuietmrError",
    "QuietmrWarning",
    "Step",
    "Storage",
    "Unit",
]
