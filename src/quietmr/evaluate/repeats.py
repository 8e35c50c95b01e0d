"""What repeats of a scan tell about a denoiser: how repeatable the result is, and how far from their common signal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image, InputError, NoiseMap, mask_over
from quietmr.evaluate.running import Running
from quietmr.noise import rician_mean
from quietmr.signal.finite import fill_nonfinite

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Repeatability:
    """Repeats before and after denoising, in the units of the image; complex images per real channel.

    Parameters
    ----------
    count : int
        Repeats.
    within_before, within_after : float
        Within-subject SD: root of the mean variance over the repeats (Bland and Altman, BMJ 312:1654, 1996). It falls
        with noise, but so it does for a result that is always the same and always wrong.
    cv_before, cv_after : float
        The same as a part of the mean of the repeats, in percent, root mean square over the voxels.
    bias_rms : float
        Root mean square of the mean change (denoised less noisy) over the repeats.
    bias_noise : float
        What ``bias_rms`` is if nothing but noise was removed: SD of the change over the repeats / sqrt(count).
    bias_mean : float
        Mean of the change over all voxels and repeats.
    error_after : float
        Root mean square error of one denoised repeat against the noise-free signal, without knowing it: against the
        mean of the *other* noisy repeats, less their noise. NaN where that leaves less than nothing.
    factors : tuple of float
        By which each repeat was multiplied to have the mean of all.
    sd_before, sd_after, bias : array, shape (T, Z, Y, X), float32
        Maps of the SDs over the repeats, and of the mean change.
    """

    count: int
    within_before: float
    within_after: float
    cv_before: float
    cv_after: float
    bias_rms: float
    bias_noise: float
    bias_mean: float
    error_after: float
    factors: tuple[float, ...]
    sd_before: NDArray[np.float32]
    sd_after: NDArray[np.float32]
    bias: NDArray[Any]

    @property
    def ratio(self) -> float:
        """Within-subject SD after over that before: the part of the variation that is left."""
        return self.within_after / self.within_before

    @property
    def structure(self) -> float:
        """Root mean square of what was changed in every repeat alike, beyond noise; 0 if noise explains it all."""
        return float(np.sqrt(max(0.0, self.bias_rms**2 - self.bias_noise**2)))

    @property
    def agreement_before(self) -> float:
        """Half width of the 95 % limits of agreement of two noisy repeats (Bland and Altman): 1.96 sqrt(2) SD."""
        return 1.96 * float(np.sqrt(2)) * self.within_before

    @property
    def agreement_after(self) -> float:
        """Half width of the 95 % limits of agreement of two denoised repeats."""
        return 1.96 * float(np.sqrt(2)) * self.within_after


def compare_repeats(
    before: Sequence[Image],
    after: Sequence[Image],
    noise: NoiseMap | None = None,
    *,
    mask: NDArray[np.bool_] | None = None,
    align: bool = True,
) -> Repeatability:
    """Compare repeats of one scan before and after denoising; no truth is needed.

    Repeats x_i = s + n_i share a signal s and have independent noise. What a denoiser changed is c_i = d_i - x_i. If it
    removes noise and nothing else, the mean of c_i over R repeats is noise with the variance var(c) / R, which the
    scatter of the c_i themselves tells; a larger mean is a change that every repeat suffers: structure, or bias. And as
    d_i does not know the noise of the other repeats, its distance from their mean m has the expectation
    error^2 + var(n) / (R - 1) (as in Lehtinen et al., Noise2Noise, ICML 2018).

    Parameters
    ----------
    before, after : sequence of Image
        At least two repeats on one grid, and the same ones denoised, each by itself, in the same order.
    noise : NoiseMap, optional
        Noise of one repeat. With it, denoised magnitudes are compared by the mean that noise of theirs would have
        (`quietmr.noise.rician_mean`); without it, the Rician floor of the noisy repeats counts as bias of the denoiser
        where the SNR is below about 5.
    mask : array of bool, broadcastable to (T, Z, Y, X), optional
        Voxels that count; all without it.
    align : bool
        Scale each repeat, with its denoised copy, to the mean of all over the mask: scanners drift by a percent or so,
        which is no noise. Motion is not corrected.

    Returns
    -------
    Repeatability

    Raises
    ------
    InputError
        If there are fewer than two repeats, their numbers or grids differ, the mask is empty, or all repeats are equal.
    """
    inside = _checked(before, after, mask)
    noisy, denoised = ([fill_nonfinite(image.data)[0] for image in images] for images in (before, after))
    factors = _factors(noisy, inside) if align else [1.0] * len(noisy)
    x, d, change = Running(), Running(), Running()
    for one, other, factor in zip(noisy, denoised, factors, strict=True):
        x.add(np.float32(factor) * one)
        d.add(np.float32(factor) * other)
        change.add(np.float32(factor) * (_as_measured(other, noise) - one))
    within, count = _rms(x.sd[inside]), len(noisy)
    if within == 0.0:
        raise InputError("The repeats are equal in every voxel, so they are copies: give scans, each with its noise.")
    square = np.mean([
        _mean_square((factor * _as_measured(other, noise) - _others(x, factor * one))[inside], x)
        for one, other, factor in zip(noisy, denoised, factors, strict=True)
    ]) - within**2 / (count - 1)  # fmt: skip
    level = np.abs(x.mean[inside])
    return Repeatability(
        count=count,
        within_before=within,
        within_after=_rms(d.sd[inside]),
        cv_before=100 * _rms(_part(x.sd[inside], level)),
        cv_after=100 * _rms(_part(d.sd[inside], level)),
        bias_rms=float(np.sqrt(_mean_square(change.mean[inside], x))),
        bias_noise=_rms(change.sd[inside]) / float(np.sqrt(count)),
        bias_mean=float(change.mean[inside].real.mean(dtype=np.float64)),
        error_after=float(np.sqrt(square)) if square >= 0 else float("nan"),
        factors=tuple(factors),
        sd_before=x.sd,
        sd_after=d.sd,
        bias=change.mean,
    )


def _as_measured(denoised: Array, noise: NoiseMap | None) -> Array:
    """Mean that noise would give to the denoised values, as far as it is known."""
    if noise is None or noise.kind in ("complex", "gaussian"):
        return denoised
    return rician_mean(np.maximum(denoised, np.float32(0)), noise.over(denoised.shape), noise.n_channels)


def _others(x: Running, one: Array) -> Array:
    """Mean of all repeats but one."""
    return np.asarray((x.count * x.mean - one) / (x.count - 1))


def _factors(noisy: Sequence[Array], inside: NDArray[np.bool_]) -> list[float]:
    levels = [float(np.abs(image[inside]).mean(dtype=np.float64)) for image in noisy]
    mean = float(np.mean(levels))
    return [mean / level if level > 0 else 1.0 for level in levels]


def _part(sd: NDArray[np.float32], level: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.divide(sd, level, out=np.zeros_like(sd), where=level > 0)


def _rms(values: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(values), dtype=np.float64)))


def _mean_square(values: Array, like: Running) -> float:
    return float(np.mean(np.abs(values) ** 2, dtype=np.float64)) / (2 if np.iscomplexobj(like.mean) else 1)


def _checked(before: Sequence[Image], after: Sequence[Image], mask: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    if len(before) < 2 or len(after) != len(before):
        raise InputError(
            f"Repeats come in two equal lists of at least two images, got {len(before)} before and {len(after)} after: "
            "give every repeat and its denoised copy."
        )
    shape, is_complex = before[0].shape, before[0].is_complex
    if any(image.shape != shape or image.is_complex != is_complex for image in (*before, *after)):
        shapes = sorted({str(image.shape) for image in (*before, *after)})
        raise InputError(
            f"Repeats must have one grid and be complex or magnitudes alike, got {', '.join(shapes)}: "
            "register them first, or leave out what does not belong."
        )
    known = mask_over(True if mask is None else mask, shape).copy()
    for image in (*before, *after):
        known &= np.isfinite(image.data)
    if not known.any():
        raise InputError("The mask is empty (or no voxel is finite in all repeats): mark the tissue of interest.")
    return known
