"""New noise of the kind that an image has, on a signal that takes the place of the truth."""

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray

from quietmr.data import Image, InputError, NoiseMap
from quietmr.denoise import Denoiser
from quietmr.signal.finite import fill_nonfinite

Around = Literal["denoised", "image"]
"""Where fresh noise is added without a truth: to the denoised image, or to the noisy image once more."""
_IN_CACHE = 1 << 15  # voxels


def add_noise(signal: NDArray[Any], noise: NoiseMap, rng: np.random.Generator) -> NDArray[Any]:
    """Make a noisy image of a signal.

    Parameters
    ----------
    signal : array, shape (T, Z, Y, X), float32 or complex64
        Noise-free values.
    noise : NoiseMap
        Its kind is the law of the result: complex values, magnitudes of ``n_channels`` complex channels of which the
        first holds the signal (Rician, non-central chi), or signed real values. Where ``support`` says that k-space is
        not full, the noise fills the same part of it; its SD stays sigma.
    rng : numpy.random.Generator
        The draw does not depend on the signal: two signals and two generators of one seed meet the same noise.

    Returns
    -------
    array, same shape and type

    Raises
    ------
    InputError
        If the noise map does not fit the signal in shape or in being complex.
    """
    sigma = noise.over(signal.shape)
    if np.iscomplexobj(signal) != (noise.kind == "complex"):
        found = "complex" if np.iscomplexobj(signal) else "real"
        raise InputError(f"The image is {found} and its noise of kind '{noise.kind}': give a noise map that suits it.")
    gain = _gain(signal.shape, noise.support)
    real, imaginary = _channel(signal.shape, gain, rng)
    real *= sigma
    if noise.kind == "gaussian":
        return np.asarray(signal + real, dtype=np.float32)
    imaginary *= sigma
    if noise.kind == "complex":
        return np.asarray(signal + (real + 1j * imaginary), dtype=np.complex64)
    real += signal
    for _ in range(noise.n_channels - 1):
        for part in _channel(signal.shape, gain, rng):
            np.hypot(imaginary, sigma * part, out=imaginary)
    # The plain root: hypot costs more than the noise.
    np.square(real, out=real)
    np.square(imaginary, out=imaginary)
    real += imaginary
    return np.sqrt(real, out=real)


def take_signal(
    denoiser: Denoiser, image: Image, noise: NoiseMap, around: Image | Around
) -> tuple[NDArray[Any], NoiseMap]:
    """Choose the signal that takes the place of the truth.

    Parameters
    ----------
    denoiser : Denoiser
    image : Image
        The noisy image; values that are not finite are replaced by their neighbors.
    noise : NoiseMap
        Its noise.
    around : Image or {"denoised", "image"}
        A truth on the grid of the image; its denoised copy (a parametric bootstrap); or the noisy image itself.

    Returns
    -------
    signal : array, shape (T, Z, Y, X)
    told : NoiseMap
        What the denoiser is to be told of the noise. The noisy image with noise added has sqrt 2 times the noise.

    Raises
    ------
    InputError
        If the noise is zero everywhere, or the truth does not fit the image.
    """
    if noise.level == 0.0:
        raise InputError("The noise level is zero everywhere, so there is no noise to draw: check the noise map.")
    noise.over(image.shape)
    if isinstance(around, Image):
        if around.shape != image.shape or around.is_complex != image.is_complex:
            raise InputError(
                f"The truth has shape {around.shape} and the image {image.shape} (T, Z, Y, X), and both must be "
                "complex or neither: give a truth on the grid of the image."
            )
        return fill_nonfinite(around.data)[0], noise
    filled = fill_nonfinite(image.data)[0]
    if around == "image":
        return filled, replace(noise, sigma=np.sqrt(np.float32(2)) * noise.sigma)
    return denoiser(image.replace(data=filled, noise=noise)).data, noise


def _gain(shape: tuple[int, ...], support: tuple[float, float, float] | None) -> NDArray[np.float32] | None:
    """k-space of the noise, (Z, Y, X) in FFT order, mean square 1; None if it is full."""
    if support is None or all(part >= 1.0 for part in support):
        return None
    gain = np.ones((1, 1, 1), np.float32)
    for axis, (n, part) in enumerate(zip(shape[1:], support, strict=True)):
        kept = (2 * np.abs(np.fft.fftfreq(n)) <= part).astype(np.float32)
        gain = gain * kept.reshape([-1 if a == axis else 1 for a in range(3)])
    return np.asarray(gain / np.sqrt(np.mean(np.square(gain))))


def _channel(
    shape: tuple[int, ...], gain: NDArray[np.float32] | None, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Real and imaginary part of complex noise of SD 1 in each."""
    real, imaginary = _white(shape, rng), _white(shape, rng)
    if gain is None:
        return real, imaginary
    axes = (-3, -2, -1)
    noise = scipy.fft.ifftn(scipy.fft.fftn(real + 1j * imaginary, axes=axes) * gain, axes=axes)
    return noise.real.astype(np.float32), noise.imag.astype(np.float32)


def _white(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """White noise of SD 1, by torch, which draws it three times as fast as numpy."""
    generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
    noise = torch.empty(shape)
    row = noise.view(-1)
    for start in range(0, row.numel(), _IN_CACHE):
        row[start : start + _IN_CACHE].normal_(generator=generator)
    return np.asarray(noise.numpy())
