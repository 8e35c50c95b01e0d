"""Mean and SD of many images, none of which is kept."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Running:
    """Mean and SD of what is added, by Welford's recurrence (Technometrics 4:419, 1962).

    Single precision, as the images: its errors are those of the images themselves, 1e-7 of their values, and no sums of
    squares of large numbers are formed. Memory: four arrays, however many images are added.
    """

    def __init__(self) -> None:
        self.count = 0
        self._mean: NDArray[Any] = np.zeros(())
        self._squares: NDArray[np.float32] = np.zeros((), np.float32)
        self._step: NDArray[Any] = np.zeros(())

    def add(self, image: NDArray[Any]) -> None:
        """Take one more image, real or complex, of the same shape as those before."""
        self.count += 1
        if self.count == 1:
            self._mean = image.astype(np.complex64 if np.iscomplexobj(image) else np.float32)
            self._squares = np.zeros(image.shape, np.float32)
            self._step = np.empty_like(self._mean)
            return
        step = np.subtract(image, self._mean, out=self._step)
        step /= self.count
        self._mean += step
        # (x - old mean) (x - new mean) = n (n - 1) step^2
        for part in (step.real, step.imag) if np.iscomplexobj(step) else (step,):
            self._squares += (self.count * (self.count - 1)) * np.square(part)

    @property
    def mean(self) -> NDArray[Any]:
        """Mean, complex64 or float32."""
        return self._mean

    @property
    def sd(self) -> NDArray[np.float32]:
        """Standard deviation with N - 1 degrees of freedom; of complex images per real channel."""
        channels = 2 if np.iscomplexobj(self._mean) else 1
        return np.asarray(np.sqrt(self._squares / np.float32(channels * (self.count - 1))))
