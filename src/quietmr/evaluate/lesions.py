"""Lesion survival: bumps of known size and contrast are planted into the signal; what is left of them is measured."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image, InputError, NoiseMap
from quietmr.denoise import Denoiser
from quietmr.evaluate.bumps import Bump, Voxel, place_bumps
from quietmr.evaluate.fresh_noise import Around, take_signal
from quietmr.evaluate.lesion_survival import LesionSurvival
from quietmr.evaluate.replicas import Replicas
from quietmr.evaluate.tissue import asked_for
from quietmr.evaluate.typical_block import Region, crop

DIAMETERS_MM = (2.0, 3.0, 5.0)
CONTRASTS = (2.0, 4.0, 8.0)
COUNT = 12


def lesion_survival(  # noqa: PLR0913 - what is planted, where, and by which draws
    denoiser: Denoiser,
    image: Image,
    noise: NoiseMap,
    *,
    diameters_mm: Sequence[float] = DIAMETERS_MM,
    contrasts: Sequence[float] = CONTRASTS,
    count: int = COUNT,
    rng: np.random.Generator,
    mask: NDArray[np.bool_] | None = None,
    region: Region | None = None,
    around: Image | Around = "denoised",
    progress: Callable[[float], None] | None = None,
) -> LesionSurvival:
    """Measure how much of a small lesion survives a denoiser, by its size and contrast.

    The same noise is added to the signal without and with bumps, and both are denoised: the difference is what became
    of the bumps (a method of common random numbers). Its least-squares factor on what was planted is the part kept.
    One pass holds bumps of all sizes, apart from each other, as far as there is room; so the denoiser runs once per
    contrast, and twice more.

    Parameters
    ----------
    denoiser : Denoiser
    image : Image
        The noisy image. Bumps of a series are there in all frames; a flat image gets flat ones.
    noise : NoiseMap
        Its noise.
    diameters_mm : sequence of float
        Full width at half maximum of the Gaussian bumps, in mm.
    contrasts : sequence of float
        Their peak over the tissue in SDs of the noise at their place; negative for dark ones. Complex images: along the
        phase of the tissue.
    count : int
        Bumps of each size and contrast.
    rng : numpy.random.Generator
    mask : array of bool, broadcastable to (T, Z, Y, X), optional
        Where bumps may lie; tissue without it.
    region : (slice, slice, slice), optional
        Block along Z, Y, X to which the image is cut first, such as `typical_block.typical_block` finds.
    around : Image or {"denoised", "image"}
        The signal: the truth, if there is one, or one of two substitutes, see `monte_carlo.noise_gain`. The denoised
        image is smoother than the truth, which makes a bump a little easier to tell from its surroundings.
    progress : callable, optional
        Is told the done part, 0 to 1.

    Returns
    -------
    LesionSurvival
        Kept is relative to the planted signal. The Rician law itself takes about 1 / (2 SNR^2) of a contrast, so that
        a denoiser that does nothing keeps a little less than 1 of a magnitude at low SNR, and exactly 1 otherwise.

    Raises
    ------
    InputError
        If a size, contrast or count makes no sense, the tissue has no room, or a shape does not fit.
    """
    _check(diameters_mm, contrasts, count)
    if mask is not None:
        mask = asked_for(image, noise, mask)
    if region is not None:
        image, noise, mask, around = _cut(image, noise, mask, around, region)
    signal, told = take_signal(denoiser, image, noise, around)
    # Tissue of the signal: noise would riddle it with holes, in which no bump may lie.
    inside = asked_for(image.replace(data=signal), noise, mask)
    x, y, z = image.geometry.voxel_size
    voxel = z, y, x
    # In a series, tissue may be dark in some frames.
    where = (inside.mean(axis=0) >= 0.5) & _is_bright_enough(signal, noise, contrasts)
    sheets = place_bumps(where, voxel, diameters_mm, count, rng)
    seed = int(rng.integers(2**63))
    passes, done = 1 + len(contrasts) * len(sheets), 0

    def denoised(truth: NDArray[Any]) -> NDArray[Any]:
        nonlocal done
        task = Replicas(denoiser, image.replace(data=truth, noise=None), noise, told)
        result = task(np.random.default_rng(seed))[1]
        done += 1
        if progress is not None:
            progress(done / passes)
        return result

    without = denoised(signal)
    found: dict[tuple[float, float], list[float]] = {(d, c): [] for d in diameters_mm for c in contrasts}
    for contrast in contrasts:
        for sheet in sheets:
            planted = _Planted(sheet, contrast * noise.over(signal.shape), voxel, signal)
            for bump, factor in planted.kept(denoised(planted.image) - without):
                found[bump.diameter, contrast].append(factor)
    kept = np.array([[found[d, c] for c in contrasts] for d in diameters_mm])
    return LesionSurvival(
        tuple(map(float, diameters_mm)),
        tuple(map(float, contrasts)),
        kept.mean(axis=2),
        kept.std(axis=2, ddof=1) / np.sqrt(count),
        count,
    )


@dataclass(frozen=True, eq=False)
class _Planted:
    """Bumps of one contrast in one image."""

    bumps: Sequence[Bump]
    peaks: NDArray[np.floating[Any]]  # contrast in the units of the image, for a bump centered there
    voxel: Voxel
    signal: NDArray[Any]

    @property
    def image(self) -> NDArray[Any]:
        """Signal with the bumps in it."""
        image = self.signal.copy()
        for box, change in self._changes():
            image[box] += change
        return image

    def _changes(self) -> Iterator[tuple[tuple[slice, ...], NDArray[Any]]]:
        """Where each bump lies in all frames, and what it changes there."""
        for bump in self.bumps:
            place, profile = bump.profile(self.signal.shape[1:], self.voxel)
            box = (slice(None), *place)
            peak = self.peaks[:, *bump.center].reshape(-1, 1, 1, 1)
            tissue = self.signal[box]
            change = peak * profile
            if np.iscomplexobj(tissue):
                change = change * np.exp(1j * np.angle(tissue))
            yield box, change.astype(tissue.dtype)

    def kept(self, difference: NDArray[Any]) -> Iterator[tuple[Bump, float]]:
        """Least-squares factor of a difference of two results on each bump."""
        for bump, (box, change) in zip(self.bumps, self._changes(), strict=True):
            planted = change.astype(np.complex128 if np.iscomplexobj(change) else np.float64)
            share = np.vdot(planted, difference[box]).real / np.vdot(planted, planted).real
            yield bump, float(share)


def _is_bright_enough(signal: NDArray[Any], noise: NoiseMap, contrasts: Sequence[float]) -> NDArray[np.bool_]:
    """Where a dark bump does not take a magnitude below zero."""
    darkest = max(0.0, -min(contrasts))
    if noise.kind == "gaussian" or darkest == 0:
        return np.ones(signal.shape[1:], bool)
    above = np.abs(signal) >= darkest * noise.over(signal.shape)
    return np.asarray(above.all(axis=0))


def _cut(
    image: Image, noise: NoiseMap, mask: NDArray[np.bool_] | None, around: Image | Around, region: Region
) -> tuple[Image, NoiseMap, NDArray[np.bool_] | None, Image | Around]:
    where = (slice(None), *region)
    if isinstance(around, Image):
        around = crop(around, region)
    noise = replace(noise, sigma=noise.over(image.shape)[where])
    return crop(image.replace(noise=None), region), noise, None if mask is None else mask[where], around


def _check(diameters: Sequence[float], contrasts: Sequence[float], count: int) -> None:
    if not len(diameters) or not all(0 < d < np.inf for d in diameters):
        raise InputError(f"Diameters of bumps are positive numbers of mm, got {list(diameters)}: give at least one.")
    if not len(contrasts) or not all(c != 0 and np.isfinite(c) for c in contrasts):
        raise InputError(f"Contrasts of bumps are noise SDs other than 0, got {list(contrasts)}: give at least one.")
    if count < 2:
        raise InputError(f"A mean with its error needs at least 2 bumps per size, got {count}: use 12 or more.")
