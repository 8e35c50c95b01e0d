"""The header of a NIfTI file: kept byte by byte, and what it says."""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from nibabel import Nifti1Header, Nifti2Header
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from quietmr.data import Frames, Geometry, Storage

Fields = Any  # a Nifti1Header or Nifti2Header of nibabel, which has no types

HEADER_CLASSES: dict[int, Any] = {348: Nifti1Header, 540: Nifti2Header}
MAGIC = {348: (344, b"n+1\x00", b"ni1\x00"), 540: (4, b"n+2\x00", b"ni2\x00")}
SPACE_MASK, TIME_MASK = 0x07, 0x38
SECONDS = {8: 1.0, 16: 1e-3, 24: 1e-6}
_MILLIMETERS = {1: 1000.0, 3: 1e-3}
_WARNING_LEVEL, _ERROR_LEVEL = 30, 40
_FARTHEST = 1e9  # no scan has a number like this in its affine, whatever its unit


@dataclass(frozen=True)
class NiftiHeader:
    """A NIfTI header exactly as the file has it.

    Parameters
    ----------
    block : bytes
        The 348 (NIfTI-1) or 540 (NIfTI-2) bytes of the header.
    extensions : bytes
        What stands between the header and the pixels: the extension flag, extensions, padding.
    """

    block: bytes
    extensions: bytes = bytes(4)

    @property
    def byte_order(self) -> str:
        """``"<"`` or ``">"``, for the header and the pixels alike."""
        return "<" if int.from_bytes(self.block[:4], "little") == len(self.block) else ">"

    @property
    def is_pair(self) -> bool:
        """Whether the pixels are in a second file (.img)."""
        start, _, pair = MAGIC[len(self.block)]
        return self.block[start : start + 4] == pair

    def fields(self) -> Fields:
        """Return a fresh nibabel header over the untouched bytes."""
        return HEADER_CLASSES[len(self.block)](self.block, endianness=self.byte_order, check=False)

    def checked(self) -> tuple[Fields, list[str]]:
        """Return the header with its faults mended where there is only one way to, and what these were.

        Raises
        ------
        nibabel.spatialimages.HeaderDataError
            If the header cannot be trusted (unknown data type, voxels inside the header ...).
        """
        fields = self.fields()
        log = _Log()
        with np.errstate(all="ignore"):
            fields.check_fix(logger=log, error_level=_ERROR_LEVEL)
        return fields, log.lines


class _Log(logging.Logger):
    """Collects what nibabel would print."""

    def __init__(self) -> None:
        super().__init__("quietmr.nifti")
        self.lines: list[str] = []

    def handle(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        # only SPM minds where the pixels start
        if record.levelno >= _WARNING_LEVEL and "SPM" not in line:
            self.lines.append(line)


def size_of_header(start: bytes) -> int | None:
    """Return 348 or 540 for the first 348 bytes of a NIfTI header of either byte order, None for anything else."""
    for size, (offset, *magics) in MAGIC.items():
        named = start[:4] in (size.to_bytes(4, "little"), size.to_bytes(4, "big"))
        if named and start[offset : offset + 4] in magics:
            return size
    return None


def shape_of(fields: Fields) -> tuple[int, ...]:
    """Shape in the file's order, first axis fastest.

    Raises
    ------
    HeaderDataError
        If there are not 1 to 7 axes of at least one voxel.
    """
    n_axes = int(fields["dim"][0])
    shape = tuple(int(length) for length in fields["dim"][1 : max(n_axes, 0) + 1])
    if not 1 <= n_axes <= 7 or min(shape) < 1:
        raise HeaderDataError(f"the image has {n_axes} axes of lengths {shape}")
    return shape


def storage_of(fields: Fields) -> Storage:
    """Type and scale of the stored numbers; a slope of 0 or NaN means no scale, as NIfTI says."""
    slope, intercept = fields.get_slope_inter()
    dtype = fields.get_data_dtype().str
    return Storage(dtype) if slope is None else Storage(dtype, slope, intercept)


def geometry_of(fields: Fields) -> tuple[Geometry, bool]:
    """Position of the voxels: sform, else qform, else voxel sizes around the center, in mm.

    Returns
    -------
    geometry : Geometry
        With ``time_step`` where the header gives one with a unit.
    sound : bool
        False if the transform that should have been used is singular or not finite, and the next one was taken.
    """
    sound = True
    for transform in _transforms(fields):
        try:
            with np.errstate(all="ignore"):
                affine = np.array(transform(), dtype=np.float64)
        except (HeaderDataError, ValueError):
            sound = False
            continue
        if is_usable(affine):
            affine[:3] *= millimeters(fields)
            return Geometry(affine, time_step=_time_step(fields)), sound
        sound = False
    return Geometry(time_step=_time_step(fields)), False


def millimeters(fields: Fields) -> float:
    """Length of the header's unit of space in mm; a header without a unit means mm."""
    return _MILLIMETERS.get(int(fields["xyzt_units"]) & SPACE_MASK, 1.0)


def _transforms(fields: Fields) -> list[Any]:
    chosen = []
    if fields["sform_code"] > 0:
        chosen.append(fields.get_sform)
    if fields["qform_code"] > 0:
        chosen.append(fields.get_qform)
    return [*chosen, fields.get_base_affine]


def is_usable(affine: NDArray[np.float64]) -> bool:
    """Whether an affine is finite and gives each voxel a place of its own."""
    if not (np.abs(affine) < _FARTHEST).all():
        return False
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    return bool(lengths.min() > 1 / _FARTHEST and abs(np.linalg.det(affine[:3, :3] / lengths)) > 1e-6)


def _time_step(fields: Fields) -> float | None:
    unit = SECONDS.get(int(fields["xyzt_units"]) & TIME_MASK)
    step = float(fields["pixdim"][4])
    return step * unit if unit is not None and 0 < step < np.inf else None


def frames_of(fields: Fields, n_frames: int) -> Frames:
    """Return what the fourth axis counts: time if it has a step and no unit that denies it (Hz, ppm), else unknown."""
    unit = int(fields["xyzt_units"]) & TIME_MASK
    is_time = n_frames > 1 and float(fields["pixdim"][4]) > 0 and (unit == 0 or unit in SECONDS)
    return "time" if is_time else "unknown"
