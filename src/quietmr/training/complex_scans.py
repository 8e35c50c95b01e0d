"""Scans for the training of complex networks: their own phase, noise and g-maps as far as they have them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image, InputError, NoiseMap, QuietmrError
from quietmr.denoise.stacks import FrameAxis, frame_axis, to_stacks
from quietmr.io import read
from quietmr.io.complex_series import case_names, holds_series, read_case
from quietmr.io.raw import is_raw, read_raw
from quietmr.noise import estimate_noise
from quietmr.recon import gfactor_maps, reconstruct
from quietmr.training.gmap_bank import bounded
from quietmr.training.patches import fits
from quietmr.training.recipe import Patch
from quietmr.training.scan_recipe import ScanRecipe
from quietmr.training.scans import clean_frames, split, split_axis, tissue_level

# Magnitudes in float32, or complex64.
Picture: TypeAlias = NDArray[Any]
Map: TypeAlias = NDArray[np.float32]
# A file or folder, and the name of a case in it; none if it is a scan as a whole.
Unit: TypeAlias = tuple[Path, str]

# SNR of the brightest tissue below which a scan with noise of its own teaches its noise more than its content.
_LEAST_SNR = 10.0
_FRAMES = 4  # of a series from which on neighbors in time serve a network, as quietmr.denoise.stacks has it


@dataclass(frozen=True, eq=False)
class ComplexScan:
    """A scan, or a piece of it, that complex patches are cut from; brightest tissue = 1.

    Attributes
    ----------
    picture : array, shape (F, Y, X)
        Complex, with its own phase; or a magnitude that counts as clean and gets a drawn phase.
    native : array, shape (F or 1, Y, X), or None
        SD per real channel of the noise that it holds; None if it counts as clean.
    gmaps : tuple of array, shape (F or 1, Y, X)
        Its own g-map and those of other accelerations; none if it has none.
    in_time : bool
        Whether F is time.
    """

    picture: Picture
    native: Map | None = None
    gmaps: tuple[Map, ...] = ()
    in_time: bool = False

    @property
    def n_bytes(self) -> int:
        """Memory that it takes."""
        maps = self.gmaps if self.native is None else (self.native, *self.gmaps)
        return int(self.picture.nbytes + sum(one.nbytes for one in maps))

    def patch(self, patch: Patch) -> Patch:
        """Give the patch to be cut: noise would not survive a zoom, so what holds some is cut as it is."""
        return patch if self.native is None or patch.zoom == 1 else patch.model_copy(update={"zoom": 1})

    def fits(self, patch: Patch) -> bool:
        """Whether a patch can be cut from it."""
        return fits(self.picture, self.patch(patch))

    def split(self, part: float) -> tuple[list["ComplexScan"], "ComplexScan"]:
        """Divide into what training sees and what judges it, see :func:`quietmr.training.scans.split`.

        Of a time series always rows are held out: its frames show the same again.
        """
        axis = -2 if self.in_time else split_axis(self.picture)
        arrays = [self.picture, *([] if self.native is None else [self.native]), *self.gmaps]
        divided = [_divided(array, part, axis, len(self.picture)) for array in arrays]
        pieces = [self._of(list(parts)) for parts in zip(*divided, strict=True)]
        return pieces[:-1], pieces[-1]

    def _of(self, parts: list[Picture]) -> "ComplexScan":
        native = None if self.native is None else parts[1]
        return ComplexScan(parts[0], native, tuple(parts[1 if native is None else 2 :]), self.in_time)


def _divided(array: Picture, part: float, axis: int, frames: int) -> list[Picture]:
    """Pieces for training, and the one held out, of a picture or a map that may be the same for all F."""
    whole = array if axis == -2 or len(array) == frames else np.broadcast_to(array, (frames, *array.shape[1:]))
    training, held_out = split(whole, part, axis)
    return [piece if len(array) == frames else piece[:1] for piece in (*training, held_out)]


def units_of(path: Path) -> list[Unit]:
    """List what can be read on its own: each case of a file of complex series, or a whole scan."""
    return [(path, name) for name in case_names(path)] if holds_series(path) else [(path, "")]


def load_unit(unit: Unit, settings: ScanRecipe) -> list[ComplexScan]:
    """Read one scan: images, raw data (which are reconstructed), or a case of complex series.

    Returns
    -------
    list of ComplexScan
        One for each volume, or for each slice of a time series.

    Raises
    ------
    InputError
        If it cannot be read or reconstructed, is empty, or holds more noise than can be learned from.
    """
    path, case = unit
    name = f"{path} (/{case})" if case else str(path)
    if case:
        stored = read_case(path, case)
        axis: FrameAxis = "time" if len(stored.image.data) >= _FRAMES else "slices"
        return _with_own_phase(stored.image, stored.gmaps, axis, name)
    if path.is_file() and is_raw(path):
        image, gmaps = _reconstructed(path)
        return _with_own_phase(image, gmaps, frame_axis(image), name)
    image = read(path)
    if not image.is_complex:
        return [ComplexScan(frame) for frame in clean_frames(image, path, settings.keep)]
    if image.noise is not None:
        return _with_own_phase(image, np.zeros((0, *image.noise.sigma.shape), np.float32), frame_axis(image), name)
    noise = estimate_noise(image) if settings.sigma is None else NoiseMap(np.array(settings.sigma), kind="complex")
    return _with_own_phase(image.replace(noise=noise), None, frame_axis(image), name)


def _reconstructed(path: Path) -> tuple[Image, Map]:
    """Reconstruct a raw scan in SNR units, and its g-maps of other accelerations (N, 1, Z, Y, X) if they follow."""
    kspace = read_raw(path)
    try:
        image = reconstruct(kspace)
    except QuietmrError as problem:
        raise InputError(f"{path} cannot be learned from: {problem}") from None
    try:
        others = gfactor_maps(kspace).data
    except InputError:  # too few calibration lines
        others = np.zeros((0, *image.shape[1:]), np.float32)
    return image, others[:, None]


def _with_own_phase(image: Image, others: Map | None, axis: FrameAxis, name: str) -> list[ComplexScan]:
    """Divide a complex image with known noise into scans.

    ``others`` are g-maps (N, T or 1, Z or 1, Y, X) beside its noise map; None if that one was not told but measured.
    """
    assert image.noise is not None, "it was told or measured"
    if not np.isfinite(image.data).all():
        raise InputError(f"{name} has values that are not finite (NaN or infinite): leave it out or repair it.")
    level, sd = tissue_level(np.abs(image.data)), image.noise.level
    if level <= 0:
        raise InputError(f"{name} is empty: leave it out.")
    if level < _LEAST_SNR * sd:
        raise InputError(
            f"{name} has an SNR of {level / sd:.1f} in its brightest tissue, and its noise is part of what a network "
            f"learns to keep: give scans with {_LEAST_SNR:g} or more."
        )
    native = bounded(image.noise.sigma / np.float32(level)) if sd > 0 else None
    own = image.noise.sigma if image.unit == "snr" else image.noise.sigma / np.float32(sd or 1)
    maps = [] if others is None or sd == 0 else [bounded(own), *(bounded(other) for other in others)]
    stacks: Picture = to_stacks(np.asarray(image.data / np.float32(level), np.complex64), axis)
    plane = image.shape[2:]
    return [
        ComplexScan(
            np.asarray(stack),
            None if native is None else _of_stack(native, axis, i, plane),
            tuple(_of_stack(one, axis, i, plane) for one in maps),
            in_time=axis == "time",
        )
        for i, stack in enumerate(stacks)
    ]


def _of_stack(sigma: Map, axis: FrameAxis, i: int, plane: tuple[int, int]) -> Map:
    """Give the map (F or 1, Y, X) of a stack; one number stands for a plane."""
    stacks = to_stacks(sigma.reshape((1,) * (4 - sigma.ndim) + sigma.shape), axis)
    chosen = stacks[i if len(stacks) > 1 else 0]
    return np.ascontiguousarray(np.broadcast_to(chosen, (len(chosen), *plane)))
