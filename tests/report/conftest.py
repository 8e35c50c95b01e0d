"""Contents of a report whose truth is known: smooth anatomy, noise, and a perfect denoiser."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from quietmr.data import Geometry, Image, NoiseMap
from quietmr.evaluate.lesion_survival import LesionSurvival
from quietmr.evaluate.noise_gain import NoiseGain
from quietmr.evaluate.residual import Finding, ResidualEvidence
from quietmr.report.page import PageContents

SIGMA = 5.0
AFFINE = Geometry(np.diag([-1.0, 1.0, 1.0, 1.0]) + np.array([[0, 0, 0, 20.0]] + 3 * [[0] * 4]))


def evidence(shape, verdict="only noise", structure=None):
    """All kinds of findings: passed, failed, not judged, with limits on both sides, on one, on none, and no value."""
    findings = (
        Finding("Strength", 0.98, "\N{GREEK SMALL LETTER SIGMA}", (None, 1.05), True, "As strong as noise.", "Theory."),
        Finding("Neighbours", -0.03, "", (-0.02, 0.02), False, "Neighbours are alike.", "Bartlett, 1946."),
        Finding("Edges", 1e-7, "%", (0.0, None), None, "Not judged.", "Nobody."),
        Finding("Spectrum", float("nan"), "dB", (None, None), None, "No spectrum.", ""),
    )
    structure = np.zeros(shape, np.float32) if structure is None else structure
    return ResidualEvidence(verdict, "What was taken away is noise.", findings, structure)


def survival():
    kept = np.array([[0.2, 0.5], [0.6, 0.9]])
    return LesionSurvival((2.0, 4.0), (2.0, 6.0), kept, 0.1 * kept, 12)


@pytest.fixture
def make_contents(rng: np.random.Generator) -> Callable[..., PageContents]:
    """Make the contents of a page for a volume of the given shape; fields can be changed."""

    def make(
        shape=(1, 12, 24, 20), *, verdict="only noise", structure=None, geometry=AFFINE, **changes
    ) -> PageContents:
        smooth = gaussian_filter(rng.standard_normal(shape), (0, 2, 2, 2))
        clean = np.clip(100 + 30 * smooth / (smooth.std() or 1.0), 20, None).astype(np.float32)
        noisy = clean + np.float32(SIGMA) * rng.standard_normal(shape).astype(np.float32)
        told = {
            "name": "scan.nii.gz",
            "before": Image(noisy, geometry),
            "after": Image(clean, geometry),
            "noise": NoiseMap(np.array(SIGMA, np.float32), "gaussian", uncertainty=0.03),
            "evidence": evidence(shape, verdict, structure),
            "gain": NoiseGain(np.ones(shape, np.float32), np.full(shape, 4, np.float32), 16, 4.0, 0.18),
            "survival": survival(),
            "model": "quiet",
            "parameters": [("model", "quiet"), ("device", "cpu")],
            "command_line": "quietmr denoise scan.nii.gz out.nii.gz --report out.html",
            "warnings": ["The noise level is uncertain."],
            "card": {"trained on": "phantoms", "measured scores": {"untouched": 22.1, "quiet": 29.1}},
        }
        return PageContents(**{**told, **changes})

    return make
