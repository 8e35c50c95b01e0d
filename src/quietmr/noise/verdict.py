"""One noise level out of several readings, and how far to trust it."""

from dataclasses import dataclass
from math import sqrt

from quietmr.noise.background import AirLevel
from quietmr.noise.residual import TissueLevel

_AGREE = 0.15  # relative difference of air and tissue up to which they are averaged
_DISAGREE = 0.3  # from which the user is told
_COLORED = 1.4  # color of tissue, above which its noise is smooth and the top band too low a witness


@dataclass(frozen=True)
class Verdict:
    """Noise level, its relative standard error, and the readings that disagree with it (for the user)."""

    sigma: float
    uncertainty: float
    disagreement: str = ""


def _mean(first: float, first_error: float, second: float, second_error: float) -> Verdict:
    weight, other = first_error**-2, second_error**-2
    sigma = (weight * first + other * second) / (weight + other)
    return Verdict(sigma, max(sqrt(1 / (weight + other)), abs(first - second) / (2 * sigma)))


def _with_air(tissue: TissueLevel, air: AirLevel) -> Verdict:
    """Weigh tissue against air.

    Air is the better witness wherever both can be right: its law does not depend on how noise is correlated, and no
    anatomy lies in it. Tissue is believed where it is pure and white and yet differs, as noise differs between air and
    tissue under parallel imaging, or where air has several channels or was attenuated.
    """
    ratio = tissue.sigma / air.sigma
    if abs(ratio - 1) <= _AGREE:
        return _mean(tissue.sigma, tissue.uncertainty, air.sigma, air.uncertainty)
    smooth = tissue.is_filtered or (ratio < 1 and tissue.color > _COLORED)
    anatomy = ratio > 1 and not tissue.is_pure
    told = ""
    if abs(ratio - 1) > _DISAGREE and not smooth:
        told = f"tissue reads {ratio:.2f} times the level of air"
    if smooth or anatomy:
        return Verdict(air.sigma, max(air.uncertainty, 0.05 if not told else 0.3), told)
    return Verdict(tissue.sigma, max(tissue.uncertainty, 0.05 if not told else 0.3), told)


def _with_frames(spatial: TissueLevel, temporal: TissueLevel) -> TissueLevel:
    """Choose between slices and differences of frames: anatomy and motion only add, so the lower reading is nearer."""
    return temporal if temporal.is_pure or temporal.sigma < spatial.sigma else spatial


def _with_pedestal(tissue: TissueLevel, pedestal: TissueLevel) -> Verdict:
    """Fall back on air of unknown law where anatomy hides the noise of tissue."""
    ratio = tissue.sigma / pedestal.sigma if pedestal.sigma else 1.0
    if tissue.is_pure or ratio < 1 + _DISAGREE:
        return Verdict(tissue.sigma, tissue.uncertainty)
    return Verdict(pedestal.sigma, pedestal.uncertainty, f"tissue reads {ratio:.2f} times the level of air")


def weigh(
    spatial: TissueLevel,
    temporal: TissueLevel | None,
    air: AirLevel | None,
    pedestal: TissueLevel | None,
) -> Verdict:
    """Combine the readings.

    Parameters
    ----------
    spatial : TissueLevel
        From the slices themselves.
    temporal : TissueLevel, optional
        From differences of frames.
    air : AirLevel, optional
        From air that follows the Rayleigh law.
    pedestal : TissueLevel, optional
        From other dark air, if there is none.

    Returns
    -------
    Verdict
        In the unit of the readings.
    """
    tissue = spatial if temporal is None else _with_frames(spatial, temporal)
    if tissue.sigma > 0 and air is not None:
        return _with_air(tissue, air)
    if tissue.sigma > 0 and pedestal is not None:
        return _with_pedestal(tissue, pedestal)
    return Verdict(tissue.sigma, tissue.uncertainty)
