"""A file that HDF5 writes to, and that keeps the errors of the disk to itself until HDF5 is done."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py


class _Disk(io.FileIO):
    """HDF5 cannot be closed any more after a failed write, and prints instead of raising: it never hears of one."""

    failure: OSError | None = None

    def write(self, content: Any) -> int:
        if self.failure is None:
            try:
                return self._write_all(memoryview(content).cast("B"))
            except OSError as error:
                self.failure = error
        return len(content)

    def _write_all(self, content: memoryview) -> int:
        written = 0
        while written < len(content):
            written += super().write(content[written:])
        return written

    def truncate(self, size: int | None = None) -> int:
        try:
            return super().truncate(size)
        except OSError as error:
            self.failure = self.failure or error
            return size or 0


@contextmanager
def hdf5_to(path: Path) -> Iterator[Any]:
    """Make an HDF5 file; what the disk refuses is raised once, after the block.

    Parameters
    ----------
    path : Path
        New file.

    Yields
    ------
    h5py.File
        Open for writing.

    Raises
    ------
    OSError
        If the file cannot be made or the disk is full.
    """
    with _Disk(path, "w+") as disk:
        try:
            with h5py.File(disk, "w") as file:
                yield file
        except (OSError, RuntimeError) as error:
            # after a failed write HDF5 may read back what never got to the disk
            raise disk.failure or error from error
        if disk.failure is not None:
            raise disk.failure
