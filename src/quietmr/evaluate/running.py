"""Mean and SD of many images, none of which is kept."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Running:
    """Mean and SD of what is added, by Welford's recurrence (Technometrics 4:419, 1962), in double precision.

    Memory: two arrays, however many images are added.
    """

    def __init__(self) -> None:
        self.count = 0
        self._mean: NDArray[Any] = np.zeros(())
        self._squares: NDArray[np.float64] = np.zeros(())

    def add(self, image: NDArray[Any]) -> None:
        """Take one more image, real or complex, of the same shape as those before."""
        self.count += 1
        if self.count == 1:
            self._mean = image.astype(np.complex128 if np.iscomplexobj(image) else np.float64)
            self._squares = np.zeros(image.shape)
            return
        step = image - self._mean
        # (x - old mean) (x - new mean) = step^2 (1 - 1 / n)
        self._squares += (np.abs(step) ** 2 if np.iscomplexobj(step) else step * step) * (1 - 1 / self.count)
        step /= self.count
        self._mean += step

    @property
    def mean(self) -> NDArray[Any]:
        """Mean, complex128 or float64."""
        return self._mean

    @property
    def sd(self) -> NDArray[np.float64]:
        """Standard deviation with N - 1 degrees of freedom; of complex images per real channel."""
        channels = 2 if np.iscomplexobj(self._mean) else 1
        return np.asarray(np.sqrt(self._squares / (channels * (self.count - 1))))
