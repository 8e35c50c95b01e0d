"""How ISMRMRD lays images down in HDF5: header fields, codes, names."""

from typing import Any

import numpy as np

# ISMRMRD 1.x, ImageHeader (ismrmrd.h), packed: 198 bytes
IMAGE_HEADER = np.dtype(
    [
        ("version", "<u2"),
        ("data_type", "<u2"),
        ("flags", "<u8"),
        ("measurement_uid", "<u4"),
        ("matrix_size", "<u2", (3,)),
        ("field_of_view", "<f4", (3,)),
        ("channels", "<u2"),
        ("position", "<f4", (3,)),
        ("read_dir", "<f4", (3,)),
        ("phase_dir", "<f4", (3,)),
        ("slice_dir", "<f4", (3,)),
        ("patient_table_position", "<f4", (3,)),
        ("average", "<u2"),
        ("slice", "<u2"),
        ("contrast", "<u2"),
        ("phase", "<u2"),
        ("repetition", "<u2"),
        ("set", "<u2"),
        ("acquisition_time_stamp", "<u4"),
        ("physiology_time_stamp", "<u4", (3,)),
        ("image_type", "<u2"),
        ("image_index", "<u2"),
        ("image_series_index", "<u2"),
        ("user_int", "<i4", (8,)),
        ("user_float", "<f4", (8,)),
        ("attribute_string_len", "<u4"),
    ]
)
VERSION = 1
GROUP = "dataset"
PARTS = ("header", "attributes", "data")

DATA_TYPES = {"<u2": 1, "<i2": 2, "<u4": 3, "<i4": 4, "<f4": 5, "<f8": 6, "<c8": 7, "<c16": 8}
MAGNITUDE, PHASE, REAL, IMAGINARY, COMPLEX, RGB = range(1, 7)

# values of the attribute DataRole (GADGETRON_DataRole in Gadgetron)
ROLE_NAMES = ("DataRole", "GADGETRON_DataRole")
IMAGE_ROLE, G_FACTOR_ROLE, NOISE_ROLE, SNR_ROLE = "Image", "Gfactor", "NoiseSD", "SNR_MAP"

# one record in JSON: what MRD has no field for
RECORD_NAME = "quietmr"
READOUT_NAME = "quietmr_readout"
UNIT_NAME = "quietmr_unit"


def file_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Type in the file for pixels of ``dtype``: complex numbers are pairs named real and imag."""
    if dtype.kind != "c":
        return dtype
    part = f"<f{dtype.itemsize // 2}"
    return np.dtype([("real", part), ("imag", part)])


def pixel_type(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    """Type of pixels that the file holds as ``dtype``; None if they are no numbers."""
    if dtype.names is None:
        return dtype if dtype.kind in "iufc" else None
    parts = [dtype[name] for name in dtype.names]
    if len(parts) != 2 or parts[0] != parts[1] or parts[0].kind != "f" or parts[0].itemsize not in (4, 8):
        return None
    return np.dtype(f"c{2 * parts[0].itemsize}").newbyteorder(parts[0].byteorder)
