"""Metrics: plain functions on arrays (T, Z, Y, X) that tell how near an image is to its truth, or how clean it is."""

from quietmr.evaluate.metrics.detail import gradient_error, hfen
from quietmr.evaluate.metrics.edge_spread import edge_broadening, edge_spread_width
from quietmr.evaluate.metrics.error import bias, nrmse, psnr
from quietmr.evaluate.metrics.pair import check_pair
from quietmr.evaluate.metrics.perceptual import gmsd, vif
from quietmr.evaluate.metrics.region import cnr, cnr_paper, cvar, cvar_map, snr
from quietmr.evaluate.metrics.registry import METRICS, Metric
from quietmr.evaluate.metrics.similarity import ms_ssim, ssim, ssim3d, ssim_map
from quietmr.evaluate.metrics.tissue_bias import PartBias, bias_by_intensity, bias_by_tissue

__all__ = [
    "METRICS",
    "Metric",
    "PartBias",
    "bias",
    "bias_by_intensity",
    "bias_by_tissue",
    "check_pair",
    "cnr",
    "cnr_paper",
    "cvar",
    "cvar_map",
    "edge_broadening",
    "edge_spread_width",
    "gmsd",
    "gradient_error",
    "hfen",
    "ms_ssim",
    "nrmse",
    "psnr",
    "snr",
    "ssim",
    "ssim3d",
    "ssim_map",
    "vif",
]
