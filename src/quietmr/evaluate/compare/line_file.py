"""A CSV file that grows line by line and outlives crashes: several processes may add to it."""

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def append_line(path: Path, head: Sequence[str], line: Mapping[str, object]) -> None:
    """Add a line, with a heading if it is the first; it is on the disk when this returns.

    A line that a crash tore off is cut away first.
    """
    with path.open("a+", newline="", encoding="utf-8") as file, _alone(file):
        if not _end_cleanly(file.fileno()):
            csv.writer(file, lineterminator="\n").writerow(head)
        csv.DictWriter(file, head, lineterminator="\n").writerow(line)
        file.flush()
        os.fsync(file.fileno())


def read_lines(path: Path) -> list[dict[str, str]]:
    """All whole lines by the names in the heading; none if there is no file."""
    if not path.exists():
        return []
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    lines = csv.DictReader(whole.decode("utf-8").split("\n"))
    return [line for line in lines if None not in line.values()]


def _end_cleanly(file: int) -> bool:
    """Cut off what comes after the last line end; whether anything is left."""
    size = os.lseek(file, 0, os.SEEK_END)
    os.lseek(file, 0, os.SEEK_SET)
    end = os.read(file, size).rfind(b"\n") + 1
    if end < size:
        os.ftruncate(file, end)
    return end > 0


@contextmanager
def _alone(file: IO[str]) -> Iterator[None]:
    """Keep other processes from adding at the same time, where the system can."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        yield
        return
    fcntl.flock(file, fcntl.LOCK_EX)
    yield  # closing the file lets the others in
