"""g-factor maps for training: of simulated coil rings, and smooth ones."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from quietmr.phantoms.raw import RawProtocol, simulate_raw
from quietmr.recon import gfactor_maps
from quietmr.training.mr_recipe import MrRecipe
from quietmr.training.rolling import RollingBank

Map = NDArray[np.float32]

_COILS = (8, 12, 16, 20, 32)
_CALIBRATION = 32  # lines: enough for R = 8
_SYNTHETIC = 0.25  # share of smooth maps
_SMALLEST_PART = 0.35  # of a map along each axis, cut and enlarged to a patch
# Of the median: coils that see nothing leave g near 0 in air, and no scan is read where g is higher.
_LOWEST, _HIGHEST = 0.1, 20.0
_GROWTH = 16  # maps taken for each new scan while the bank fills


class GmapBank:
    """Draws g-maps of patches.

    Parameters
    ----------
    settings : MrRecipe
    rng : numpy Generator
    """

    def __init__(self, settings: MrRecipe, rng: np.random.Generator) -> None:
        self.settings, self.rng = settings, rng
        self.scans = RollingBank(
            lambda: scan_gmaps(settings.gmap_matrix, rng), settings.gmap_scans, settings.gmap_reuse, rng, growth=_GROWTH
        )

    def draw(self, shape: tuple[int, int]) -> Map:
        """Draw the map of a patch.

        Parameters
        ----------
        shape : (Y, X)

        Returns
        -------
        array, shape (Y, X), float32
            Positive: 1 everywhere, a part of the map of a simulated scan, or smooth swells.
        """
        if self.rng.random() < self.settings.uniform:
            return np.ones(shape, np.float32)
        if self.rng.random() < _SYNTHETIC:
            return smooth_gmap(shape, self.rng)
        maps = self.scans.draw()
        return cut_gmap(maps[int(self.rng.integers(len(maps)))], shape, self.rng)


def scan_gmaps(matrix: int, rng: np.random.Generator) -> Map:
    """Simulate a small scan with a random ring of coils, and compute its g-maps (N, Y, X) for R = 2 to 8."""
    protocol = RawProtocol(
        subject="heart" if rng.random() < 0.5 else "brain",
        matrix=(matrix, matrix, 1),
        coils=int(rng.choice(_COILS)),
        calibration_lines=(_CALIBRATION, _CALIBRATION),
        snr=float(rng.uniform(15.0, 60.0)),
    )
    return np.asarray(gfactor_maps(simulate_raw(protocol, rng).kspace).data[:, 0], dtype=np.float32)


def cut_gmap(gmap: Map, shape: tuple[int, int], rng: np.random.Generator) -> Map:
    """Cut a random part of a map (Y, X), enlarge it linearly to a patch, flip and turn it at random."""
    if rng.random() < 0.5:
        gmap = gmap.T
    size = [int(np.ceil(n * rng.uniform(_SMALLEST_PART, 1.0))) for n in gmap.shape]
    corner = [int(rng.integers(0, n - wide + 1)) for n, wide in zip(gmap.shape, size, strict=True)]
    part = gmap[corner[0] : corner[0] + size[0], corner[1] : corner[1] + size[1]]
    for axis in (0, 1):
        if rng.random() < 0.5:
            part = np.flip(part, axis)
    wide = torch.from_numpy(np.ascontiguousarray(part))[None, None]
    fitted = functional.interpolate(wide, size=shape, mode="bilinear", align_corners=True)[0, 0].numpy()
    return bounded(fitted)


def smooth_gmap(shape: tuple[int, int], rng: np.random.Generator) -> Map:
    """Draw a map of smooth swells, and in half of the cases bands across one axis: surface coils, few channels."""
    position = [np.linspace(-1, 1, n, dtype=np.float32) for n in shape]
    log_g = np.zeros(shape, np.float32)
    for _ in range(3):
        along = rng.uniform(-1.5, 1.5, 2)
        wave = along[0] * position[0][:, None] + along[1] * position[1][None, :]
        log_g += np.float32(rng.uniform(0, 0.35)) * np.cos(np.pi * (wave + rng.uniform(0, 2))).astype(np.float32)
    g = np.exp(log_g)
    if rng.random() < 0.5:
        axis, bands = int(rng.integers(2)), int(rng.integers(1, 5))
        ripple = np.cos(np.pi * (bands * position[axis] + rng.uniform(0, 2))).clip(0.0)
        g *= 1 + np.float32(rng.uniform(0.2, 2.5)) * (ripple[:, None] if axis == 0 else ripple[None, :]) ** 2
    return bounded(g)


def bounded(gmap: Map) -> Map:
    """Keep a map between a tenth and 20 times its median, in which places with g = 0 (masked out) do not count."""
    level = float(np.median(gmap[gmap > 0]))
    return np.asarray(np.clip(gmap, _LOWEST * level, _HIGHEST * level), dtype=np.float32)
