"""The pair of images, ready to be tested: in noise units, slice by slice, with the law of magnitudes allowed for."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from scipy.optimize import brentq

from quietmr.data import Image, InputError, NoiseMap, mask_over
from quietmr.evaluate.residual.bands import FINE, Pixels, Reals
from quietmr.noise import rician_mean, rician_variance, signal_from_mean
from quietmr.signal.finite import fill_nonfinite

Mask = NDArray[np.bool_]
Floats = NDArray[np.floating[Any]]

_SAMPLE = 1_000_000  # voxels that are enough for numbers about the whole image
_VISIBLE, _BRIGHT = 3.0, 0.1  # tissue: local mean over the noise SD, and over the 99th percentile
_WHOLE = 0.95  # share of the neighbours (9 x 9) that must be present
_FLAT = 0.4  # share of tissue with the least detail
_FEW, _ENOUGH = 100, 100_000  # voxels in which a bias can be read, and in which it is read well
_NEAR = 0.25, 2.0  # between these factors the bias of a magnitude passes for rightly removed
_MOST = 100.0  # as if told ten times the noise
_ABSURD = 1e15  # noise SDs
_STRONG, _ENTRIES = 64.0, 8193  # SNR from which the laws of magnitudes have settled, and entries of their tables


@dataclass(frozen=True, eq=False)
class Planes:
    """Two images in units of the noise SD per real channel; arrays have shape (P, Y, X), P = frames times slices.

    Attributes
    ----------
    before : array, float32 or complex64
    after : array
        What the noisy image would be on average if the denoised one were the truth.
    present : array of bool
        Where there is noise: finite, inside the mask, not set to zero.
    tissue : array of bool
        Where the image stands above the noise besides.
    variance : array, float32
        Variance of the noise per real channel: 1, or less where a magnitude is weak (Rician law).
    """

    before: Pixels
    after: Pixels
    present: Mask
    tissue: Mask
    variance: Reals

    @property
    def channels(self) -> int:
        """Real channels of a pixel."""
        return 2 if self.before.dtype.kind == "c" else 1

    def sample(self) -> "Planes":
        """Evenly spaced planes, enough for numbers about the whole."""
        step = 1 + self.before.size // _SAMPLE
        return self.part(slice(step // 2, None, step))

    def part(self, which: slice) -> "Planes":
        """Take some of the planes."""
        return Planes(
            self.before[which], self.after[which], self.present[which], self.tissue[which], self.variance[which]
        )

    def power(self, values: Pixels) -> Reals:
        """Squared value per real channel."""
        if self.channels == 2:
            half: Reals = 0.5 * (values.real**2 + values.imag**2)
            return half
        return np.square(values)


def prepare(before: Image, after: Image, noise: NoiseMap, mask: NDArray[np.bool_] | None) -> Planes:
    """Check the pair and put it into noise units.

    Raises
    ------
    InputError
        If the images, the noise map or the mask do not fit, or a frame holds no finite number.
    """
    sigma = _checked(before, after, noise)
    level = np.where(sigma > 0, sigma, 1).astype(np.float32)
    (noisy, bad_noisy), (clean, bad_clean) = _numbers(before.data / level), _numbers(after.data / level)
    known = ~(bad_noisy | bad_clean) & (sigma > 0) & _inside(mask, before.shape)
    flat = (-1, *before.shape[2:])
    noisy, clean = noisy.reshape(flat), clean.reshape(flat)
    known = known.reshape(flat)
    there = known & (noisy != 0)
    present = known & (_box(there, 9) > _WHOLE)
    local = _box(np.abs(noisy), 5)
    bright = float(np.percentile(local[present], 99)) if present.any() else 0.0
    tissue = present & (local > max(_VISIBLE, _BRIGHT * bright))
    planes = Planes(noisy, clean, present, tissue, _variance(local, noise))
    return planes if noise.kind in ("complex", "gaussian") or before.is_complex else _allow_for_bias(planes, noise)


def _numbers(values: Pixels) -> tuple[Pixels, Mask]:
    """Fill what is no number, or so large that its square would be none."""
    with np.errstate(invalid="ignore"):
        return fill_nonfinite(np.where(np.abs(values) < _ABSURD, values, np.nan).astype(values.dtype))


def _checked(before: Image, after: Image, noise: NoiseMap) -> NDArray[np.float32]:
    if before.shape != after.shape:
        raise InputError(
            f"The image before denoising has shape {before.shape} and the one after it {after.shape} (T, Z, Y, X): "
            "give two images on the same grid."
        )
    if before.is_complex != after.is_complex:
        kinds = ["complex" if image.is_complex else "a magnitude" for image in (before, after)]
        raise InputError(
            f"The image before denoising is {kinds[0]} and the one after it {kinds[1]}: give both in the same form."
        )
    return noise.over(before.shape)


def _inside(mask: NDArray[np.bool_] | None, shape: tuple[int, ...]) -> Mask:
    if mask is None:
        return np.ones(shape, dtype=bool)
    inside = mask_over(mask, shape)
    if not inside.any():
        raise InputError("The mask is empty: it must be nonzero where the residual is to be tested.")
    return inside


def _box(values: NDArray[np.generic], side: int) -> Reals:
    return np.asarray(uniform_filter(values.astype(np.float32), (0, side, side)))


def _variance(local: Reals, noise: NoiseMap) -> Reals:
    if noise.kind in ("complex", "gaussian"):
        return np.ones_like(local)
    n = noise.n_channels
    return _read_off(lambda mean: rician_variance(signal_from_mean(mean, 1.0, n), 1.0, n), local)


def _read_off(law: Callable[[Floats], Floats], values: Reals) -> Reals:
    """Look up a law of an SNR that settles for strong signal, from a table: many times faster than the law itself."""
    grid = np.linspace(0, _STRONG, _ENTRIES)
    return np.interp(values, grid, law(grid)).astype(np.float32)


def flat_tissue(planes: Planes) -> Mask:
    """Mark the part of the tissue in which the denoised image shows the least detail."""
    return planes.tissue & _flat(planes)


def _flat(planes: Planes) -> Mask:
    """Mark what is as flat as the flattest tissue."""
    detail = FINE.local_mean(planes.power(FINE.of(planes.after)))
    if not planes.tissue.any():
        return planes.present
    return planes.present & (detail <= np.quantile(detail[planes.tissue], _FLAT))


def _allow_for_bias(planes: Planes, noise: NoiseMap) -> Planes:
    """Lift a denoised magnitude by as much of the bias of a magnitude as the method has taken away.

    Methods give the signal or the mean of the magnitude, or overdo it when told too much noise. The mean of a magnitude
    of signal a is sqrt(a^2 + D(a)), see `quietmr.noise.rician`; the factor of D is read in flat places, in tissue alone
    where it has been overdone (in air that cannot be seen).
    """
    sample = planes.sample()
    flat = _flat(sample)
    share = _removed_bias(sample, flat, noise.n_channels)
    in_tissue = _removed_bias(sample, flat & sample.tissue, noise.n_channels)
    shares = np.where(planes.tissue, in_tissue if in_tissue > _NEAR[1] else share, share).astype(np.float32)
    after = np.maximum(planes.after, 0)
    n = noise.n_channels
    excess = _read_off(lambda signal: np.square(rician_mean(signal, 1.0, n)) - np.square(signal), after)
    return replace(planes, after=np.sqrt(np.square(after) + shares * excess))


def _removed_bias(planes: Planes, flat: Mask, n_channels: int) -> float:
    """How many times its own bias a magnitude has lost: 1 for a right correction, 0 for none."""
    noisy, clean = planes.before[flat].astype(np.float64), np.maximum(planes.after[flat], 0).astype(np.float64)
    if noisy.size < _FEW:
        return 0.0
    step = 1 + noisy.size // _ENOUGH
    noisy, clean = noisy[::step], clean[::step]
    excess = np.square(rician_mean(clean, 1.0, n_channels)) - np.square(clean)
    weight = 1 / (1 + np.square(clean))

    def lack(share: float) -> float:
        """Weighted mean of what the noisy image still has above the lifted one; falls with the share."""
        return float(np.sum(weight * (noisy - np.sqrt(np.square(clean) + share * excess))))

    if lack(_NEAR[0]) < 0:
        return 0.0
    if lack(_NEAR[1]) < 0:
        return 1.0
    return float(brentq(lack, _NEAR[1], _MOST)) if lack(_MOST) < 0 else _MOST
