"""What each readout of an MRD file is for, by its flags."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Flag

IMAGING, CALIBRATION, NOISE, OTHER_SPACE = "imaging", "calibration", "noise", "other encoding space"

# readouts of these purposes make no image; the first that fits names the readout
_SKIPPED = (
    ("navigation", Flag.NAVIGATION),
    ("phase correction", Flag.PHASE_CORRECTION),
    ("HP feedback", Flag.HP_FEEDBACK),
    ("dummy", Flag.DUMMY),
    ("RT feedback", Flag.RT_FEEDBACK),
    ("surface coil correction", Flag.SURFACE_COIL_CORRECTION),
    ("phase stabilization", Flag.PHASE_STABILIZATION_REFERENCE | Flag.PHASE_STABILIZATION),
)
PURPOSES = (IMAGING, CALIBRATION, NOISE, OTHER_SPACE, *(name for name, _ in _SKIPPED))


def purposes(flags: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Index into `PURPOSES` for each readout.

    Noise comes before everything else, then what is skipped; calibration lines that serve imaging as well are imaging.

    Parameters
    ----------
    flags : array, shape (N,), uint64
        Field ``flags`` of the headers.
    """
    result = np.full(flags.shape, PURPOSES.index(IMAGING))
    result[_any(flags, Flag.CALIBRATION) & ~_any(flags, Flag.CALIBRATION_AND_IMAGING)] = PURPOSES.index(CALIBRATION)
    for name, flag in reversed(_SKIPPED):
        result[_any(flags, flag)] = PURPOSES.index(name)
    result[_any(flags, Flag.NOISE)] = PURPOSES.index(NOISE)
    return result


def _any(flags: NDArray[np.uint64], flag: Flag) -> NDArray[Any]:
    return np.asarray((flags & np.uint64(flag)) != 0)
