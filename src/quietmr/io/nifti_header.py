"""The header of a NIfTI file: what it says, kept byte by byte, changed only where the image changed."""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from nibabel import Nifti1Header, Nifti2Header
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from quietmr._version import __version__
from quietmr.data import Geometry, Image, OutputError, Storage

_SIZES = {348: Nifti1Header, 540: Nifti2Header}
_MILLIMETRES = {1: 1000.0, 3: 0.001}
_SECONDS = {8: 1.0, 16: 1e-3, 24: 1e-6}
_ERROR_LEVEL = 40
_WARNING_LEVEL = 30
