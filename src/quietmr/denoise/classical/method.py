"""What must be said of a method before anyone compares it: library, license, source, and what it knows of the noise."""

from dataclasses import dataclass
from typing import Literal

BiasRule = Literal["told", "corrected after"]


@dataclass(frozen=True)
class Method:
    """Facts of one classical method.

    Parameters
    ----------
    library : str
        Who wrote the filter that runs: "dipy", "scikit-image", "bm3d", "bm4d" or "quietmr".
    license : str
        SPDX name of the license of that library, or "non-commercial".
    citation : str
        The paper that describes the method.
    bias : {"told", "corrected after"}
        What happens to the Rician bias of a magnitude image. "told": the filter itself is told that the noise is
        Rician. "corrected after": it filters as if the noise were Gaussian and the mean is turned into the signal
        afterwards (`quietmr.noise.signal_from_mean`).
    extra : str, optional
        Extra of quietmr that installs the library; None if it comes with quietmr.
    series : bool
        True if it works on the frames of a series together and refuses a single volume.
    """

    library: str
    license: str
    citation: str
    bias: BiasRule = "corrected after"
    extra: str | None = None
    series: bool = False

    @property
    def is_free(self) -> bool:
        """True if the license lets anybody use the library, commercially too."""
        return self.license != "non-commercial"
