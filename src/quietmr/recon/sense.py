"""SENSE: unfolding with coil maps, in closed form for lattices and iteratively for any sampling."""

import math
from collections.abc import Callable, Sequence

import scipy.fft
import torch
from torch import Tensor

from quietmr.data import InputError
from quietmr.recon.tensor_fourier import to_image

# Keeps pixels in air finite whose maps are alike; it bends an unfolded value by 1e-7 g^2.
_FLOOR = 1e-7
# Groups of aliased pixels solved at a time, times coils: bounds the memory.
_BLOCK = 2**22


def sense_unmixing(maps: Tensor, r1: int, r2: int = 1, shift: int = 0, *, regularization: float = 0.0) -> Tensor:
    """Find SENSE unmixing coefficients for a sampling lattice (Pruessmann et al., MRM 42:952, 1999).

    A point is sampled if ``ky = o1 + r1 i`` and ``kz = o2 + r2 j + shift i``. The offsets o1, o2 do not matter: they
    turn the phase of the aliases, and the weights of a pixel do not depend on the phase of the others.

    Parameters
    ----------
    maps : Tensor, shape (C, Z, Y, X), complex64
        Maps of the whitened coils with ``sum_c |c|^2 = 1``.
    r1, r2 : int
        Distance between sampled lines (y) and partitions (z).
    shift : int
        CAIPIRINHA shift along kz from line to line.
    regularization : float
        Tikhonov parameter as a part of the mean diagonal of the normal equations, which is 1.

    Returns
    -------
    Tensor, shape (C, Z, Y, X), complex64
        Coefficients u. With ``a_s = sqrt(R_eff) uifft(zero-filled kspace_s)``, ``image = sum_s u_s a_s`` has the noise
        SD ``g = sqrt(sum_s |u_s|^2)`` (1 at R = 1) and the amplitude of the true image times ``sqrt(R_eff) / R``.
        Without regularization g is the analytic ``sqrt((S^H S)^-1_pp (S^H S)_pp)``.

    Raises
    ------
    InputError
        If the image does not fold onto whole pixels, or there are fewer coils than folded pixels.
    """
    n_coils, n_z, n_y, n_x = maps.shape
    _check(maps, (r1, r2, shift))
    if r1 * r2 == 1:
        return (maps.conj() / (1 + regularization)).resolve_conj()
    # Aliases lie on the lattice dual to that of the samples.
    aliases = [(n_z * b // r2, n_y * (a * r2 - b * shift) // (r1 * r2)) for a in range(r1) for b in range(r2)]
    device = maps.device
    z = torch.arange(n_z // r2, device=device)[:, None, None]
    y = torch.arange(n_y // r1, device=device)[:, None]
    places = torch.stack([((z + dz) % n_z * n_y + (y + dy) % n_y)[..., 0] for dz, dy in aliases]).flatten(1)
    flat = maps.reshape(n_coils, n_z * n_y, n_x)
    result = torch.empty_like(flat)
    step = max(1, _BLOCK // (len(aliases) * n_coils * n_x))
    for block in torch.split(places, step, dim=1):
        folded = flat[:, block].permute(2, 3, 0, 1).to(torch.complex128)
        result[:, block] = _unfolding(folded, max(regularization, _FLOOR)).permute(3, 2, 0, 1).to(maps.dtype)
    return result.reshape(maps.shape)


def _unfolding(folded: Tensor, regularization: float) -> Tensor:
    """Regularized pseudo-inverse (..., R, C) of the maps of folded pixels (..., C, R)."""
    gram = folded.mH @ folded
    gram.diagonal(dim1=-2, dim2=-1).add_(regularization)
    return torch.cholesky_solve(folded.mH, torch.linalg.cholesky(gram))


def _check(maps: Tensor, lattice: tuple[int, int, int]) -> None:
    r1, r2, shift = lattice
    n_coils, n_z, n_y, _ = maps.shape
    if r1 < 1 or r2 < 1 or not 0 <= shift < r2:
        raise InputError(
            f"A lattice needs r1, r2 >= 1 and 0 <= shift < r2, got {r1}, {r2} and shift {shift}: change it."
        )
    if not _folds(n_z, n_y, lattice):
        lines = [r for r in range(1, 9) if _folds(n_z, n_y, (r, r2, shift))]
        partitions = [r for r in range(1, 9) if n_z % r == 0]
        raise InputError(
            f"A lattice of {r1} x {r2} with shift {shift} does not fold {n_y} lines and {n_z} partitions onto whole "
            f"pixels: SENSE can use r1 of {lines} with this r2 and shift, r2 of {partitions}; GRAPPA takes any."
        )
    if r1 * r2 > n_coils:
        raise InputError(
            f"{n_coils} coils cannot unfold {r1 * r2} aliased pixels: SENSE needs at least as many coils as R."
        )


def _folds(n_z: int, n_y: int, lattice: tuple[int, int, int]) -> bool:
    r1, r2, shift = lattice
    return n_z % r2 == 0 and n_y * math.gcd(shift, r2) % (r1 * r2) == 0


def cg_sense(
    kspace: Tensor, mask: Tensor, maps: Tensor, *, iterations: int = 30, regularization: float = 0.0
) -> Tensor:
    """Solve SENSE for any Cartesian sampling by conjugate gradients (Pruessmann et al., MRM 46:638, 2001).

    Parameters
    ----------
    kspace : Tensor, shape (..., C, Z, Y, X), complex64
        Whitened, zero where nothing was measured; leading axes (frames, replicas) are solved side by side.
    mask : Tensor, shape (Z, Y, X), bool
        Measured samples.
    maps : Tensor, shape (C, Z, Y, X), complex64
        Coil maps with ``sum_c |c|^2 = 1``.
    iterations : int
        Fewer regularize; the solution is linear in the data only as far as it has converged.
    regularization : float
        Tikhonov parameter as a part of the mean diagonal of the normal equations.

    Returns
    -------
    Tensor, shape (..., Z, Y, X), complex64
        Image with the amplitude of the true one. Fully sampled it is ``sum_c conj(c) uifft(k)`` with noise SD 1;
        undersampled by R_eff its noise SD is ``g sqrt(R_eff)``: divide by ``sqrt(R_eff)`` for SNR units. This g has no
        closed form: find it with replicas.

    Raises
    ------
    InputError
        If the shapes do not belong together or nothing was measured.
    """
    if kspace.shape[-4:] != maps.shape or mask.shape != maps.shape[1:] or not bool(mask.any()):
        raise InputError(
            f"k-space {tuple(kspace.shape)}, mask {tuple(mask.shape)} and coil maps {tuple(maps.shape)} do not belong "
            "together, or the mask is empty: give (..., C, Z, Y, X), (Z, Y, X) and (C, Z, Y, X)."
        )
    damping = regularization * float(mask.double().mean())
    start = (maps.conj() * to_image(kspace * mask, (-3, -2, -1))).sum(dim=-4)
    # Along axes on which all or nothing was measured the transforms cancel; corner order needs no shifts.
    axes = [axis for axis in (-3, -2, -1) if not bool((mask == mask.narrow(axis, 0, 1)).all())]
    centers = (-3, -2, -1)
    corner_maps = torch.fft.ifftshift(maps, dim=centers)
    corner_mask = torch.fft.ifftshift(mask, dim=centers)

    def normal(image: Tensor) -> Tensor:
        coils = _masked(image.unsqueeze(-4) * corner_maps, corner_mask, axes)
        combined: Tensor = (corner_maps.conj() * coils).sum(dim=-4) + damping * image
        return combined

    solution = _conjugate_gradients(normal, torch.fft.ifftshift(start, dim=centers), iterations)
    image: Tensor = torch.fft.fftshift(solution, dim=centers)
    return image


def _masked(coils: Tensor, mask: Tensor, axes: Sequence[int]) -> Tensor:
    """Transform to k-space, drop what was not measured, transform back (all in FFT order)."""
    if not axes:
        return coils * mask
    if coils.device.type == "cpu":
        threads = torch.get_num_threads()
        turned = scipy.fft.fftn(coils.resolve_conj().numpy(), axes=axes, workers=threads)
        turned *= mask.numpy()
        return torch.from_numpy(scipy.fft.ifftn(turned, axes=axes, workers=threads, overwrite_x=True))
    masked: Tensor = torch.fft.ifftn(torch.fft.fftn(coils, dim=axes) * mask, dim=axes)
    return masked


def _inner(a: Tensor, b: Tensor) -> Tensor:
    """Real part of the inner product of images, in double precision, shape (..., 1, 1, 1)."""
    product = torch.view_as_real(a.resolve_conj()) * torch.view_as_real(b.resolve_conj())
    summed: Tensor = product.sum(dim=(-4, -3, -2, -1), dtype=torch.float64)
    return summed[..., None, None, None]


def _conjugate_gradients(normal: Callable[[Tensor], Tensor], right: Tensor, iterations: int) -> Tensor:
    solution, residual, direction = torch.zeros_like(right), right, right
    energy = _inner(residual, residual)
    enough = 1e-12 * energy
    for _ in range(iterations):
        if bool((energy <= enough).all()):
            break
        image = normal(direction)
        step = energy / _inner(direction, image).clamp_min(1e-300)
        # A solved replica stands still.
        step = torch.where(energy > enough, step, 0.0).to(right.real.dtype)
        solution = solution + step * direction
        residual = residual - step * image
        renewed = _inner(residual, residual)
        turn = (renewed / energy.clamp_min(1e-300)).to(right.real.dtype)
        direction, energy = residual + turn * direction, renewed
    return solution
