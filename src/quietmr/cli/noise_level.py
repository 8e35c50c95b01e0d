"""The noise level that a user may give, for commands that denoise or judge a scan."""

import math
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from quietmr.cli.failures import UsageError
from quietmr.data import Image, NoiseMap


class _LevelOptions(Protocol):
    @property
    def sigma(self) -> float | None: ...
    @property
    def noise_map_in(self) -> str | None: ...


def check_level(options: _LevelOptions) -> None:
    """Refuse two levels, or one that is none.

    Raises
    ------
    UsageError
        If both options are given, or sigma is not a positive number.
    """
    if options.sigma is not None and options.noise_map_in is not None:
        raise UsageError("--sigma and --noise-map-in both give the noise level: choose one.")
    if options.sigma is not None and not (math.isfinite(options.sigma) and options.sigma > 0):
        raise UsageError(f"--sigma must be a positive number in the units of the scan, got {options.sigma:g}.")


def told_noise(options: _LevelOptions, image: Image, mask: NDArray[np.bool_] | None) -> NoiseMap:
    """Take the given noise, else what the scan carries, else measure it."""
    from quietmr.cli.grids import given_noise, read_noise_map
    from quietmr.noise import estimate_noise

    if options.sigma is not None:
        return given_noise(options.sigma, image)
    if options.noise_map_in is not None:
        return read_noise_map(Path(options.noise_map_in), image)
    return image.noise if image.noise is not None else estimate_noise(image, mask)
