"""MRD (ISMRMRD) images in HDF5, in and out: pixels, g-factor map and SNR map, with the headers of the scanner."""

from quietmr.io.mrd_image.reader import read
from quietmr.io.mrd_image.writer import write

__all__ = ["read", "write"]
