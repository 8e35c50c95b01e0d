"""What is true of a simulated scan, by closed form: image in SNR units, coil maps, noise, g-factor."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from quietmr.phantoms.raw.protocol import RawProtocol


@dataclass(frozen=True, eq=False)
class RawTruth:
    """The truth behind a simulated raw scan.

    Attributes
    ----------
    image : array, shape (T, Z, Y, X), complex64
        Noise-free image of the fully sampled, once averaged scan, in SNR units (noise SD 1 per real channel): whitened
        coil images, combined with ``coil_maps``. T counts cardiac phases; all repetitions show the same.
    coil_maps : array, shape (C, Z, Y, X), complex64
        Sensitivities of the whitened coils, root sum of squares 1.
    covariance : array, shape (C, C), complex128
        E[n n^H] of samples of the imaging readouts in the flat part of the receiver's band.
    whitener : array, shape (C, C), complex128
        W with W covariance W^H = 2 I.
    gmap : array, shape (Z, Y, X), float32
        g-factor of SENSE with these maps and this lattice; noise SD of the reconstructed image is g sqrt(R).
    mask : array, shape (Z, Y, X), bool
        Where the object is.
    labels : array, shape (T, Z, Y, X), uint8
        Tissue of the heart at the middle of each voxel, by closed form (`Tissue`); 0 elsewhere and in other subjects.
    sigma : float
        Noise SD per real channel of a fully sampled image in the units of ``image``.
    """

    image: NDArray[np.complex64]
    coil_maps: NDArray[np.complex64]
    covariance: NDArray[np.complex128]
    whitener: NDArray[np.complex128]
    gmap: NDArray[np.float32]
    mask: NDArray[np.bool_]
    labels: NDArray[np.uint8]
    sigma: float = 1.0


def sense_g(maps: NDArray[np.complex64], protocol: RawProtocol) -> NDArray[np.float32]:
    """Return the g-factor of SENSE on a sheared lattice (Pruessmann et al., MRM 42:952, 1999).

    ``g = sqrt([(S^H S)^-1]_pp [S^H S]_pp)``, S the maps at all positions that fold onto p. The lattice of lines with
    steps (r1, shift) and (0, r2) along (ky, kz) folds positions that differ by ``m2 Nz / r2`` along z and
    ``(m1 - shift m2 / r2) Ny / r1`` along y, which follows from ``ky y / Ny + kz z / Nz`` being whole.

    Parameters
    ----------
    maps : array, shape (C, Z, Y, X), complex
        Sensitivities of whitened coils. Between voxels they are interpolated (linearly), where the steps do not divide
        the matrix.
    protocol : RawProtocol

    Returns
    -------
    array, shape (Z, Y, X), float32
        At least 1; infinite where the positions cannot be told apart.
    """
    folded = [_shifted(maps, *shift) for shift in fold_shifts(protocol)]
    gmap = np.empty(maps.shape[1:])
    for z in range(maps.shape[1]):
        stack = np.stack([part[:, z] for part in folded], axis=-1).astype(np.complex128)
        gram = np.einsum("cyxi,cyxj->yxij", stack.conj(), stack, optimize=True)
        gmap[z] = np.sqrt(_first_of_inverse(gram) * gram[..., 0, 0].real)
    return gmap.astype(np.float32)


def fold_shifts(protocol: RawProtocol) -> list[tuple[float, float]]:
    """Distances (z, y) in voxels between positions that fold onto each other; the first is (0, 0)."""
    (r1, r2), (_, y, z) = protocol.acceleration, protocol.matrix
    return [(z * m2 / r2, y * (m1 - protocol.caipi_shift * m2 / r2) / r1 % y) for m2 in range(r2) for m1 in range(r1)]


def _shifted(maps: NDArray[np.complex64], along_z: float, along_y: float) -> NDArray[np.complex64]:
    """Look the maps up at positions further along z and y, periodic with the field of view."""
    z, y = maps.shape[1:3]
    if along_z == round(along_z) and along_y == round(along_y):
        return np.roll(maps, (-round(along_z), -round(along_y)), axis=(1, 2))
    at_z, at_y, at_x = np.meshgrid(
        np.arange(z) + along_z, np.arange(y) + along_y, np.arange(maps.shape[3]), indexing="ij"
    )
    where = [at_z % z, at_y % y, at_x]
    return np.stack([map_coordinates(one, where, order=1, mode="nearest") for one in maps])


def _first_of_inverse(gram: NDArray[np.complex128]) -> NDArray[np.float64]:
    """First diagonal element of the inverse of each Hermitian matrix: 1 over the Schur complement."""
    if gram.shape[-1] == 1:
        return np.asarray(1.0 / gram[..., 0, 0].real)
    rest, column = gram[..., 1:, 1:], gram[..., 1:, :1]
    ridge = 1e-12 * np.trace(rest, axis1=-2, axis2=-1).real[..., np.newaxis, np.newaxis]
    solved = np.linalg.solve(rest + ridge * np.eye(rest.shape[-1]), column)
    left = gram[..., 0, 0].real - np.einsum("...i,...i->...", column[..., 0].conj(), solved[..., 0]).real
    with np.errstate(divide="ignore"):
        return np.asarray(1.0 / np.maximum(left, 1e-9))
