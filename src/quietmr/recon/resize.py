"""Another matrix for the same field of view: zero-filled or cropped k-space, with the noise accounted for.

Along an axis that goes from n to m samples the orthonormal transforms multiply the amplitude by sqrt(n/m). Zero-filling
(m > n) multiplies the SD of white noise by the same sqrt(n/m), because only n of m samples of k-space carry noise;
cropping (m < n) leaves the SD as it is, because each kept sample carries its noise. So after the factor sqrt(m/n),
which keeps the amplitude, zero-filled noise has its old SD and cropped noise sqrt(m/n) of it: big voxels are quieter.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from quietmr.data import InputError
from quietmr.recon.kspace_filters import sd_through, to_image, to_kspace

_AXES = (-3, -2, -1)


def noise_factor(old: Sequence[int], new: Sequence[int]) -> float:
    """SD of unit white noise after `resize`: the product of sqrt(new/old) over the cropped axes, 1 for zero-filling.

    Parameters
    ----------
    old, new : (Z, Y, X)
        Matrix before and after.
    """
    return math.prod(math.sqrt(min(1.0, m / n)) for n, m in zip(old, new, strict=True))


def resize(image: Tensor, shape: Sequence[int]) -> Tensor:
    """Resize an image by zero-filling or cropping its k-space; the amplitude stays, the noise SD may fall.

    Parameters
    ----------
    image : Tensor, shape (..., Z, Y, X), complex
    shape : (Z', Y', X')
        New matrix over the same field of view; the center of the field of view stays at n // 2.

    Returns
    -------
    Tensor, shape (..., Z', Y', X')
        A uniform image keeps its value; unit white noise has the SD `noise_factor` (correlated if zero-filled).

    Raises
    ------
    InputError
        If the new matrix is not three positive numbers.
    """
    _check(shape)
    return _through_kspace(image, shape, math.sqrt(math.prod(shape) / math.prod(image.shape[-3:])))


def resize_unit_noise(image: Tensor, shape: Sequence[int]) -> Tensor:
    """Resize an image in SNR units: unit white noise keeps SD 1, the signal gains where k-space is cropped.

    The result is `resize` divided by `noise_factor`: zero-filled axes keep the amplitude, along cropped axes it grows
    by sqrt(old/new), which is the SNR of larger voxels.
    """
    _check(shape)
    old = image.shape[-3:]
    return _through_kspace(image, shape, math.sqrt(math.prod(max(1.0, m / n) for n, m in zip(old, shape, strict=True))))


def resize_map(sigma: Tensor, shape: Sequence[int]) -> Tensor:
    """Resize a map of noise SD (g-factor) as `resize_unit_noise` resizes the image that it belongs to.

    Parameters
    ----------
    sigma : Tensor, shape (..., Z, Y, X), float32, >= 0
    shape : (Z', Y', X')

    Returns
    -------
    Tensor, shape (..., Z', Y', X')
        SD of white noise times ``sigma`` after `resize_unit_noise`: root of the variance averaged with the squared
        interpolation kernel. A uniform map keeps its value, nothing leaves the range of the old map. Multiply by
        `noise_factor` for the noise of `resize`.
    """
    _check(shape)
    operators = {}
    for axis, m in zip(_AXES, shape, strict=True):
        n = sigma.shape[axis]
        if m != n:
            identity = torch.eye(n, dtype=torch.complex128).reshape(n, 1, 1, n)
            operators[axis] = resize_unit_noise(identity, (1, 1, m)).reshape(n, m).T
    return sd_through(sigma, operators)


def center_window(kspace: Tensor, shape: Sequence[int]) -> Tensor:
    """Crop or zero-fill the last axes of k-space to ``shape``, k = 0 going from n // 2 to m // 2 (no scaling)."""
    first = kspace.ndim - len(shape)
    source: list[slice] = [slice(None)] * first
    target: list[slice] = [slice(None)] * first
    for n, m in zip(kspace.shape[first:], shape, strict=True):
        kept, start = min(n, m), n // 2 - m // 2
        source.append(slice(max(start, 0), max(start, 0) + kept))
        target.append(slice(max(-start, 0), max(-start, 0) + kept))
    if all(m <= n for n, m in zip(kspace.shape[first:], shape, strict=True)):
        return kspace[tuple(source)]
    filled = kspace.new_zeros((*kspace.shape[:first], *shape))
    filled[tuple(target)] = kspace[tuple(source)]
    return filled


def _through_kspace(image: Tensor, shape: Sequence[int], scale: float) -> Tensor:
    axes = [axis for axis, m in zip(_AXES, shape, strict=True) if image.shape[axis] != m]
    if not axes:
        return image
    resized = center_window(to_kspace(image, axes), (*image.shape[:-3], *shape))
    return to_image(resized * scale, axes)


def _check(shape: Sequence[int]) -> None:
    if len(shape) != 3 or min(shape) < 1:
        raise InputError(f"The new matrix has to be three positive numbers (Z, Y, X), got {tuple(shape)}: change it.")
