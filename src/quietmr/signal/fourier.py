"""The Fourier transform of this house: centered (k = 0 and x = 0 at index n // 2) and orthonormal.

Orthonormal transforms leave the SD of white noise as it is, which is half of reconstruction in SNR units.
"""

from collections.abc import Sequence

import numpy as np
import scipy.fft
from numpy.typing import NDArray


def to_image(kspace: NDArray[np.complexfloating], axes: Sequence[int]) -> NDArray[np.complexfloating]:
    """Transform k-space to image space along the given axes (inverse FFT, centered, orthonormal).

    Parameters
    ----------
    kspace : array, complex
    axes : sequence of int

    Returns
    -------
    array
        Same shape and precision.
    """
    return _centered(scipy.fft.ifftn, kspace, axes)


def to_kspace(image: NDArray[np.complexfloating], axes: Sequence[int]) -> NDArray[np.complexfloating]:
    """Transform image space to k-space along the given axes (FFT, centered, orthonormal); inverse of `to_image`."""
    return _centered(scipy.fft.fftn, image, axes)


def _centered(transform: object, data: NDArray[np.complexfloating], axes: Sequence[int]) -> NDArray[np.complexfloating]:
    shifted = scipy.fft.ifftshift(data, axes=axes)
    turned = transform(shifted, axes=axes, norm="ortho", overwrite_x=True)  # type: ignore[operator]
    return np.asarray(scipy.fft.fftshift(turned, axes=axes))
