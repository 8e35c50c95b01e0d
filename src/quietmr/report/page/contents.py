"""Everything that stands on one page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image, NoiseMap
from quietmr.evaluate.lesion_survival import LesionSurvival
from quietmr.evaluate.noise_gain import NoiseGain
from quietmr.evaluate.residual import ResidualEvidence


@dataclass(frozen=True, eq=False, kw_only=True)
class PageContents:
    """What a report tells.

    Parameters
    ----------
    name : str
        Name of the scan.
    before, after : Image
        The scan and its denoised copy, on one grid.
    noise : NoiseMap
        Noise of ``before``.
    mask : array of bool, broadcastable to (T, Z, Y, X), optional
        Tissue on which the numbers are measured.
    evidence : ResidualEvidence
        The tests of what was removed.
    gain : NoiseGain, optional
        Measured gain in SNR.
    survival : LesionSurvival, optional
        How much of small lesions is left.
    survival_note : str
        Why that is not known, if it is not.
    model : str
        Name of what did the work, empty if unknown.
    strength : float
        Part of the noise that was to be removed.
    parameters : sequence of (str, str)
        How the image was made, name and value, in this order.
    command_line : str
        The command that made the page.
    warnings : sequence of str
        What the user was warned of.
    card : mapping
        What is known about the model, name to text or to another mapping.
    """

    name: str
    before: Image
    after: Image
    noise: NoiseMap
    evidence: ResidualEvidence
    mask: NDArray[np.bool_] | None = None
    gain: NoiseGain | None = None
    survival: LesionSurvival | None = None
    survival_note: str = ""
    model: str = ""
    strength: float = 1.0
    parameters: Sequence[tuple[str, str]] = ()
    command_line: str = ""
    warnings: Sequence[str] = ()
    card: Mapping[str, Any] = field(default_factory=dict)
