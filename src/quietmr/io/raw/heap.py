"""Lists of variable length in an HDF5 file, found through the documented layout of its global heap.

The HDF5 library copies every list twice, and it crashes or runs forever where a byte of the heap is damaged. Here every
reference is checked before it is followed (HDF5 File Format Specification 3.0, section III.E).
"""

import mmap
import struct
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from quietmr.data import InputError

# what stands for a list inside a record: number of items, address of its collection, index in there
REFERENCE = np.dtype([("length", "<u4"), ("address", "<u8"), ("index", "<u4")])
_COLLECTION = struct.Struct("<4sB3xQ")
_OBJECT = struct.Struct("<H6xQ")


class Heap:
    """Bytes of a file and where the objects of its heap lie.

    Parameters
    ----------
    name : str
        Path of the file.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        with Path(name).open("rb") as stream:
            self._bytes = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        self._collections: dict[int, dict[int, tuple[int, int]]] = {}

    def records(self, positions: NDArray[np.int64], kind: np.dtype[Any]) -> NDArray[Any]:
        """Copy records of the given type that start at the given positions of the file."""
        self._check(int(positions.min(initial=0)), 0)
        self._check(int(positions.max(initial=0)), kind.itemsize)
        everything = np.frombuffer(self._bytes, np.uint8)
        rows = everything[positions[:, None] + np.arange(kind.itemsize)]
        return np.asarray(rows.view(kind)[:, 0])

    def lists(self, references: NDArray[Any], kind: np.dtype[Any]) -> list[NDArray[Any]]:
        """Find the lists of numbers that references stand for: views of the file, empty where a list has no items."""
        parts = (references[name].tolist() for name in REFERENCE.names or ())
        return [self._list(kind, *reference) for reference in zip(*parts, strict=True)]

    def _list(self, kind: np.dtype[Any], length: int, address: int, index: int) -> NDArray[Any]:
        if length == 0:
            return np.zeros(0, kind)
        objects = self._collections.get(address)
        if objects is None:
            objects = self._collections[address] = self._objects(address)
        start, size = objects.get(index, (0, -1))
        if kind.itemsize * length > size:
            raise self._damaged("a list of samples is not where the table says")
        return np.frombuffer(self._bytes, kind, length, start)

    def _objects(self, start: int) -> dict[int, tuple[int, int]]:
        """Position and size of each object of the collection that starts there."""
        self._check(start, _COLLECTION.size)
        signature, version, size = _COLLECTION.unpack_from(self._bytes, start)
        if signature != b"GCOL" or version != 1:
            raise self._damaged("its heap has no collection where the table says")
        self._check(start, size)
        objects, position, end = {}, start + _COLLECTION.size, start + size
        while position + _OBJECT.size <= end:
            index, length = _OBJECT.unpack_from(self._bytes, position)
            if index == 0:  # the rest is free
                break
            position += _OBJECT.size
            if length > end - position:
                raise self._damaged("a list of samples is longer than its place")
            objects[index] = (position, length)
            position += (length + 7) // 8 * 8
        return objects

    def _check(self, start: int, length: int) -> None:
        if start < 0 or start + length > len(self._bytes):
            raise self._damaged("it ends before its data")

    def _damaged(self, reason: str) -> InputError:
        return InputError(f"{self.name} is cut off or damaged inside ({reason}): copy or download it again.")


def positions_of(dataset: h5py.Dataset) -> NDArray[np.int64] | None:
    """Position in the file of each record of a one-dimensional dataset.

    Parameters
    ----------
    dataset : h5py.Dataset
        Checked by `quietmr.io.raw.hdf5_file.check_sound`.

    Returns
    -------
    array, shape (N,), or None
        None if the records are compressed, inside the header, or the file has addresses of another kind than usual.

    Raises
    ------
    InputError
        If a record has no place.
    """
    layout, settings = dataset.id.get_create_plist(), dataset.file.id.get_create_plist()
    if layout.get_nfilters() or settings.get_userblock() or settings.get_sizes() != (8, 8):
        return None
    rows, size = np.arange(dataset.size), dataset.id.get_type().get_size()
    if layout.get_layout() == h5py.h5d.CONTIGUOUS:
        start = dataset.id.get_offset()
        return None if start is None else start + rows * size
    if layout.get_layout() != h5py.h5d.CHUNKED:
        return None
    chunks: list[tuple[int, int]] = []
    dataset.id.chunk_iter(lambda chunk: chunks.append((chunk.chunk_offset[0], chunk.byte_offset)))
    first, place = np.array(sorted(chunks), np.int64).reshape(-1, 2).T
    chunk = np.searchsorted(first, rows, side="right") - 1
    if (chunk < 0).any() or (rows - first[chunk] >= dataset.chunks[0]).any():
        raise InputError(
            f"{dataset.file.filename} is cut off or damaged inside (a record has no place): copy it again."
        )
    return np.asarray(place[chunk] + (rows - first[chunk]) * size)
