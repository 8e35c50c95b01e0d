"""Windows over k-space that shape noise as reconstructions do, keep its SD, and say where it ends up.

White noise of SD 1 fills all of k-space evenly. Behind a window h along one axis its SD is the root of mean(h^2), so
every window here has mean(h^2) = 1 over its axis, the samples that were never measured (h = 0) included. A separable
product of such windows keeps the SD too. Scaling the factors one by one and multiplying them would not: the second
factor meets noise that is no longer white.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quietmr.data import InputError
from quietmr.signal import kspace_filters

Window = NDArray[np.float64]
Side = Literal["early", "late"]
WindowRule = Literal["acquired", "matrix"]

_REFERENCE_TAPER = 10  # samples
_ACQUIRED_TAPER = 0.1  # of the half axis


@dataclass(frozen=True)
class AxisFilters:
    """What happened to the k-space of one axis.

    Attributes
    ----------
    resolution : float
        Measured part of k-space (0 to 1), both ends cut alike; 1 = as fine as the image.
    partial_fourier : float or None
        Measured part (above 0.5) of a scan that was cut at one side; None = not cut.
    side : {"early", "late"}
        Which samples partial Fourier kept.
    gaussian : float
        Strength s of exp(-(s x)^2 / 2), x from -1 to 1 over k-space: the larger, the stronger; 0 = none.
    """

    resolution: float = 1.0
    partial_fourier: float | None = None
    side: Side = "early"
    gaussian: float = 0.0

    @property
    def are_none(self) -> bool:
        """Whether white noise stays white."""
        return self.resolution == 1 and self.partial_fourier is None and self.gaussian == 0


def unit_noise(window: Window) -> Window:
    """Scale a window over a whole axis to mean square 1, so that white noise keeps its SD.

    Raises
    ------
    InputError
        If the window is 0 everywhere.
    """
    power = float(np.mean(window**2))
    if power == 0:
        raise InputError(f"A k-space window over {len(window)} samples keeps none of them: use a weaker one.")
    return np.asarray(window / np.sqrt(power), dtype=np.float64)


def kept_samples(n: int, resolution: float) -> slice:
    """Find the samples of an axis of n that a scan of this resolution measured; k = 0 (n // 2) is their center."""
    cut = min(int((n - resolution * n) // 2), (n - 1) // 2)
    return slice(cut, n - cut)


def gaussian(n: int, strength: float, rule: WindowRule) -> Window:
    """Gaussian window over n samples, 1 at k = 0.

    Parameters
    ----------
    n : int
    strength : float
        See `AxisFilters`.
    rule : {"acquired", "matrix"}
        They differ where n is even. ``acquired`` (Gadgetron, `quietmr recon`): x = -1 at the first sample and one step
        below 1 at the last. ``matrix`` (the SNRAware code): the window of n - 1 samples, x from -1 to 1, behind a 0.
    """
    if n < 3 or strength == 0:
        return np.ones(n)
    if rule == "acquired":
        return kspace_filters.gaussian(n, strength)
    inner = n - 1 + n % 2
    window = np.exp(-0.5 * (strength * np.linspace(-1, 1, inner)) ** 2)
    return np.concatenate([np.zeros(n - inner), window])


def partial_fourier(n: int, ratio: float, side: Side, rule: WindowRule) -> Window:
    """Window over n samples of which a part was measured: a tapered edge where they end, 0 beyond.

    Parameters
    ----------
    n : int
    ratio : float
        Measured part, above 0.5 (k = 0 was measured) up to 1.
    side : {"early", "late"}
    rule : {"acquired", "matrix"}
        ``acquired``: as `quietmr recon` does it, the taper as long as a tenth of half the axis; ratio 1 changes
        nothing. ``matrix``: as the SNRAware code does it, 10 samples; ratio 1 tapers both ends, and ``early`` keeps one
        sample more than ``late``; on short axes the taper reaches k = 0.
    """
    if rule == "matrix":
        return _reference_partial_fourier(n, ratio, side)
    cut = n - max(round(ratio * n), n // 2 + 1)
    if cut == 0:
        return np.ones(n)
    to_center = (n // 2 if side == "late" else n - 1 - n // 2) - cut
    width = min(round(_ACQUIRED_TAPER * n / 2), to_center)
    rising = _rise(n, cut, width, 2 * (width + 1))
    return rising if side == "late" else rising[::-1].copy()


def _reference_partial_fourier(n: int, ratio: float, side: Side) -> Window:
    kept = min(max(int(ratio * n) + (side == "early"), (n + 1) // 2), n)
    width = min(_REFERENCE_TAPER, kept // 2)
    rising = _rise(n, n - kept, width, 2 * width + 1)
    if kept == n:
        return rising * rising[::-1]
    return rising if side == "late" else rising[::-1].copy()


def _rise(n: int, cut: int, width: int, period: int) -> Window:
    """Zeros on the first ``cut`` of n samples, then ``width`` samples of a raised cosine, then ones."""
    k = np.arange(n) - cut + 1
    return np.where(k < 1, 0.0, np.where(k <= width, 0.5 * (1 - np.cos(2 * np.pi * k / period)), 1.0))


def axis_window(n: int, filters: AxisFilters, rule: WindowRule) -> Window:
    """Window of one axis with all that happened to it, of unit noise.

    Parameters
    ----------
    n : int
        Samples of the image.
    filters : AxisFilters
    rule : {"acquired", "matrix"}
        ``acquired``: taper and Gaussian span the measured samples, and zero-filling brings them to n, as scanners do.
        ``matrix``: all of them span the n samples of the image and are multiplied (the SNRAware code).

    Returns
    -------
    array, shape (n,)
        k = 0 at n // 2, mean square 1.
    """
    kept = kept_samples(n, filters.resolution)
    m = kept.stop - kept.start if rule == "acquired" else n
    shape = gaussian(m, filters.gaussian, rule)
    if filters.partial_fourier is not None:
        shape = shape * partial_fourier(m, filters.partial_fourier, filters.side, rule)
    window = np.zeros(n)
    window[kept] = shape if rule == "acquired" else shape[kept]
    return unit_noise(window)


def shape_noise(noise: Tensor, windows: Mapping[int, Window]) -> Tensor:
    """Filter through k-space.

    Parameters
    ----------
    noise : Tensor, complex, any device
    windows : mapping from axis (negative) to Window
        k = 0 at n // 2, one sample for each of the axis.

    Returns
    -------
    Tensor
        Same shape and precision. A convolution does not depend on where x = 0 lies, so nothing but the windows is
        shifted.
    """
    if not windows:
        return noise
    axes = tuple(windows)
    kspace = torch.fft.fftn(noise, dim=axes)
    for axis, window in windows.items():
        column = torch.from_numpy(np.fft.ifftshift(window)).to(device=noise.device, dtype=noise.real.dtype)
        kspace *= column.reshape(-1, *(1,) * (-axis - 1))
    filtered: Tensor = torch.fft.ifftn(kspace, dim=axes)
    return filtered


def local_sd(sd: Tensor, windows: Mapping[int, Window]) -> Tensor:
    """SD behind `shape_noise` of white noise that had the given SD in each pixel.

    The variance is averaged with the squared point spread p of the windows (sum |p|^2 = mean(h^2) = 1 along each axis):
    ``sd'^2 = |p|^2 * sd^2``, a circular convolution.

    Parameters
    ----------
    sd : Tensor, real
        An axis of length 1 stands for equal values along it.
    windows : mapping from axis (negative) to Window
        Of unit noise.

    Returns
    -------
    Tensor
        Same shape, within the range of ``sd``.
    """
    variance = sd.square()
    for axis, window in windows.items():
        if sd.shape[axis] == 1:
            continue
        n = len(window)
        power = np.abs(np.fft.ifft(np.fft.ifftshift(window))) ** 2
        spread = torch.from_numpy(power[(np.arange(n)[:, None] - np.arange(n)) % n]).to(variance)
        variance = torch.moveaxis(torch.moveaxis(variance, axis, -1) @ spread.T, -1, axis)
    return variance.sqrt()
