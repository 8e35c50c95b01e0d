"""The one thing that an engine can do."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Runner(Protocol):
    """A network that is ready to run."""

    @property
    def device(self) -> str:
        """Where it runs, for the history."""

    @property
    def precision(self) -> str:
        """What it computes in, for the history: float32, bfloat16, int8 and float32 ..."""

    def __call__(self, channels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Denoise one tile.

        Parameters
        ----------
        channels : array, shape (2 or 3, F, Y, X)
            Noisy magnitude, or real and imaginary part, and noise SD, all in units of the noise level.

        Returns
        -------
        array, shape (1 or 2, F, Y, X)
            Magnitude, or real and imaginary part, in the same units; may be negative.
        """
