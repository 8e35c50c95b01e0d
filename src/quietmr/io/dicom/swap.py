"""From big endian headers to little endian ones."""

import numpy as np
from pydicom.dataset import Dataset

_WORD_SIZES = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}


def to_little_endian(dataset: Dataset) -> None:
    """Swap the bytes of binary elements of a data set that was read as big endian, sequences included.

    pydicom re-encodes numbers when the byte order changes, but leaves binary words as they are.

    Parameters
    ----------
    dataset : Dataset
        Changed in place.
    """
    if dataset.original_encoding[1] is not False:
        return
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                to_little_endian(item)
        elif element.VR in _WORD_SIZES and isinstance(element.value, bytes):
            words = np.frombuffer(element.value, dtype=f">u{_WORD_SIZES[element.VR]}")
            element.value = words.byteswap().tobytes()
