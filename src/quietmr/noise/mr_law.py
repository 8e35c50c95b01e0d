"""What noise a complex network sees in training: what is drawn, and the conventions by which it is applied.

Three presets, side by side (the first two after Xue et al., SNRAware, arXiv 2503.18162; where the paper is silent it
follows the code that its authors published):

====================  =======================  ===========================  ================================
matter                ``PAPER``                ``REFERENCE`` (their code)   ``OURS``
====================  =======================  ===========================  ================================
sigma                 uniform 0 to 32          uniform 0.1 to 128           log-uniform 0.5 to 32
order                 noise x g, then filter   filter, then noise x g       noise x g, then filter
clean image           not scaled               divided by sqrt(sigma^2+1)   divided by sqrt(sigma^2+1)
map that is told      g                        g                            local SD of the noise there is
resolution            1 .85 .7 .65 .55         1 .75 .65 .55                1 .85 .7 .65 .55
partial Fourier       1 .85 .7 .65 .55         1 .875 .75 .625              .875 .75 .625
... along Y, X        each with p = 0.5        always one or both           each with p = 0.5
Gaussian strength     .8 1 1.5 2 2.25          .8 1 1.5 2 2.25              0 .8 1 1.5 2 2.25
temporal filter       none                     p = 0.2, circular            p = 0.2, does not wrap
filters span          matrix of the image      matrix of the image          the measured samples
====================  =======================  ===========================  ================================

Left out on purpose: the salt-and-pepper and Poisson noise of the code, which no scanner makes.
"""

from dataclasses import dataclass, replace
from typing import Literal

from quietmr.data import InputError
from quietmr.noise.kspace_shaping import WindowRule

_TEMPORAL = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25)


@dataclass(frozen=True)
class Convention:
    """How a draw is applied.

    Attributes
    ----------
    windows : {"acquired", "matrix"}
        What the k-space filters span, see `kspace_shaping.axis_window`.
    order : {"filter-then-g", "g-then-filter"}
        A scanner unmixes coils (g) and filters afterwards; the formula of the paper has it the other way.
    scales_clean : bool
        Whether the clean image is divided by sqrt(sigma^2 + 1) as the noisy one is.
    tells : {"g", "local-sd"}
        The map given beside the noisy image: the g-map as it is, or the SD per real channel of the noise that is in
        the noisy image, place by place.
    temporal_wraps : bool
        Whether the temporal filter joins the last frame to the first: right for gated cine, not for free-running ones.
    """

    windows: WindowRule = "acquired"
    order: Literal["filter-then-g", "g-then-filter"] = "g-then-filter"
    scales_clean: bool = True
    tells: Literal["g", "local-sd"] = "local-sd"
    temporal_wraps: bool = False


@dataclass(frozen=True)
class MrNoiseLaw:
    """What noise training sees; values in a tuple are equally likely. The defaults are ``OURS``.

    Attributes
    ----------
    sigma : (low, high)
        SD of the added noise per real channel, in SNR units (that of the image is g).
    spacing : {"uniform", "log-uniform"}
        Law of sigma between the two.
    resolution : tuple of float
        Measured parts of k-space, drawn for Y and X independently.
    partial_fourier : tuple of float
        Measured parts of a direction that is cut at one side; early or late with equal probability.
    cut : (neither, only Y, only X, both)
        Probabilities that partial Fourier cuts these directions.
    gaussian : tuple of float
        Strengths of the Gaussian filter, drawn for Y and X independently; 0 = none.
    temporal_share : float
        Probability of a filter along T.
    temporal : tuple of float
        Its strengths.
    convention : Convention
    """

    sigma: tuple[float, float] = (0.5, 32.0)
    spacing: Literal["uniform", "log-uniform"] = "log-uniform"
    resolution: tuple[float, ...] = (1.0, 0.85, 0.7, 0.65, 0.55)
    partial_fourier: tuple[float, ...] = (0.875, 0.75, 0.625)
    cut: tuple[float, float, float, float] = (0.25, 0.25, 0.25, 0.25)
    gaussian: tuple[float, ...] = (0.0, 0.8, 1.0, 1.5, 2.0, 2.25)
    temporal_share: float = 0.2
    temporal: tuple[float, ...] = _TEMPORAL
    convention: Convention = Convention()

    def __post_init__(self) -> None:
        low, high = self.sigma
        lowest = 0.0 if self.spacing == "uniform" else 1e-6
        _demand(lowest <= low <= high < float("inf"), "sigma", self.sigma, f"two numbers from {lowest:g} up, in order")
        _demand(_within(self.resolution, 0.0, 1.0), "resolution", self.resolution, "parts above 0 and up to 1")
        _demand(_within(self.partial_fourier, 0.5, 1.0), "partial_fourier", self.partial_fourier, "above 0.5, up to 1")
        _demand(_within(self.gaussian, -1e-9, 10.0), "gaussian", self.gaussian, "strengths from 0 to 10")
        _demand(_within(self.temporal, 0.0, 10.0), "temporal", self.temporal, "strengths above 0 and up to 10")
        _demand(0 <= self.temporal_share <= 1, "temporal_share", self.temporal_share, "a probability")
        sums_to_one = min(self.cut) >= 0 and abs(sum(self.cut) - 1) < 1e-6
        _demand(sums_to_one, "cut", self.cut, "four probabilities with the sum 1")

    def only_white(self) -> "MrNoiseLaw":
        """Make the same law without any filter (the ablation without MR noise); g-maps stay."""
        return replace(self, resolution=(1.0,), cut=(1.0, 0.0, 0.0, 0.0), gaussian=(0.0,), temporal_share=0.0)


def _within(values: tuple[float, ...], above: float, up_to: float) -> bool:
    return len(values) > 0 and all(above < value <= up_to for value in values)


def _demand(fulfilled: bool, name: str, got: object, allowed: str) -> None:  # noqa: FBT001
    if not fulfilled:
        raise InputError(f"The noise law has {name} = {got}: use {allowed}.")


OURS = MrNoiseLaw()

REFERENCE = MrNoiseLaw(
    sigma=(0.1, 128.0),
    spacing="uniform",
    resolution=(1.0, 0.75, 0.65, 0.55),
    partial_fourier=(1.0, 0.875, 0.75, 0.625),
    cut=(0.0, 1 / 3, 1 / 3, 1 / 3),
    gaussian=(0.8, 1.0, 1.5, 2.0, 2.25),
    convention=Convention("matrix", "filter-then-g", scales_clean=True, tells="g", temporal_wraps=True),
)

PAPER = MrNoiseLaw(
    sigma=(0.0, 32.0),
    spacing="uniform",
    resolution=(1.0, 0.85, 0.7, 0.65, 0.55),
    partial_fourier=(1.0, 0.85, 0.7, 0.65, 0.55),
    cut=(0.25, 0.25, 0.25, 0.25),
    gaussian=(0.8, 1.0, 1.5, 2.0, 2.25),
    temporal_share=0.0,
    convention=Convention("matrix", "g-then-filter", scales_clean=False, tells="g", temporal_wraps=True),
)

_LAWS = {"ours": OURS, "paper": PAPER, "reference": REFERENCE}


def mr_noise_law(name: str) -> MrNoiseLaw:
    """Find a preset by its name: ours, paper or reference.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in _LAWS:
        raise InputError(f"There is no noise law '{name}': use {', '.join(_LAWS)}.")
    return _LAWS[name]
