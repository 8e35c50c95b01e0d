"""The table of acquisitions of an MRD (ISMRMRD) HDF5 file, read in bulk."""

from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from quietmr.data import InputError
from quietmr.data.readouts import READOUT
from quietmr.io.raw.hdf5_file import check_sound
from quietmr.io.raw.heap import REFERENCE, Heap, positions_of

_SLAB = 256
_COUNTERS = (
    *("kspace_encode_step_1", "kspace_encode_step_2", "average", "slice", "contrast", "phase", "repetition"),
    *("set", "segment"),
)
_SHAPE_FIELDS = ("version", "number_of_samples", "active_channels", "encoding_space_ref")
_NEWEST_VERSION = 1


class Table:
    """Acquisitions of one file, read slab by slab.

    Parameters
    ----------
    group : h5py.Group
        Group with the datasets ``data`` and ``xml``.

    Raises
    ------
    InputError
        If the table is empty, or not laid out as version 1 of ISMRMRD says.
    """

    def __init__(self, group: h5py.Group) -> None:
        self.name = str(group.file.filename)
        self._data = group["data"]
        if self._data.ndim != 1 or len(self._data) == 0:
            raise InputError(f"{self.name} holds no readout (its table has shape {self._data.shape}): record it again.")
        check_sound(self._data)
        self._check_layout(self._data.dtype)
        self._records = self._read_records()

    def __len__(self) -> int:
        return len(self._data)

    def _check_layout(self, layout: np.dtype[Any]) -> None:
        head, samples = layout["head"], h5py.check_vlen_dtype(layout["data"])
        counters = head["idx"].names if "idx" in (head.names or ()) else None
        missing = [name for name in (*READOUT.names, *_SHAPE_FIELDS) if name not in _COUNTERS]  # type: ignore[misc]
        missing = [name for name in missing if name not in (head.names or ())]
        missing += [f"idx.{name}" for name in _COUNTERS if name not in (counters or ())]
        if missing:
            raise InputError(
                f"{self.name} has acquisition headers without {', '.join(missing[:4])}: only version 1 of "
                "ISMRMRD is read."
            )
        if samples is None or samples.kind != "f" or samples.itemsize != 4:
            raise InputError(
                f"{self.name} stores its samples as {samples or layout['data']}, not as lists of 32-bit floats: "
                "convert the scan to ISMRMRD again."
            )

    def heads(self) -> NDArray[Any]:
        """Headers of all acquisitions, without their samples."""
        if self._records is not None:
            return np.asarray(self._records["head"])
        return np.asarray(self._data.fields("head")[:])

    def slabs(self) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """Yield some acquisitions after the other: headers as in the file, and an object array of their floats."""
        if self._records is None:
            columns = self._data.fields(["head", "data"])
            for start in range(0, len(self), _SLAB):
                slab = columns[start : start + _SLAB]
                yield slab["head"], slab["data"]
            return
        heap, kind = Heap(self.name), h5py.check_vlen_dtype(self._data.dtype["data"])
        for start in range(0, len(self), _SLAB):
            slab = self._records[start : start + _SLAB]
            yield slab["head"], np.fromiter(heap.lists(slab["data"], kind), object, len(slab))

    def _read_records(self) -> NDArray[Any] | None:
        """Headers and references to samples, or None where only the HDF5 library finds its way."""
        positions, layout = positions_of(self._data), self._data.dtype
        if positions is None:
            return None
        (head, head_at), (_, data_at) = layout.fields["head"][:2], layout.fields["data"][:2]
        record = np.dtype(
            {
                "names": ["head", "data"],
                "formats": [head, REFERENCE],
                "offsets": [head_at, data_at],
                "itemsize": layout.itemsize,
            }
        )
        return Heap(self.name).records(positions, record)

    def check(self, heads: NDArray[Any], samples: NDArray[Any]) -> None:
        """Compare headers with the lengths of their samples.

        Raises
        ------
        InputError
            If one acquisition has more or fewer floats than its header says, or a header is of a newer version.
        """
        if heads["version"].max(initial=0) > _NEWEST_VERSION:
            raise InputError(
                f"{self.name} has acquisition headers of version {heads['version'].max()}: only version 1 is read."
            )
        said = 2 * heads["number_of_samples"].astype(np.int64) * heads["active_channels"]
        there = np.fromiter(map(len, samples), np.int64, len(samples))
        if (said != there).any():
            odd = int(np.argmax(said != there))
            raise InputError(
                f"{self.name} has a readout of {there[odd]} floats where its header says "
                f"{heads['active_channels'][odd]} coils x {heads['number_of_samples'][odd]} complex samples: the file "
                "is damaged, copy or convert it again."
            )


def to_readout_headers(heads: NDArray[Any]) -> NDArray[Any]:
    """Copy the fields that quietmr knows from ISMRMRD acquisition headers, by name."""
    result = np.zeros(len(heads), READOUT)
    for name in READOUT.names or ():
        result[name] = heads["idx"][name] if name in _COUNTERS else heads[name]
    return result


def header_text(group: h5py.Group) -> str:
    """Text of the XML header of a file.

    Raises
    ------
    InputError
        If there is none.
    """
    node, name = group.get("xml"), str(group.file.filename)
    if not isinstance(node, h5py.Dataset) or node.size in (None, 0):
        raise InputError(f"{name} has readouts without an XML header: convert the scan again.")
    check_sound(node)
    if node.dtype.kind not in "OS":
        raise InputError(f"{name} has a header of type {node.dtype}, not text: convert the scan again.")
    positions = positions_of(node) if node.size == 1 and h5py.check_string_dtype(node.dtype).length is None else None
    if positions is not None:
        heap = Heap(name)
        return heap.lists(heap.records(positions, REFERENCE), np.dtype("u1"))[0].tobytes().decode(errors="replace")
    value = np.asarray(node[()]).reshape(-1)[0]
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
