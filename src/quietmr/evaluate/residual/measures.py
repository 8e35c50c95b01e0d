"""What a residual shows at one size of detail."""

from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, norm

from quietmr.evaluate.residual.bands import FINEST, Band, Reals
from quietmr.evaluate.residual.planes import Mask, Planes

_FLAT, _EDGES = 0.4, 0.8  # quantiles of local detail below which tissue is flat, and above which it has edges
_MEDIAN = {1: 0.4549, 2: log(2.0)}  # of squared unit noise per real channel: chi-squared of 1 and of 2 over 2
_RARE = 2 * float(norm.sf(4.5))  # chance of noise to reach as far as 4.5 SD in either direction
_CLEAR = 0.1  # relative gain in detail from which it is called a gain
_CHUNK = 2_000_000  # voxels filtered at a time


@dataclass(frozen=True)
class Measure:
    """Power of the residual in one band, by where it lies, and its slope against the detail of the denoised image.

    Attributes
    ----------
    band : Band
    floor : float
        Power in flat tissue over that of white noise of the told level.
    reference : float
        Power that noise explains: that of the floor; beyond the finest detail at least that of white noise.
    tissue, edges : float
        Power in all tissue and where the denoised image has the most detail, over the reference.
    error : float
        Standard error of ``edges`` for noise alone.
    slope : float
        Regression of the residual on the detail of the denoised image: positive where detail was taken away, negative
        where it was exaggerated.
    slope_error : float
        Its standard error for noise alone.
    """

    band: Band
    floor: float
    reference: float
    tissue: float
    edges: float
    error: float
    slope: float
    slope_error: float


def measure(planes: Planes, band: Band) -> Measure:
    """Measure tissue in one band; there must be some."""
    residual, detail = band.of(planes.before - planes.after), band.of(planes.after)
    power, wealth = planes.power(residual) / planes.variance, planes.power(detail)
    local = band.local_mean(wealth)
    tissue = planes.tissue
    low, high = np.quantile(local[tissue], [_FLAT, _EDGES])
    flat, edges = tissue & (local <= low), tissue & (local >= high)
    floor = float(np.median(power[flat])) / _MEDIAN[planes.channels]
    reference = max(floor, 0.0 if band is FINEST else band.noise_power, 1e-12)
    total = float(wealth[tissue].sum(dtype=np.float64))
    product = float(np.sum((residual[tissue] * detail[tissue].conj()).real, dtype=np.float64)) / planes.channels
    count = planes.channels * np.count_nonzero(edges) / band.area
    return Measure(
        band,
        floor=floor / band.noise_power,
        reference=reference,
        tissue=float(power[tissue].mean()) / reference,
        edges=float(power[edges].mean()) / reference,
        error=sqrt(2 / max(count, 1.0)),
        slope=product / total if total else 0.0,
        slope_error=sqrt(max(reference / band.noise_power, 1.0) / planes.channels / total) if total else 0.0,
    )


@dataclass(frozen=True, eq=False)
class Places:
    """Where the residual holds more than noise.

    Attributes
    ----------
    structure : array, shape (P, Y, X), float32
        Local excess in standard errors, negative where the denoised image has gained detail.
    added, removed : array of bool, shape (P, Y, X)
        Voxels at which smooth detail beyond noise has appeared, or has gone.
    """

    structure: Reals
    added: Mask
    removed: Mask


def locate(planes: Planes, measures: list[Measure]) -> Places:
    """Look for structure everywhere where there is noise."""
    structure = np.zeros(planes.before.shape, np.float32)
    added, removed = np.zeros(structure.shape, bool), np.zeros(structure.shape, bool)
    step = max(1, _CHUNK // max(1, structure[0].size))
    for start in range(0, len(structure), step):
        which = slice(start, start + step)
        part = planes.part(which)
        if not part.present.any():
            continue
        for each in measures:
            excess, gain, beyond = _local(part, each)
            signed = np.where(gain > 0, -excess, excess)
            stronger = part.present & (excess > np.abs(structure[which]))
            structure[which][stronger] = signed[stronger]
            if each.band is not FINEST:
                added[which] |= beyond & (gain > _CLEAR)
                removed[which] |= beyond & (gain < -_CLEAR)
    return Places(structure, added, removed)


def _local(planes: Planes, found: Measure) -> tuple[Reals, Reals, Mask]:
    """Excess of power in standard errors (not negative), relative gain in detail, and voxels that noise cannot explain.

    The excess is made normal by the cube root of Wilson and Hilferty (PNAS 17, 1931).
    """
    band = found.band
    residual, detail = band.of(planes.before - planes.after), band.of(planes.after)
    power = planes.power(residual) / (planes.variance * np.float32(found.reference))
    noise = np.float32(found.reference)
    had = band.local_mean(planes.power(residual + detail) - noise * planes.variance)
    has = band.local_mean(planes.power(detail))
    gain = (has - had) / (has + np.abs(had) + noise / 2)
    spread = 2 / (9 * planes.channels * band.freedom)
    excess = (np.cbrt(band.local_mean(power)) - np.float32(1 - spread)) / np.float32(sqrt(spread))
    limit = float(chi2.isf(_RARE, planes.channels)) / planes.channels
    beyond: NDArray[np.bool_] = planes.present & (power > limit)
    return np.maximum(excess, 0), gain, beyond
