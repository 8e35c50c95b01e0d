"""Losses of denoising networks."""

from torch import Tensor


def log_charbonnier(output: Tensor, target: Tensor, sigma: Tensor, width: float = 0.5) -> Tensor:
    """Mean over the batch of the logarithm of the mean Charbonnier error, in units of the local noise SD.

    The logarithm weighs every sample by its relative improvement, so that a step follows decibels and not the few
    samples with the strongest noise. Close to quadratic for errors below ``width`` noise SDs.

    Parameters
    ----------
    output, target, sigma : Tensor, shape (B, C, F, Y, X); C of sigma is 1
    width : float
        Error, in noise SDs, where quadratic turns into linear.

    Returns
    -------
    Tensor, scalar
    """
    error = (output - target) / sigma
    penalty = (error.square() + width**2).sqrt() - width
    return (penalty.flatten(1).mean(1) + 1e-3).log().mean()
