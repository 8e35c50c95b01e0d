"""GRAPPA as a weighted sum of aliased coil images, and the g-factor that follows from the weights."""

import torch
from torch import Tensor

from quietmr.recon.grappa import Weights
from quietmr.recon.grid import Grid

# numbers held at a time for one block of columns
_BLOCK = 2**20


def unmixing(weights: Weights | None, maps: Tensor, grid: Grid) -> Tensor:
    """Turn the GRAPPA kernel and the coil maps into unmixing coefficients.

    ``u_s(p) = 1/R sum_t conj(c_t(p)) (delta_ts + sum_d w_ts(d) exp(-2 pi i d p))``, so that the image is
    ``sum_s u_s a_s`` with the aliased coil images ``a_s`` at unit noise. Breuer et al., MRM 62:739 (2009).

    Parameters
    ----------
    weights : Weights or None
        None for full sampling.
    maps : Tensor, shape (C, Z, Y, X), complex64
        Coil maps with ``sum |c|^2 = 1`` over the encoded field of view along z and y, the kept one along x.
    grid : Grid

    Returns
    -------
    Tensor, shape (C, Z, Y, X), complex64
    """
    conjugate = maps.conj().resolve_conj()
    if weights is None:
        return conjugate
    n_coils, n_z, n_y, n_x = maps.shape
    z, y, x = (torch.from_numpy(c).to(maps.device) for c in grid.coordinates())
    shifts = torch.tensor(weights.shifts, device=maps.device, dtype=torch.float64)
    along = shifts[:, 0, None, None] * z[:, None] + shifts[:, 1, None, None] * y
    phases = _turn(along.reshape(len(shifts), -1)).T.contiguous()
    taps = torch.tensor(list(weights.kernel.taps), device=maps.device, dtype=torch.float64)
    values = weights.values.permute(1, 0, 3, 2).reshape(len(taps), -1)
    lines = conjugate.reshape(n_coils, n_z * n_y, n_x)
    result = torch.empty_like(lines)
    step = max(1, _BLOCK // (len(shifts) * n_coils * n_z * n_y))
    for start in range(0, n_x, step):
        block = slice(start, start + step)
        columns = lines[:, :, block].permute(2, 1, 0).contiguous()
        # kernel along x: (columns, shifts * coils out, coils in)
        spread = (_turn(torch.outer(x[block], taps)) @ values).reshape(-1, len(shifts) * n_coils, n_coils)
        turned = (phases[:, :, None] * columns[:, :, None]).reshape(len(columns), n_z * n_y, -1)
        result[:, :, block] = torch.baddbmm(columns, turned, spread).permute(2, 1, 0)
    result /= weights.lattice.acceleration
    return result.reshape(maps.shape)


def _turn(turns: Tensor) -> Tensor:
    return torch.polar(torch.ones_like(turns), -2 * torch.pi * turns).to(torch.complex64)


def gfactor(coefficients: Tensor) -> Tensor:
    """Noise SD of the image for aliased coil images with independent noise of SD 1.

    ``g = sqrt(sum |u|^2)``: the root of the sum of squares (the sum itself is printed in some papers), without the
    factor sqrt(R) of the shorter scan. 1 at full sampling with normalized coil maps. Kellman & McVeigh, MRM 54:1439
    (2005).

    Parameters
    ----------
    coefficients : Tensor, shape (C, ...), complex
        Unmixing coefficients of whitened coils.

    Returns
    -------
    Tensor, shape (...), float32
    """
    power: Tensor = torch.einsum("c...,c...->...", coefficients.conj(), coefficients).real
    return power.sqrt().to(torch.float32)
