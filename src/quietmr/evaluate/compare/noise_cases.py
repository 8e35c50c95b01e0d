"""The noise that a comparison adds: white, filtered in k-space, or stronger in the middle.

Magnitudes become noisy magnitudes (Rician noise), signed and complex images get Gaussian noise.

Percent noise: sigma per real channel as a percentage of a named brightness, by default that of the brightest tissue
(`quietmr.evaluate.compare.references`). Every method is told the true sigma, as a map where it varies. Nobody is told
the spectrum.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

# float32 (magnitudes) or complex64.
Array = NDArray[Any]
Kind = Literal["white", "correlated", "varying"]
KINDS: dict[Kind, str] = {
    "white": "white noise (Rician in magnitudes), the same everywhere",
    "correlated": "noise of a scanner that fills 80 % of k-space in plane and tapers its rim (Tukey): signal "
    "and noise pass the same filter, so the filtered image is the truth",
    "varying": "white noise with a g-factor map as of parallel imaging (two to three times stronger in the "
    "middle than at the rim, median 1 over the foreground)",
}
_FILLED, _FLAT = 0.8, 0.5  # of Nyquist: end of the taper, and its beginning


@dataclass(frozen=True)
class NoisyCase:
    """One noisy image with its truth; arrays have shape (T, Z, Y, X), sigma is in the units of the image."""

    truth: Array
    noisy: Array
    sigma: Array


def draw(
    clean: Array, foreground: NDArray[np.bool_], level: float, kind: Kind, seed: str, *, signed: bool = False
) -> NoisyCase:
    """Add noise of SD ``level`` per real channel (median over the foreground) to a clean image.

    The draw depends on ``seed`` (a name) and the kind alone, so that every method meets the same noise.

    Parameters
    ----------
    clean : array, shape (T, Z, Y, X), float32 or complex64
        Magnitude, signed or complex values, finite.
    foreground : array of bool, same shape
        Where noise that varies has the median ``level``.
    level : float
        SD per real channel, in the units of the image.
    kind : {"white", "correlated", "varying"}
        See `KINDS`.
    seed : str
        Names the draw.
    signed : bool
        Real values that may be negative: the noise is Gaussian, no magnitude is taken.

    Returns
    -------
    NoisyCase
    """
    rng = np.random.default_rng([zlib.crc32(seed.encode()), zlib.crc32(kind.encode())])
    real, imaginary = rng.standard_normal((2, *clean.shape))
    noise = real + 1j * imaginary
    truth, sigma = clean, np.full(clean.shape, level)
    if kind == "correlated":
        gain = _tukey(clean.shape[-2], clean.shape[-1])
        truth = _as(clean, _filter(clean, gain), signed=signed)
        noise = _filter(noise, gain / np.sqrt(np.mean(gain**2)))
    elif kind == "varying":
        sigma = level * _g_map(clean.shape, foreground)
    return NoisyCase(truth, _as(clean, truth + sigma * noise, signed=signed), sigma.astype(np.float32))


def _as(clean: Array, image: NDArray[np.complexfloating[Any]], *, signed: bool) -> Array:
    """Give a complex image as the clean one is: complex, its real part, or its magnitude."""
    if signed:
        return image.real.astype(np.float32)
    return image.astype(np.complex64) if np.iscomplexobj(clean) else np.abs(image).astype(np.float32)


def _filter(image: Array, gain: NDArray[np.float64]) -> NDArray[np.complex128]:
    filtered: NDArray[np.complex128] = np.fft.ifft2(np.fft.fft2(image) * gain)
    return filtered


def _tukey(rows: int, columns: int) -> NDArray[np.float64]:
    """k-space gain in FFT order, separable."""

    def axis(n: int) -> NDArray[np.float64]:
        frequency = 2 * np.abs(np.fft.fftfreq(n))
        ramp = np.clip((frequency - _FLAT) / (_FILLED - _FLAT), 0, 1)
        return np.asarray(0.5 + 0.5 * np.cos(np.pi * ramp))

    return np.outer(axis(rows), axis(columns))


def _g_map(shape: tuple[int, ...], foreground: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Make a hump in the middle of the picture and a band across it, as parallel imaging leaves them."""
    y, x = np.meshgrid(np.linspace(-1, 1, shape[-2]), np.linspace(-1, 1, shape[-1]), indexing="ij")
    hump = 1.2 * np.exp(-((x / 0.6) ** 2) - (y / 0.7) ** 2)
    band = 0.5 * np.exp(-(((y - 0.25) / 0.12) ** 2))
    g = np.broadcast_to(1 + hump + band, shape)
    return np.asarray(g / np.median(g[foreground]))
