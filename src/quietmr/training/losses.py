"""Losses of denoising networks in noise SDs, with and without clean references: one function each."""

from torch import Tensor

from quietmr.training.magnitude import magnitude_mean, magnitude_slope, magnitude_variance

# Size of the probing step in noise SDs: small beside the bends of a network, large beside the rounding of float32.
PROBE_STEP = 0.1


def log_charbonnier(output: Tensor, target: Tensor, sigma: Tensor, width: float = 0.5) -> Tensor:
    """Mean over the batch of the logarithm of the mean Charbonnier error, in units of the local noise SD.

    The logarithm weighs every sample by its relative improvement, so that a step follows decibels and not the few
    samples with the strongest noise. Close to quadratic for errors below ``width`` noise SDs; errors of complex images
    are distances in the complex plane.

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
    penalty = (error.square().sum(1) + width**2).sqrt() - width
    return (penalty.flatten(1).mean(1) + 1e-3).log().mean()


def sure(output: Tensor, probed: Tensor, noisy: Tensor, probe: Tensor, variance: Tensor | float) -> Tensor:
    """Stein's unbiased risk estimate of each value, the divergence by one random probe.

    For ``noisy = truth + n`` with Gaussian n of the given variance, the mean over noise and probe equals that of
    ``(output - truth)^2`` (Stein 1981; Ramani, Blu, Unser 2008 for the probe). For correlated noise the probe has to be
    correlated like the noise. Channels of a complex image have noise and probe of their own.

    Parameters
    ----------
    output : Tensor
        What the denoiser made of ``noisy``.
    probed : Tensor, same shape
        What it made of ``noisy + PROBE_STEP * probe``.
    noisy : Tensor, same shape
    probe : Tensor, same shape
        Random, mean 0, SD 1, drawn apart from the noise.
    variance : Tensor or float
        Of the noise, per real channel: one number, or a map that broadcasts to the images.

    Returns
    -------
    Tensor, same shape
        Risk in squared units; single values may be negative.
    """
    return (output - noisy).square() - variance + 2 * variance * probe * (probed - output) / PROBE_STEP


def rician_sure(output: Tensor, probed: Tensor, noisy: Tensor, probe: Tensor, variance: Tensor | None = None) -> Tensor:
    """Risk of a magnitude denoiser without truth, in the domain of mean magnitudes; everything in noise SDs.

    The network aims at the noise-free magnitude, whose noisy mean M and variance V are known; M(output) is judged as an
    estimate of M(truth) as if the Rician law were Gaussian with variance V, which it nearly is above three noise SDs.
    Below, M is flat and this says little: neither good nor bad.

    Parameters
    ----------
    output, probed, noisy, probe : Tensor
        As for :func:`sure`, in units of the noise SD per real channel.
    variance : Tensor, optional
        V where it is known better; from ``output`` if left out. Two denoisers are compared with the same one.

    Returns
    -------
    Tensor, same shape
    """
    signal, moved = output.clamp_min(0), probed.clamp_min(0)
    known = magnitude_variance(signal) if variance is None else variance
    return sure(magnitude_mean(signal), magnitude_mean(moved), noisy, probe, known)


def noise2noise(output: Tensor, other: Tensor) -> Tensor:
    """Squared distance of each value to a second noisy magnitude of the same thing; everything in noise SDs.

    The second magnitude has mean M(truth) and noise of its own, so the gradient is in the mean that of
    ``(M(output) - M(truth))^2`` (Lehtinen et al. 2018, here for magnitudes).

    Parameters
    ----------
    output : Tensor
        Estimate of the noise-free magnitude from the first noisy one, in units of the noise SD per real channel.
    other : Tensor, same shape
        Second noisy magnitude.

    Returns
    -------
    Tensor, same shape
    """
    return (magnitude_mean(output.clamp_min(0)) - other).square()


def drift(output: Tensor, reference: Tensor) -> Tensor:
    """Squared distance to another estimate, as far as noisy magnitudes cannot tell which one is right.

    Losses that compare mean magnitudes see an error ``e`` of the signal as ``M' e``: nothing in air. This gives the
    rest of ``e^2`` back, so that a fine-tuned network stays with its parent where the data are silent.

    Parameters
    ----------
    output, reference : Tensor, same shape
        Estimates of the noise-free magnitude, in noise SDs; the reference carries no gradient.
    """
    signal = reference.detach().clamp_min(0)
    return (1 - magnitude_slope(signal).square()).clamp_min(0) * (output.clamp_min(0) - signal).square()
