"""Filters of k-space that leave the SD of the noise as it is, and what they make of a noise map.

Also here: the transforms of the house for tensors of any device (on the CPU scipy is 2 to 4 times faster than torch).
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quietmr.data import InputError
from quietmr.signal import fourier

Window = NDArray[np.float64]
WindowOfLength = Callable[[int], Window]
PerAxis = tuple[Window | None, Window | None, Window | None]
Sampled = tuple[NDArray[np.bool_] | None, NDArray[np.bool_] | None, NDArray[np.bool_] | None]

FILTERS = ("none", "gaussian:SIGMA", "hann", "hamming", "tukey:WIDTH")
_ALL: Sampled = (None, None, None)


def to_image(kspace: Tensor, axes: Sequence[int]) -> Tensor:
    """Transform k-space to image space (inverse FFT, centered, orthonormal) on the device of the tensor."""
    if kspace.device.type == "cpu":
        return torch.from_numpy(fourier.to_image(kspace.detach().resolve_conj().numpy(), axes))
    dims = tuple(axes)
    turned = torch.fft.ifftn(torch.fft.ifftshift(kspace, dim=dims), dim=dims, norm="ortho")
    image: Tensor = torch.fft.fftshift(turned, dim=dims)
    return image


def to_kspace(image: Tensor, axes: Sequence[int]) -> Tensor:
    """Transform image space to k-space (FFT, centered, orthonormal) on the device of the tensor."""
    if image.device.type == "cpu":
        return torch.from_numpy(fourier.to_kspace(image.detach().resolve_conj().numpy(), axes))
    dims = tuple(axes)
    turned = torch.fft.fftn(torch.fft.ifftshift(image, dim=dims), dim=dims, norm="ortho")
    kspace: Tensor = torch.fft.fftshift(turned, dim=dims)
    return kspace


def _positions(n: int) -> Window:
    """Positions of n samples from -1 (edge) over 0 (k = 0, index n // 2) to 1; even n stop one step before 1."""
    return np.asarray((np.arange(n) - n // 2) / max(n // 2, 1), dtype=np.float64)


def gaussian(n: int, sigma: float) -> Window:
    """Gaussian window in the convention of Gadgetron: exp(-(sigma x)^2 / 2), x from -1 to 1.

    Parameters
    ----------
    n : int
        Samples of the axis.
    sigma : float
        Strength, not width: the larger, the stronger; 0 filters nothing.
    """
    return np.exp(-0.5 * (sigma * _positions(n)) ** 2)


def hann(n: int) -> Window:
    """Hann window, 1 at k = 0 and 0 at the edge."""
    return 0.5 + 0.5 * np.cos(np.pi * _positions(n))


def hamming(n: int) -> Window:
    """Hamming window, 1 at k = 0 and 0.08 at the edge."""
    return 0.54 + 0.46 * np.cos(np.pi * _positions(n))


def tukey(n: int, width: float) -> Window:
    """Tapered Hann (Tukey) window: 1 in the middle, a falling cosine over the part ``width`` (0 to 1) at each side."""
    if width == 0:
        return np.ones(n)
    outside = np.clip((np.abs(_positions(n)) - (1 - width)) / width, 0, 1)
    return 0.5 + 0.5 * np.cos(np.pi * outside)


def filter_by_name(name: str) -> WindowOfLength:
    """Turn "none", "gaussian:1.5", "hann", "hamming" or "tukey:0.3" into a function of the axis length.

    Raises
    ------
    InputError
        If the name is unknown or its number is missing, superfluous or out of range.
    """
    kind, colon, text = name.partition(":")
    plain: dict[str, WindowOfLength] = {"none": np.ones, "hann": hann, "hamming": hamming}
    if kind in plain and not colon:
        return plain[kind]
    limits = {"gaussian": 10.0, "tukey": 1.0}
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if kind not in limits or not 0 <= value <= limits[kind]:
        raise InputError(
            f"There is no k-space filter '{name}': use {', '.join(FILTERS)} with SIGMA from 0 to 10 and WIDTH from 0 "
            "to 1, for example gaussian:1.5."
        )
    return (lambda n: gaussian(n, value)) if kind == "gaussian" else (lambda n: tukey(n, value))


def unit_noise(window: NDArray[np.inexact], sampled: NDArray[np.bool_]) -> NDArray[np.inexact]:
    """Scale a window so that white noise keeps its SD: divide by the root mean of |f|^2 over the sampled positions.

    Parameters
    ----------
    window : array, shape (n,), real or complex
    sampled : array, shape (n,), bool
        Which positions were measured. Averaging over the whole axis instead leaves the SD of partial-Fourier scans
        too low (Gadgetron PR 328).

    Raises
    ------
    InputError
        If nothing was sampled, the window is 0 wherever it was, or the lengths differ.
    """
    if window.shape != sampled.shape:
        raise InputError(
            f"A k-space filter of {window.shape} samples does not fit an axis of {sampled.shape}: match them."
        )
    power = float(np.mean(np.abs(window[sampled]) ** 2)) if sampled.any() else 0.0
    if power == 0:
        raise InputError("The k-space filter removes all sampled positions of an axis: use a weaker filter.")
    return np.asarray(window / np.sqrt(power))


def _scaled(windows: PerAxis, sampled: Sampled, shape: Sequence[int]) -> dict[int, NDArray[np.inexact]]:
    """Unit-noise window of each axis that has one; keys are the axes -3, -2, -1."""
    scaled = {}
    for axis, window, measured in zip((-3, -2, -1), windows, sampled, strict=True):
        if window is None:
            continue
        if len(window) != shape[axis]:
            raise InputError(
                f"A k-space filter of {len(window)} samples does not fit an axis of {shape[axis]}: make it as long."
            )
        scaled[axis] = unit_noise(window, np.ones(len(window), dtype=bool) if measured is None else measured)
    return scaled


def apply(image: Tensor, windows: PerAxis, sampled: Sampled = _ALL) -> Tensor:
    """Filter an image through k-space; white noise keeps its SD.

    Parameters
    ----------
    image : Tensor, shape (..., Z, Y, X), complex
    windows : three arrays or None
        Window over k of the axes Z, Y, X (k = 0 at n // 2); None leaves the axis alone. Their scale does not matter.
    sampled : three bool arrays or None
        Measured extent of each axis; None stands for all of it.

    Returns
    -------
    Tensor
        Same shape and precision. A window that is 1 at k = 0 and falls multiplies the signal by more than 1: that is
        the gain in SNR. The noise becomes correlated.
    """
    scaled = _scaled(windows, sampled, image.shape)
    if not scaled:
        return image
    kspace = to_kspace(image, tuple(scaled))
    for axis, window in scaled.items():
        column = window.reshape(-1, *(1,) * (-axis - 1)).astype(np.float32)
        kspace *= torch.from_numpy(column).to(image.device)
    return to_image(kspace, tuple(scaled))


def apply_to_map(sigma: Tensor, windows: PerAxis, sampled: Sampled = _ALL) -> Tensor:
    """Noise SD after `apply`, for white noise that was multiplied by ``sigma``.

    Parameters
    ----------
    sigma : Tensor, shape (..., Z, Y, X), float32
        SD before, for example the g-factor. Where it varies within the point spread of the filter, the SD after the
        filter is the root of the variance averaged with the squared point spread (the windows being the same at all
        sampled positions of the other axes).
    windows, sampled : see `apply`

    Returns
    -------
    Tensor
        Same shape, positive, never outside the range of ``sigma`` where all of the axis was sampled.
    """
    operators: dict[int, Tensor] = {}
    for axis, window in _scaled(windows, sampled, sigma.shape).items():
        identity = np.eye(len(window), dtype=np.complex128)
        spread = fourier.to_image(fourier.to_kspace(identity, (0,)) * window[:, None], (0,))
        operators[axis] = torch.from_numpy(spread)
    return sd_through(sigma, operators)


def sd_through(sigma: Tensor, operators: dict[int, Tensor]) -> Tensor:
    """SD of white noise times ``sigma`` after a separable linear operator.

    Parameters
    ----------
    sigma : Tensor, shape (..., Z, Y, X), float32
    operators : dict of Tensor, shape (new, old)
        Matrix A of each axis (-3, -2, -1) that changes: variance' = |A|^2 variance, along each of them.
    """
    variance = sigma.double().square()
    for axis, operator in operators.items():
        weights = operator.abs().square().to(variance)
        variance = torch.moveaxis(torch.tensordot(variance, weights, dims=([axis], [1])), -1, axis)
    root: Tensor = variance.clamp_min(0).sqrt().to(sigma.dtype)
    return root
