"""Fewer, virtual coils that keep the signal and leave white noise white."""

import torch
from torch import Tensor

from quietmr.data import InputError


def compression_matrix(calibration: Tensor, n: int) -> Tensor:
    """Find the n mixtures of coils that hold most of the calibration signal.

    Parameters
    ----------
    calibration : Tensor, shape (C, ...), complex
        Whitened data: only then orthonormal rows keep the noise white with SD 1.
    n : int
        Virtual coils, at most C.

    Returns
    -------
    Tensor, shape (n, C), complex128
        Orthonormal rows, strongest first: left singular vectors of the data (Buehrer et al., MRM 57:1131, 2007), from
        the C x C Gram matrix in double precision. Virtual coils are ``matrix @ coils``.

    Raises
    ------
    InputError
        If n is not between 1 and C, or the data are not finite.
    """
    coils = calibration.flatten(1)
    if not 1 <= n <= len(coils):
        raise InputError(f"{len(coils)} coils cannot be compressed to {n}: choose between 1 and {len(coils)}.")
    wide = coils.to(torch.complex128)
    gram = wide @ wide.mH
    if not bool(torch.isfinite(torch.view_as_real(gram)).all()):
        raise InputError("The calibration data are not finite: no coil compression can be found from them.")
    vectors: Tensor = torch.linalg.eigh(gram)[1]
    return vectors.flip(1)[:, :n].mH.contiguous()
