"""Coil maps from the center of k-space: one unit vector over the coils for each pixel, smooth in amplitude and phase.

The maps are estimated on a coarse grid, which is all the resolution they have, and interpolated.
"""

import math
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

from quietmr.data import InputError
from quietmr.recon.tensor_fourier import center_window, to_image
from quietmr.signal.kspace_filters import hann

Method = Literal["inati", "walsh"]

# Samples along an axis of k-space that maps need at least, and those beyond which they only gather noise.
_FEWEST, _MOST = 24, 40
# Radii (SD) of the neighborhoods in parts of the field of view, and the weight of the large one: it speaks only where
# the small one holds no signal, and so continues the maps into air.
_NEAR, _FAR, _FAR_WEIGHT = 0.01, 0.12, 1e-3
# Sum of squares of interpolated unit vectors below which their phases disagreed.
_CANCELLED = 0.8
_INATI_ROUNDS, _POWER_ROUNDS, _PHASE_ROUNDS = 4, 4, 6


def coil_maps(calibration: Tensor, shape: tuple[int, int, int], method: Method = "inati") -> Tensor:
    """Estimate coil maps.

    Parameters
    ----------
    calibration : Tensor, shape (C, Kz, Ky, Kx), complex64
        Whitened, fully sampled center of k-space, k = 0 at index n // 2; an axis of length 1 has no encoding.
    shape : (Z, Y, X)
        Pixels wanted over the field of view of the calibration.
    method : {"inati", "walsh"}
        Iterative estimate of maps and combined image in turn (Inati, Hansen, Kellman, ISMRM 2013, 2672), or first
        eigenvector of the local covariance of the coils (Walsh, Gmitro, Marcellin, MRM 43:682, 2000).

    Returns
    -------
    Tensor, shape (C, Z, Y, X), complex64
        ``sum_c |c|^2 = 1`` everywhere, in air as well. The phase is that of one fixed mixture of the coils (a virtual
        coil, chosen so that it sees every pixel with signal), which makes it continuous.

    Raises
    ------
    InputError
        If the calibration has no signal, is not finite or does not fit the shape, or the method is unknown.
    """
    _check(calibration, shape, method)
    images = _coarse_images(calibration, shape)
    smooth = _smoother(images)
    coarse = _inati(images, smooth) if method == "inati" else _walsh(images, smooth)
    return _interpolate(coarse, shape)


def _check(calibration: Tensor, shape: Sequence[int], method: str) -> None:
    if method not in ("inati", "walsh"):
        raise InputError(f"There is no method '{method}' for coil maps: use inati or walsh.")
    if calibration.ndim != 4 or not calibration.is_complex() or len(shape) != 3 or min(shape) < 1:
        raise InputError(
            f"Coil maps need complex calibration data (C, Kz, Ky, Kx) and a shape (Z, Y, X), got "
            f"{tuple(calibration.shape)} and {tuple(shape)}."
        )
    if calibration.shape[1] == 1 and shape[0] > 1:
        raise InputError(
            f"Calibration data of one partition cannot give coil maps of {shape[0]}: give the maps of one slice at a "
            "time, or calibrate more partitions."
        )
    power = float(calibration.abs().square().sum(dtype=torch.float64))
    if not 0 < power < math.inf:
        raise InputError("The calibration data are all zero or not finite: there are no coil maps without a signal.")


def _coarse_images(calibration: Tensor, shape: Sequence[int]) -> Tensor:
    """Coil images with the resolution of the shortest calibrated phase-encoding axis, on a grid twice as fine."""
    sizes = calibration.shape[1:]
    encoded = [k / n for k, n in zip(sizes[:2], shape[:2], strict=True) if k > 1]
    part = min(encoded, default=1.0)
    kept = [min(k, max(_FEWEST, min(_MOST, round(part * n)))) for k, n in zip(sizes, shape, strict=True)]
    low = center_window(calibration.to(torch.complex64), (len(calibration), *kept)).clone()
    for axis, k in zip((-3, -2, -1), kept, strict=True):
        if k > 1:
            # two samples longer, so that the outermost one is not lost
            window = torch.from_numpy(hann(k + 2)[1:-1]).to(low.device, torch.float32)
            low *= window.reshape(-1, *(1,) * (-axis - 1))
    # A volume has voxels enough at the resolution itself.
    finer = 2 if sizes[0] == 1 else 1
    grid = [finer * k if k > 1 else 1 for k in kept]
    return to_image(center_window(low, (len(low), *grid)), (-3, -2, -1))


def _smoother(images: Tensor) -> Callable[[Tensor], Tensor]:
    """Weighted mean over a small neighborhood, plus a little of a large one."""
    kernels = [
        [_gaussian_mean(n, radius, images) if n > 1 else None for n in images.shape[1:]] for radius in (_NEAR, _FAR)
    ]

    def smooth(data: Tensor) -> Tensor:
        near, far = (_along_axes(data, matrices) for matrices in kernels)
        return near + _FAR_WEIGHT * far

    return smooth


def _gaussian_mean(n: int, radius: float, like: Tensor) -> Tensor:
    """Matrix (n, n) of Gaussian weights with rows that sum to 1, also at the edges."""
    position = torch.arange(n, device=like.device) / n
    width = max(radius, 0.5 / n)
    weights = torch.exp(-0.5 * ((position[:, None] - position) / width) ** 2)
    # Denormal numbers would make the products several times slower.
    weights = weights.where(weights > 1e-9, 0.0)
    return weights / weights.sum(dim=1, keepdim=True)


def _along_axes(data: Tensor, matrices: Sequence[Tensor | None]) -> Tensor:
    """Multiply the last three axes of complex (C, Z, Y, X) by real matrices (new, old); None leaves an axis."""
    parts = torch.stack((data.real, data.imag))
    z, y, x = matrices
    if z is not None:
        parts = torch.einsum("ij,kcjyx->kciyx", z, parts)
    if y is not None:
        parts = y @ parts
    if x is not None:
        parts = parts @ x.T
    return torch.complex(parts[0], parts[1])


def _unit(maps: Tensor) -> Tensor:
    """Divide by the root of the sum of squares over the coils."""
    power = torch.zeros_like(maps[0].real)
    for coil in maps:
        power.addcmul_(coil.real, coil.real).addcmul_(coil.imag, coil.imag)
    return maps * power.clamp_min(1e-37).rsqrt()


def _inati(images: Tensor, smooth: Callable[[Tensor], Tensor]) -> Tensor:
    # Without a common scale, squares of tiny or huge data leave the range of float32.
    images = images / images.abs().max()
    mean = images.flatten(1).sum(dim=1)
    combined = torch.einsum("c,czyx->zyx", mean.conj(), images)
    maps = _unit(smooth(images * combined.conj()))
    mixture = _mixture(maps, images)
    for _ in range(_INATI_ROUNDS - 1):
        combined = (_referenced(maps, mixture).conj() * images).sum(dim=0)
        maps = _unit(smooth(images * combined.conj()))
    return _referenced(maps, _mixture(maps, images))


def _walsh(images: Tensor, smooth: Callable[[Tensor], Tensor]) -> Tensor:
    n_coils, *grid = images.shape
    images = images / images.abs().max()
    products = (images[:, None] * images.conj()[None]).reshape(-1, *grid)
    covariance = smooth(products).reshape(n_coils, n_coils, -1).permute(2, 0, 1)
    # Squaring a matrix doubles the number of power iterations.
    for _ in range(_POWER_ROUNDS):
        covariance = covariance @ covariance
        covariance = covariance / covariance.diagonal(dim1=1, dim2=2).real.sum(dim=1).clamp_min(1e-30)[:, None, None]
    # The longest column of a matrix of rank one is its vector.
    longest = covariance.diagonal(dim1=1, dim2=2).real.argmax(dim=1)
    vectors = covariance[torch.arange(len(covariance), device=images.device), :, longest]
    maps = _unit(vectors.T.reshape(n_coils, *grid))
    return _referenced(maps, _mixture(maps, images))


def _mixture(maps: Tensor, images: Tensor) -> Tensor:
    """Find a mixture v of the coils that sees the whole object: the mean of log |v^H c| over the signal is largest.

    Where a mixture does not vanish its phase is continuous; around a zero it would wind.
    """
    vectors = maps.flatten(1)
    power = images.abs().square().sum(dim=0).flatten()
    weight = (power / power.max()).sqrt()
    reach = torch.ones_like(weight)
    for _ in range(_PHASE_ROUNDS):
        gram = (vectors * (weight / reach)) @ vectors.mH
        mixture: Tensor = torch.linalg.eigh(gram.to(torch.complex128))[1][:, -1].to(maps.dtype)
        reach = (mixture.conj() @ vectors).abs().square() + 1e-3
    return mixture


def _referenced(maps: Tensor, mixture: Tensor) -> Tensor:
    """Turn the phase of the maps so that the mixture of the coils is real and positive everywhere."""
    seen = (mixture.conj() @ maps.flatten(1)).reshape(maps.shape[1:])
    return maps * torch.polar(torch.ones_like(seen.real), -seen.angle())


def _interpolate(coarse: Tensor, shape: Sequence[int]) -> Tensor:
    matrices = [_cubic(n, m, coarse) if n != m else None for n, m in zip(coarse.shape[1:], shape, strict=True)]
    fine = _along_axes(coarse, matrices)
    power = fine.abs().square().sum(dim=0)
    # Around a zero of the mixture the phase winds, neighbors cancel, and what is left points anywhere.
    cancelled = torch.nonzero(power < _CANCELLED)
    fine = _unit(fine)
    if len(cancelled):
        fine[:, *cancelled.T] = _aligned_mean(coarse, cancelled, shape)
    return fine


def _aligned_mean(coarse: Tensor, where: Tensor, shape: Sequence[int]) -> Tensor:
    """Interpolate maps linearly at some fine pixels (N, 3), neighbors turned to the phase of the nearest: (C, N)."""
    corners = torch.zeros((1, len(where), 3), dtype=torch.long, device=where.device)
    weights = torch.ones((1, len(where)), device=where.device)
    for axis, (n, m) in enumerate(zip(coarse.shape[1:], shape, strict=True)):
        position = (where[:, axis] - m // 2) * n / m + n // 2
        left = position.floor()
        part = (position - left).to(torch.float32)
        low, high = corners.clone(), corners.clone()
        low[:, :, axis] = left.long().clamp(0, n - 1)
        high[:, :, axis] = (left.long() + 1).clamp(0, n - 1)
        corners = torch.cat([low, high])
        weights = torch.cat([weights * (1 - part), weights * part])
    values = coarse[:, corners[..., 0], corners[..., 1], corners[..., 2]]
    nearest = values[:, weights.argmax(dim=0), torch.arange(len(where), device=where.device)]
    turn = (nearest.conj()[:, None] * values).sum(dim=0)
    aligned = values * torch.polar(weights, -turn.angle())
    return _unit(aligned.sum(dim=1))


def _cubic(n: int, m: int, like: Tensor) -> Tensor:
    """Matrix (m, n) of cubic convolution (Keys, IEEE ASSP 29:1153, 1981), centers at n // 2 and m // 2."""
    position = (torch.arange(m, dtype=torch.float64) - m // 2) * n / m + n // 2
    matrix = torch.zeros(m, n, dtype=torch.float64)
    left = position.floor().long()
    for tap in range(-1, 3):
        distance = (position - (left + tap)).abs()
        inner = (1.5 * distance - 2.5) * distance**2 + 1
        outer = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
        weight = torch.where(distance <= 1, inner, outer)
        matrix.scatter_add_(1, (left + tap).clamp(0, n - 1)[:, None], weight[:, None])
    return matrix.to(like.device, torch.float32)
