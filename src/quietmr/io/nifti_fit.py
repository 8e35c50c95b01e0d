"""The header to write an image with: its own where it has one, changed only where the image changed."""

import numpy as np
from nibabel.spatialimages import HeaderDataError

from quietmr._version import __version__
from quietmr.data import Geometry, Image, OutputError, Storage
from quietmr.io.nifti_header import (
    HEADER_CLASSES,
    MAGIC,
    SECONDS,
    SPACE_MASK,
    TIME_MASK,
    Fields,
    NiftiHeader,
    geometry_of,
    is_usable,
    millimeters,
    storage_of,
)

_MM_AND_SEC = 2 + 8
_SCANNER, _LAST_CODE = 1, 5


def header_for(image: Image) -> NiftiHeader:
    """Header to write an image with: its own, changed only where the image no longer agrees with it, or a new one.

    Raises
    ------
    OutputError
        If NIfTI has no place for the type, the size or the geometry of the image.
    """
    own = image.meta.header
    if not isinstance(own, NiftiHeader):
        return _fitted(_blank(image), image)
    return _fitted(_as_single_file(own) if own.is_pair else own, image)


def _blank(image: Image) -> NiftiHeader:
    size = 540 if max(image.shape) > np.iinfo(np.int16).max else 348
    fields = HEADER_CLASSES[size]()
    fields["vox_offset"] = size + 4
    fields["xyzt_units"] = _MM_AND_SEC
    fields["pixdim"][4:] = 0
    fields["scl_slope"], fields["scl_inter"] = 1, 0
    fields["descrip"] = f"quietmr {__version__}".encode()
    fields["dim"][:] = (3, 0, 0, 0, 1, 1, 1, 1)
    _set_affine(fields, image.geometry)
    return NiftiHeader(fields.binaryblock)


def _as_single_file(pair: NiftiHeader) -> NiftiHeader:
    start, single, _ = MAGIC[len(pair.block)]
    extensions = pair.extensions.ljust(4, b"\x00")
    extensions += bytes(-(len(pair.block) + len(extensions)) % 16)
    block = pair.block[:start] + single + pair.block[start + 4 :]
    fields = NiftiHeader(block).fields()
    fields["vox_offset"] = len(block) + len(extensions)
    return NiftiHeader(fields.binaryblock, extensions)


def _fitted(header: NiftiHeader, image: Image) -> NiftiHeader:
    fields = header.fields()
    checked, _ = header.checked()
    _fit_shape(fields, image)
    _fit_storage(fields, image)
    known, _ = geometry_of(checked)
    if not np.array_equal(known.affine, image.geometry.affine):
        _set_affine(fields, image.geometry)
    if image.geometry.time_step != known.time_step:
        _set_time_step(fields, image.geometry.time_step)
    return NiftiHeader(fields.binaryblock, header.extensions)


def _fit_shape(fields: Fields, image: Image) -> None:
    known = tuple(int(length) for length in fields["dim"][1 : int(fields["dim"][0]) + 1])
    shape = image.shape[::-1]
    if (known + (1,) * 4)[:4] == shape:
        return
    if max(shape) > np.iinfo(fields["dim"].dtype).max:
        raise OutputError(f"NIfTI-1 cannot count an axis of {max(shape)} voxels: write without the old header.")
    n_axes = 4 if shape[3] > 1 else 3
    if n_axes == 3 and shape[2] == 1 and len(known) == 2:
        n_axes = 2
    fields["dim"][:5] = (n_axes, *shape)
    fields["dim"][5:] = 1


def _fit_storage(fields: Fields, image: Image) -> None:
    natural = Storage("<c8" if image.is_complex else "<f4")
    wanted = image.meta.storage or natural
    known = storage_of(fields)
    dtype = np.dtype(wanted.dtype).newbyteorder(fields.endianness)
    if dtype.str != known.dtype:
        try:
            fields.set_data_dtype(dtype)
        except HeaderDataError:
            raise OutputError(f"NIfTI has no data type {dtype.name}: ask for an integer or float type.") from None
    if (wanted.slope, wanted.intercept) != (known.slope, known.intercept):
        with np.errstate(all="ignore"):
            fields["scl_slope"], fields["scl_inter"] = wanted.slope, wanted.intercept
        if not np.isfinite([fields["scl_slope"], fields["scl_inter"]]).all() or fields["scl_slope"] == 0:
            raise OutputError(f"NIfTI cannot hold the slope {wanted.slope} and intercept {wanted.intercept}.")


def _set_affine(fields: Fields, geometry: Geometry) -> None:
    if not is_usable(geometry.affine):
        raise OutputError(
            f"The affine {geometry.affine.tolist()} puts voxels on top of each other: correct it before writing."
        )
    affine = geometry.affine.copy()
    affine[:3] /= millimeters(fields)
    for name, setter in (("sform_code", fields.set_sform), ("qform_code", fields.set_qform)):
        code = int(fields[name])
        setter(affine, code=code if 0 < code <= _LAST_CODE else _SCANNER)


def _set_time_step(fields: Fields, seconds: float | None) -> None:
    unit = int(fields["xyzt_units"]) & TIME_MASK
    if unit not in SECONDS:
        unit = 8
        fields["xyzt_units"] = (int(fields["xyzt_units"]) & SPACE_MASK) | unit
    fields["pixdim"][4] = 0.0 if seconds is None else seconds / SECONDS[unit]
