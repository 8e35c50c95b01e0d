"""Raw k-space: MRD (ISMRMRD), fastMRI, BART and Siemens files in, MRD out."""

from quietmr.io.raw.reader import is_raw, read_raw
from quietmr.io.raw.writer import write_raw

__all__ = ["is_raw", "read_raw", "write_raw"]
