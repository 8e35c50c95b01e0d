"""The noise level of an image, from the image alone."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image, InputError, NoiseMap, QuietmrWarning
from quietmr.noise.background import air_level, channels_level
from quietmr.noise.bands import AxisBands, axis_bands
from quietmr.noise.blocks import Blocks, Plane, block_statistics
from quietmr.noise.cells import read_cells
from quietmr.noise.planes import Content, find_content
from quietmr.noise.residual import TissueLevel, band_freedom, pedestal_level, tissue_level
from quietmr.noise.support import axis_support
from quietmr.noise.variation import Variation, find_variation
from quietmr.noise.verdict import Verdict, weigh

_SMALLEST = 6  # pixels along an in-plane axis
_FULL = 0.95  # support below which the user is told
_ROUNDS = 2
_VISIBLE = 3.8  # SNR of the brightest tissue, below which variation cannot be told from weak signal
_FILTERED, _UNFILTERED = 0.4, 0.02  # what a filter may have taken from tissue, prior SD of its logarithm
_EVEN, _CLEAR = 1.12, 1.5  # growth and color up to which a flattened image holds noise alone where it was read
_LONG, _CERTAIN = 128, 0.8  # pixels of an axis below which a roll-off passes for a rim; support told even there
_ABOVE = 1.15  # level of air of many channels over that of tissue, from which it is not believed
_ALIKE = 0.15  # mean difference of two frames over their mean up to which frames of unknown meaning are repeats


@dataclass(frozen=True)
class _Readings:
    tissue: TissueLevel
    support: tuple[float, float, float]
    verdict: Verdict
    step: float
    variation: Variation | None
    n_channels: int
    sizes: tuple[int, int, int]


def _support(content: Content, planes: Sequence[Plane]) -> tuple[float, float, float]:
    z, y, x = content.pixels.shape[1:]
    rows = axis_support([(plane.detail, plane.present) for plane in planes], x)
    columns = axis_support([(plane.detail.T, plane.present.T) for plane in planes], y)
    return axis_support(content.profiles_along_z(), z), columns, rows


def _side(shape: Sequence[int], count: int, bands: Sequence[AxisBands]) -> int:
    """Block size: small images need small blocks."""
    inner = min(size - 2 * band.reach for size, band in zip(shape, bands, strict=True))
    if inner < 12:
        return inner
    return 8 if shape[0] * shape[1] * count >= 4 * 64 * 64 and inner >= 16 else 4


def _bands(shape: Sequence[int], support: Sequence[float]) -> list[AxisBands]:
    """Make the filters of both axes; the shortest ones where the image is too small for others."""
    bands = [axis_bands(part) for part in support]
    fits = all(size - 2 * band.reach >= 4 for size, band in zip(shape, bands, strict=True))
    return bands if fits else [axis_bands(1.0), axis_bands(1.0)]


def _frames_repeat(image: Image, content: Content) -> bool:
    """Tell whether frames show the same thing, so that their difference is noise."""
    if content.pixels.shape[0] < 2 or image.frames in ("direction", "echo"):
        return False
    if image.frames in ("time", "repetition"):
        return True
    change = level = 0.0
    for plane in content.differences():
        change += float(np.abs(plane.detail[plane.present]).sum())
        level += float(plane.magnitude[plane.present].sum())
    return change < _ALIKE * level


def _step(planes: Sequence[Plane]) -> float:
    """Distance of the grid on which the values lie; 0 if they lie on none."""
    values = np.unique(np.concatenate([plane.magnitude[plane.present] for plane in planes[:: len(planes) // 4 + 1]]))
    gaps = np.diff(values.astype(np.float64))
    gaps = gaps[gaps > 1e-6]  # of the largest value; below lies the rounding of single precision
    if gaps.size < 2:
        return 0.0
    multiples = gaps / gaps.min()
    return float(gaps.min()) if np.abs(multiples - np.round(multiples)).max() < 0.05 else 0.0


def _flattened(
    blocks: Blocks, bands: Sequence[AxisBands], side: int, *, magnitude: bool
) -> tuple[Blocks, Variation | None]:
    """Divide blocks by how the noise varies over the image, if it does."""
    first = tissue_level(blocks, bands, side, magnitude=magnitude)
    if first is None or not 0 < _VISIBLE * first.sigma < np.quantile(blocks.level, 0.95):
        return blocks, None
    variation = None
    relative = np.ones(blocks.count)
    for _ in range(_ROUNDS):
        level = tissue_level(blocks.divided_by(relative), bands, side, magnitude=magnitude) or first
        freedom = band_freedom(bands, side)
        cells = read_cells(blocks, level.sigma * relative, freedom, side, magnitude=magnitude)
        variation = find_variation(cells, _FILTERED if level.is_filtered else _UNFILTERED)
        if variation is None:
            return blocks, None
        relative = variation.at(blocks.place)
    flat = blocks.divided_by(relative)
    last = tissue_level(flat, bands, side, magnitude=magnitude)
    believed = last is not None and last.growth < _EVEN and last.color < _CLEAR
    return (flat, variation) if believed else (blocks, None)


def _read(image: Image, content: Content) -> _Readings:
    planes = list(content.planes())
    shape = content.pixels.shape[2:]
    support = _support(content, planes)
    bands = _bands(shape, support[1:])
    side = _side(shape, len(planes), bands)
    magnitude = content.kind == "rician"

    def level(blocks: Blocks) -> TissueLevel | None:
        return tissue_level(blocks, bands, side, magnitude=magnitude)

    blocks, variation = _flattened(block_statistics(planes, bands, side), bands, side, magnitude=magnitude)
    air = air_level(blocks, side) if content.kind != "gaussian" else None
    spatial = level(blocks if air is None else blocks.subset(~air.blocks)) or level(blocks)
    if spatial is None:
        raise InputError(
            "No region of the image is large enough and free of zeros and missing values to measure noise in: "
            "give sigma yourself, or a wider mask."
        )
    if air is None and magnitude and min(support[1:]) >= _FULL:
        air = channels_level(blocks, side)
        if air is not None:  # the scatter of such air is not that of tissue
            lit = blocks.level > 1.5 * float(np.median(blocks.level[air.blocks]))
            spatial = level(blocks.subset(lit)) or spatial
        if air is not None and air.sigma > _ABOVE * spatial.sigma:  # ghosts and ringing: noise cannot be less in tissue
            air = None
    pedestal = pedestal_level(blocks, bands, side) if magnitude and air is None else None
    temporal = level(block_statistics(content.differences(), bands, side)) if _frames_repeat(image, content) else None
    verdict = weigh(spatial, temporal, air, pedestal)
    n_channels = 1 if air is None else air.n_channels
    z, y, x = content.pixels.shape[1:]
    sizes = (z, y, x)
    return _Readings(temporal or spatial, support, verdict, _step(planes), variation, n_channels, sizes)


def _remarks(readings: _Readings) -> list[str]:
    """Write down what the user should know, one sentence each."""
    remarks = []
    verdict = readings.verdict
    parts = [
        f"{part:.0%} along {axis}"
        for axis, part, size in zip("zyx", readings.support, readings.sizes, strict=True)
        if part < (_FULL if size >= _LONG else _CERTAIN)
    ]
    if parts:
        remarks.append(
            f"The image looks interpolated: k-space is filled to {' and '.join(parts)}, so that its noise is smooth "
            "and was measured on the filled part; denoise the image as it was acquired if you have it."
        )
    if readings.tissue.is_filtered:
        remarks.append(
            f"The image looks filtered: the finest detail of its noise has {1 / readings.tissue.color:.0%} of the "
            "power of coarser detail, so that the noise level is uncertain; give sigma if you know it."
        )
    elif readings.tissue.is_smooth:
        remarks.append(
            "The image looks already denoised, filtered or nearly free of noise: its finest detail is poor beside "
            "coarser detail, so that the noise level is an upper bound; denoise the original, or lower the strength."
        )
    if readings.step > 0 and verdict.sigma < 0.6 * readings.step:
        remarks.append(
            "The noise is smaller than the steps between the stored values, so that its level is an upper bound."
        )
    if verdict.disagreement:
        remarks.append(
            f"The noise level is uncertain: {verdict.disagreement}; measure it with a noise scan or give sigma if you "
            "know it."
        )
    return remarks


def estimate_noise(image: Image, mask: NDArray[np.bool_] | None = None) -> NoiseMap:
    """Measure the noise level of an image from the image alone.

    Read are the finest detail of the flattest tissue, the air around the object where it follows the Rayleigh law, and
    differences of frames where frames repeat each other; `quietmr.noise.verdict` weighs them.

    Parameters
    ----------
    image : Image
        Magnitude, real or complex, shape (T, Z, Y, X), any unit, at least 6 x 6 pixels of content in plane. NaN and
        infinite pixels are left out.
    mask : array of bool, shape (Z, Y, X) or (T, Z, Y, X), optional
        Where to look for noise.

    Returns
    -------
    NoiseMap
        The SD per real channel of the noise in the image as stored (in an interpolated image noise is correlated; its
        SD is meant, not that of the samples before): one number, or a smooth map of shape (1, Z, Y, X) where the image
        shows clearly that noise varies. ``kind`` is "complex" for complex pixels, "gaussian" for real ones of which
        more than 1 % are negative, "noncentral-chi" where air follows the law of ``n_channels`` > 1 channels, else
        "rician"; ``support`` is the filled part of k-space along (Z, Y, X); ``uncertainty`` a relative standard error
        of the level.

    Raises
    ------
    InputError
        If the mask does not fit, no pixel is finite, or no region is large enough.

    Warns
    -----
    QuietmrWarning
        If the image is constant (sigma 0), looks interpolated, filtered or denoised, if its noise is smaller than the
        quantisation step, or if the readings disagree.

    Notes
    -----
    Scale-equivariant, blind to zero padding, and deterministic. At most 2.5 million pixels are looked at.
    """
    content = find_content(image, mask)
    if content is None or content.is_constant:
        warnings.warn(
            "All pixels that are not zero have the same value: there is no noise to measure, sigma is set to 0.",
            QuietmrWarning,
            stacklevel=2,
        )
        return NoiseMap(np.zeros((1, 1, 1, 1), np.float32), "complex" if image.is_complex else "rician", "estimated")
    if min(content.pixels.shape[2:]) < _SMALLEST:
        raise InputError(
            f"The image has {content.pixels.shape[2]} x {content.pixels.shape[3]} pixels of content in plane, too few "
            f"to measure noise in (at least {_SMALLEST} x {_SMALLEST} are needed): give sigma yourself."
        )
    readings = _read(image, content)
    for remark in _remarks(readings):
        warnings.warn(remark, QuietmrWarning, stacklevel=2)
    sigma = np.full((1, 1, 1, 1), readings.verdict.sigma * 2.0**content.exponent, np.float32)
    if readings.variation is not None:
        sigma = sigma * readings.variation.over(image.shape[1:], content.box)
    return NoiseMap(
        sigma,
        kind="noncentral-chi" if readings.n_channels > 1 else content.kind,
        origin="estimated",
        uncertainty=readings.verdict.uncertainty,
        support=readings.support,
        n_channels=readings.n_channels,
    )
