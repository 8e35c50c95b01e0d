"""The front door: test what was removed."""

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image, NoiseMap
from quietmr.evaluate.residual import limits
from quietmr.evaluate.residual.bands import COARSE, FINE, FINEST
from quietmr.evaluate.residual.earlier import color_of_noise
from quietmr.evaluate.residual.findings import ResidualEvidence
from quietmr.evaluate.residual.measures import locate, measure
from quietmr.evaluate.residual.neighbors import excess_correlation
from quietmr.evaluate.residual.planes import Planes, flat_tissue, prepare
from quietmr.evaluate.residual.single_tests import Facts, all_tests, check_size, size_of
from quietmr.evaluate.residual.verdict import FILTERED_BEFORE, NOTHING_REMOVED, judge


def residual_evidence(
    before: Image, after: Image, noise: NoiseMap, mask: NDArray[np.bool_] | None = None
) -> ResidualEvidence:
    """Test whether what a denoiser removed is noise, all of the noise, and nothing but noise; no truth is needed.

    Parameters
    ----------
    before : Image
        The noisy image, magnitude, real or complex, shape (T, Z, Y, X).
    after : Image
        The denoised one, on the same grid and in the same units.
    noise : NoiseMap
        Noise of ``before``: SD per real channel in the units of the image.
    mask : array of bool, broadcastable to (T, Z, Y, X), optional
        Where to test; without it everywhere where there is noise.

    Returns
    -------
    ResidualEvidence
        Verdict, single tests, and a map of where the residual holds more than noise.

    Raises
    ------
    InputError
        If the images do not fit each other, the noise map or the mask, or a frame holds no finite number.

    Notes
    -----
    Scale-equivariant: multiplying both images and sigma by the same number changes nothing. Tests, limits and what they
    cannot see are told in docs/residual.md.
    """
    planes = prepare(before, after, noise, mask)
    blank = np.zeros(before.shape, np.float32)
    reason = _unfit(planes, noise)
    if reason:
        return ResidualEvidence("nothing claimed", reason, (), blank)
    sample = planes.sample()
    size = size_of(sample)
    if size < limits.NOTHING:
        return ResidualEvidence("nothing removed", NOTHING_REMOVED, (check_size(size),), blank)
    color = color_of_noise(before, mask)
    if color > limits.COLOR:
        return ResidualEvidence("nothing claimed", FILTERED_BEFORE.format(1 / color), (check_size(size),), blank)
    facts = _measure(planes, sample, size, color)
    tests = all_tests(facts)
    verdict, words = judge(tests, facts.fine.slope)
    return ResidualEvidence(verdict, words, tuple(tests.values()), facts.places.structure.reshape(before.shape))


def _measure(planes: Planes, sample: Planes, size: float, color: float) -> Facts:
    correlation, error = excess_correlation(sample, flat_tissue(sample))
    finest, fine, coarse = (measure(sample, band) for band in (FINEST, FINE, COARSE))
    return Facts(
        size=size,
        neighbors=correlation,
        neighbors_error=error,
        finest=finest,
        fine=fine,
        coarse=coarse,
        places=locate(planes, [finest, fine, coarse]),
        present=planes.present,
        color=color,
    )


def _unfit(planes: Planes, noise: NoiseMap) -> str:
    """Why nothing can be said, in a sentence; empty if something can."""
    if min(planes.before.shape[1:]) < limits.SMALLEST:
        return f"The slices are smaller than {limits.SMALLEST} x {limits.SMALLEST} pixels, too small for any test."
    if np.count_nonzero(planes.tissue) < limits.FEWEST:
        return (
            f"Fewer than {limits.FEWEST} voxels of tissue stand above the noise (or noise was found nowhere), "
            "too few for any test."
        )
    if noise.support is not None and min(noise.support[1:]) < limits.FILLED:
        return (
            f"The image was interpolated before (k-space is filled to {min(noise.support[1:]):.0%}), so that its noise "
            "is smooth and looks like structure."
        )
    return ""
