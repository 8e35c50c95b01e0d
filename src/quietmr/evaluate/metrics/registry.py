"""All metrics that compare an image with a truth, by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from numpy.typing import ArrayLike

from quietmr.evaluate.metrics import detail, edge_spread, error, perceptual, similarity

Better = Literal["higher", "lower", "zero"]
Comparison = Callable[[ArrayLike, ArrayLike, float, ArrayLike | None], float]


@dataclass(frozen=True)
class Metric:
    """One metric: calling it compares an image with its truth.

    Parameters
    ----------
    name : str
        Name on the command line and in tables of numbers.
    title : str
        Heading of a column, without the unit.
    function : callable
        ``(image, truth, data_range, mask) -> float``.
    unit : str
        "" for a ratio.
    better : {"higher", "lower", "zero"}
        Which of two values is the better one; "zero": the one nearer to zero (signed metrics).
    perfect : float
        Value of the truth itself.
    source : str
        Paper, or definition.
    """

    name: str
    title: str
    function: Comparison
    unit: str
    better: Better
    perfect: float
    source: str

    def __call__(self, image: ArrayLike, truth: ArrayLike, data_range: float, mask: ArrayLike | None = None) -> float:
        """Compare."""
        return self.function(image, truth, data_range, mask)


def _without_range(function: Callable[[ArrayLike, ArrayLike, ArrayLike | None], float]) -> Comparison:
    return lambda image, truth, data_range, mask: function(image, truth, mask)


_METRICS = (
    Metric("psnr", "PSNR", error.psnr, "dB", "higher", float("inf"), "20 log10(data range / RMSE)"),
    Metric("ssim", "SSIM", similarity.ssim, "", "higher", 1.0, "Wang et al., IEEE TIP 13 (2004) 600; slice by slice"),
    Metric("ssim3d", "SSIM 3-D", similarity.ssim3d, "", "higher", 1.0, "Wang et al. (2004), window over volumes"),
    Metric("ms-ssim", "MS-SSIM", similarity.ms_ssim, "", "higher", 1.0, "Wang et al., Asilomar (2003) 1398"),
    Metric("vif", "VIF", perceptual.vif, "", "higher", 1.0, "Sheikh and Bovik, IEEE TIP 15 (2006) 430; pixel domain"),
    Metric("gmsd", "GMSD", perceptual.gmsd, "", "lower", 0.0, "Xue et al., IEEE TIP 23 (2014) 684"),
    Metric("nrmse", "NRMSE", _without_range(error.nrmse), "", "lower", 0.0, "||error|| / ||truth||"),
    Metric(
        "hfen", "HFEN", _without_range(detail.hfen), "", "lower", 0.0, "Ravishankar and Bresler, TMI 30 (2011) 1028"
    ),
    Metric(
        "gradient-error", "gradient error", _without_range(detail.gradient_error), "", "lower", 0.0,
        "||grad error|| / ||grad truth||, Sobel",
    ),
    Metric(
        "edge-broadening", "edge broadening", _without_range(edge_spread.edge_broadening), "voxels", "zero", 0.0,
        "FWHM of the mean edge less that of the truth",
    ),
    Metric("bias", "bias", error.bias, "% of range", "zero", 0.0, "mean(image - truth) / data range"),
)  # fmt: skip

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _METRICS})
"""Metrics by name, in the order of the columns."""
