"""Scans with their own noise, to learn from without clean references."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image, InputError
from quietmr.io import read
from quietmr.noise import estimate_noise
from quietmr.training.scan_files import find_scans
from quietmr.training.scan_recipe import ScanRecipe
from quietmr.training.scans import magnitude_of, tissue_level


@dataclass(frozen=True, eq=False)
class NoisyScan:
    """A scan with its own noise.

    Attributes
    ----------
    name : str
        File, for messages.
    frames : array, shape (T, F, Y, X), float32
        Magnitude in units of the brightest tissue; several frames show the same thing again.
    sigma : float
        Noise SD per real channel in these units.
    support : (float, float, float)
        Filled part of k-space along (F, Y, X): how the noise is correlated.
    """

    name: str
    frames: NDArray[np.float32]
    sigma: float
    support: tuple[float, float, float] = (1.0, 1.0, 1.0)


def load_noisy(settings: ScanRecipe, *, repeats: bool) -> list[NoisyScan]:
    """Read scans with their own noise.

    Parameters
    ----------
    settings : ScanRecipe
    repeats : bool
        Whether the frames of a scan have to show the same thing again; False makes a scan of each frame.

    Raises
    ------
    InputError
        If there is no scan, one cannot be read or is signed, no noise is found, or there are no repeats where they
        are needed.
    """
    scans: list[NoisyScan] = []
    for path in find_scans(settings):
        image = read(path)
        frames = magnitude_of(image, path)
        sigma, support = _noise(image, settings.sigma, path)
        scan = _in_tissue_units(NoisyScan(path.name, frames, sigma, support), path)
        if repeats:
            _check_repeats(image, path)
            scans.append(scan)
        else:
            scans += [replace(scan, frames=frame[None]) for frame in scan.frames]
    return scans


def _in_tissue_units(scan: NoisyScan, path: Path) -> NoisyScan:
    level = tissue_level(scan.frames)
    if level <= 0:
        raise InputError(f"{path} is empty: leave it out.")
    return replace(scan, frames=scan.frames / np.float32(level), sigma=scan.sigma / level)


def _noise(image: Image, told: float | None, path: Path) -> tuple[float, tuple[float, float, float]]:
    noise = image.noise if image.noise is not None else estimate_noise(image)
    if noise.kind == "gaussian":
        raise InputError(f"{path} has negative values, so it is not a magnitude image: give the magnitude.")
    sigma = noise.level if told is None else told
    if sigma <= 0:
        raise InputError(f"No noise was found in {path}: leave it out, or give scans.sigma.")
    return sigma, noise.support or (1.0, 1.0, 1.0)


def _check_repeats(image: Image, path: Path) -> None:
    if image.shape[0] < 2:
        raise InputError(f"{path} has one frame, but loss 'noise2noise' needs repeats: set loss=sure for such scans.")
    if image.frames in ("direction", "echo"):
        raise InputError(f"The frames of {path} differ by {image.frames}, so they are not repeats: set loss=sure.")
