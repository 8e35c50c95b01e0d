"""Texts of variable length in an HDF5 file."""

import h5py
import numpy as np

from quietmr.io.raw.heap import REFERENCE, Heap, positions_of


def texts_of(dataset: h5py.Dataset) -> list[str]:
    """Read a one-dimensional dataset of texts.

    Parameters
    ----------
    dataset : h5py.Dataset
        Of an open file.

    Raises
    ------
    ValueError
        If it does not hold texts.
    InputError
        If a text is not where the file says.
    """
    kind = h5py.check_string_dtype(dataset.dtype)
    if kind is None or dataset.ndim != 1:
        raise ValueError(f"/{dataset.name.strip('/')} holds {dataset.dtype}, expected texts")
    # over a damaged heap the HDF5 library crashes or runs forever
    positions = positions_of(dataset) if kind.length is None else None
    if positions is None:
        return [_decoded(text) for text in dataset[()]]
    # the library tells the size of a pointer in memory, the file holds references
    within = np.arange(dataset.size) % (dataset.chunks[0] if dataset.chunks else dataset.size)
    positions = positions + within * (REFERENCE.itemsize - dataset.id.get_type().get_size())
    heap = Heap(dataset.file.filename)
    found = heap.lists(heap.records(positions, REFERENCE), np.dtype(np.uint8))
    return [_decoded(text.tobytes()) for text in found]


def _decoded(text: object) -> str:
    return text.decode("utf-8", "replace").split("\0", 1)[0] if isinstance(text, bytes) else str(text)
