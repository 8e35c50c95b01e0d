"""From a data set and its pixels to the bytes of a DICOM file."""

from io import BytesIO
from typing import Any

from numpy.typing import NDArray
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian


def encoded(dataset: Dataset, pixels: NDArray[Any]) -> bytes:
    """Encode a file, uncompressed, explicit VR little endian.

    Parameters
    ----------
    dataset : Dataset
        Header; gets the pixels and new file meta information.
    pixels : array
        Stored numbers of the type that the header tells.
    """
    raw = pixels.tobytes()
    dataset.add_new("PixelData", "OB" if pixels.itemsize == 1 else "OW", raw + b"\0" * (len(raw) % 2))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    # a source may hide a TIFF header there, which would point to pixels that moved
    dataset.preamble = b"\0" * 128
    # pydicom forgets the number of a disk error that it meets while encoding: let it write to memory
    buffer = BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()
