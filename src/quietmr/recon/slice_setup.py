"""One slice made ready: lattice, coil maps, unmixing, g."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quietmr.data import Flag, InputError, QuietmrWarning
from quietmr.recon.arrangement import Placed
from quietmr.recon.calibration import CalibrationBlock, calibration_block, calibration_readouts, off_lattice
from quietmr.recon.coil_compression import compression_matrix
from quietmr.recon.coil_maps import coil_maps
from quietmr.recon.frame_plan import Complex, FramePlanner
from quietmr.recon.frames import FrameMaker, TensorFrameMaker, fold
from quietmr.recon.grappa import calibrate
from quietmr.recon.irregular import IrregularFrames
from quietmr.recon.lattice import Lattice, find_lattice
from quietmr.recon.scan import Scan
from quietmr.recon.sense import sense_unmixing
from quietmr.recon.snr_units import Scale
from quietmr.recon.unmixing import gfactor, unmixing

# fewer lines around the center do not show how coils differ
_FEWEST_LINES = 6


@dataclass(frozen=True, eq=False)
class Calibrated:
    """Calibration of one slice.

    Attributes
    ----------
    block : CalibrationBlock
        Of whitened, compressed coils.
    mixing : Tensor, shape (C', C), complex128
        Whitening, then compression.
    maps : Tensor, shape (C', Z, Y, X), complex64
    """

    block: CalibrationBlock
    mixing: Tensor
    maps: Tensor


@dataclass(frozen=True, eq=False)
class SliceSetup:
    """What makes the frames of one slice, its g-map, and the facts of both.

    Attributes
    ----------
    make : callable
        From the readouts of a frame to the picture (Z, Y, X) and its scale.
    lattice : Lattice or None
        None if the sampling is irregular.
    gmap : array, shape (Z, Y, X), float32
    facts : dict
    """

    make: Callable[[NDArray[np.int64]], tuple[Complex, Scale]]
    lattice: Lattice | None
    gmap: NDArray[np.float32]
    facts: dict[str, Any]

    @property
    def one_at_a_time(self) -> bool:
        """Whether frames are made one at a time: by an accelerator, or with all threads for one frame."""
        return isinstance(self.make, TensorFrameMaker | IrregularFrames)


def calibrate_slice(scan: Scan, number: int) -> Calibrated:
    """Find the calibration block of a slice and estimate its coil maps.

    Raises
    ------
    InputError
        If the center of k-space was not measured.
    """
    device = torch.device(scan.settings.device)
    mixing = torch.from_numpy(scan.whitening.matrix).to(device)
    sources = calibration_readouts(scan.imaging, scan.extra, number, scan.kspace.encoding.calibration)
    block = calibration_block(sources, scan.grid, mixing)
    if block is None:
        raise InputError(
            f"The center of k-space was not measured in slice {number}: without calibration lines or a fully sampled "
            "center there are no coil maps."
        )
    _check_block(block, scan, number)
    if scan.settings.coils is not None:
        compression = compression_matrix(block.data, scan.settings.coils)
        mixing = compression.to(torch.complex128) @ mixing
        data = torch.einsum("nc,czyx->nzyx", compression.to(block.data.dtype), block.data)
        block = CalibrationBlock(data.contiguous(), block.center)
    shape = (*scan.grid.full[:2], scan.grid.kept[2])
    return Calibrated(block, mixing, coil_maps(block.centered(), shape, scan.settings.coil_maps))


def _check_block(block: CalibrationBlock, scan: Scan, number: int) -> None:
    for name, n, full in zip(("partitions", "lines"), block.data.shape[1:3], scan.grid.kspace[:2], strict=True):
        if n < min(_FEWEST_LINES, full):
            raise InputError(
                f"The fully sampled center of k-space has only {n} {name} in slice {number}; coil maps need at least "
                f"{_FEWEST_LINES}: measure calibration lines."
            )


def unmix_slice(scan: Scan, calibrated: Calibrated, lattice: Lattice) -> tuple[Tensor, dict[str, Any]]:
    """Unmixing coefficients of a slice for a regular lattice, for whitened (and compressed) coils.

    Returns
    -------
    coefficients : Tensor, shape (C', Z, Y, X), complex64
    facts : dict
        What they depend on.

    Raises
    ------
    InputError
        If the calibration block is too small for the lattice.
    """
    settings = scan.settings
    if lattice.acceleration == 1:
        return unmixing(None, calibrated.maps, scan.grid), {}
    if settings.method == "sense":
        coefficients = sense_unmixing(
            calibrated.maps, lattice.r1, lattice.r2, lattice.shift, regularization=settings.regularization
        )
        return coefficients, {"method": "sense", "lambda": settings.regularization}
    block = calibrated.block
    weights = calibrate(block.data, lattice, settings.kernel, settings.regularization, block.center[:2])
    kernel = weights.kernel
    facts = {
        "method": "grappa",
        "kernel": [kernel.readout, kernel.lines, kernel.partitions if scan.grid.kspace[0] > 1 else 1],
        "lambda": settings.regularization,
        "equations_per_unknown": weights.equations,
    }
    return unmixing(weights, calibrated.maps, scan.grid), facts


def prepare_slice(scan: Scan, number: int) -> SliceSetup:
    """Make everything that the frames of one slice share.

    Raises
    ------
    InputError
        If the sampling is irregular and GRAPPA was asked for, or the calibration does not suffice.
    """
    lattice = slice_lattice(scan, number)
    calibrated = calibrate_slice(scan, number)
    common = {
        "slice": number,
        "calibration_block": list(calibrated.block.data.shape[1:]),
        "coils": len(calibrated.mixing),
    }
    if lattice is None:
        irregular = IrregularFrames(scan, calibrated.mixing, calibrated.maps)
        gmap, facts = irregular.gfactor(scan.readouts_of(number, int(scan.frame[scan.imaging.of_slice(number)][0])))
        return SliceSetup(irregular, None, gmap, common | facts)
    coefficients, facts = unmix_slice(scan, calibrated, lattice)
    planner = FramePlanner(scan.imaging, scan.grid, lattice, scan.windows)
    folded = fold(coefficients, calibrated.mixing)
    maker = FrameMaker(planner, folded) if folded.device.type == "cpu" else TensorFrameMaker(planner, folded)
    gmap = scan.grid.crop(gfactor(coefficients).cpu().numpy())
    facts |= {"lattice": str(lattice), "acceleration": lattice.acceleration, "g_median": float(np.median(gmap))}
    return SliceSetup(maker, lattice, gmap, common | facts)


def slice_lattice(scan: Scan, number: int) -> Lattice | None:
    """Find the lattice of a slice, as its fullest frame shows it; warns if the header says otherwise.

    Returns
    -------
    Lattice or None
        None if the sampling is irregular, which iterative SENSE can reconstruct.

    Raises
    ------
    InputError
        If the sampling is irregular and GRAPPA was asked for.
    """
    chosen = scan.imaging.of_slice(number)
    chosen = chosen[scan.frame[chosen] == np.bincount(scan.frame[chosen]).argmax()]
    shape = scan.grid.kspace[:2]
    said = scan.kspace.encoding.acceleration
    found = find_lattice(scan.imaging.covered(chosen, shape), off_lattice(scan.imaging, chosen, shape), said)
    if found is None:
        if scan.settings.method == "grappa":
            raise InputError(
                f"The lines of slice {number} lie on no regular lattice (random or variable-density sampling), which "
                "GRAPPA cannot fill: use iterative SENSE (--method sense)."
            )
        return None
    lattice, holes = found
    if holes:
        warnings.warn(
            f"{holes} lines of the lattice {lattice} are missing in slice {number}; they were taken as 0, which leaves "
            "faint aliases.",
            QuietmrWarning,
            stacklevel=4,
        )
    if (lattice.r1, lattice.r2) != said:
        warnings.warn(
            f"The header speaks of an acceleration of {said[0]}x{said[1]}, the lines of slice {number} lie on a "
            f"lattice of {lattice}: the data were believed.",
            QuietmrWarning,
            stacklevel=4,
        )
    return lattice


def on_lattice(placed: Placed, chosen: NDArray[np.int64], lattice: Lattice | None) -> NDArray[np.int64]:
    """Keep the readouts on the lattice of their frame: calibration lines off it would break the image (aliases)."""
    chosen = chosen[~placed.readouts.having(Flag.CALIBRATION)[chosen]]
    if lattice is None or lattice.acceleration == 1:
        return chosen
    offsets = np.stack(lattice.offsets_of(placed.points[chosen]), axis=1)
    # most lines lie on the lattice of the frame: the outer ones, and its share of the center
    _, which, counts = np.unique(offsets, axis=0, return_inverse=True, return_counts=True)
    return np.asarray(chosen[which.reshape(-1) == counts.argmax()])
