"""What the tests of a residual say."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Verdict = Literal["only noise", "structure removed", "structure added", "nothing removed", "nothing claimed"]


@dataclass(frozen=True)
class Finding:
    """One test of the residual.

    Parameters
    ----------
    name : str
        What was tested, in a few words for a heading.
    value : float
        The statistic.
    unit : str
        Its unit ("" for a ratio).
    limits : (float or None, float or None)
        Lowest and highest value that noise alone explains; None where there is no limit.
    passed : bool, optional
        Whether the value lies within the limits; None where nothing is claimed.
    words : str
        The verdict in one plain sentence.
    source : str
        Where the test and its limits come from.
    """

    name: str
    value: float
    unit: str
    limits: tuple[float | None, float | None]
    passed: bool | None
    words: str
    source: str


@dataclass(frozen=True, eq=False)
class ResidualEvidence:
    """All tests of one residual, and what they say together.

    Parameters
    ----------
    verdict : Verdict
        The answer in two words.
    words : str
        The answer in one or two plain sentences.
    findings : tuple of Finding
        The single tests, the most telling first.
    structure : array, shape (T, Z, Y, X), float32
        Where the residual holds more than noise: local excess in standard errors, negative where structure was added,
        0 where nothing was tested.
    """

    verdict: Verdict
    words: str
    findings: tuple[Finding, ...]
    structure: NDArray[np.float32]
