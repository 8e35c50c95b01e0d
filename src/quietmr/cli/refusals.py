"""Refusals that need no pixels: outputs that would hurt an input, each other, or what exists already."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from quietmr.cli.jobs import ImageJob, Job, Wish
from quietmr.data import OutputError
from quietmr.io import check_writable, format_of
from quietmr.report import FIGURE_SUFFIXES
from quietmr.report.names import check_page_name


def check(jobs: Sequence[Job], inputs: Iterable[Path], *, force: bool) -> None:
    """Refuse now what would be refused after hours of work.

    Raises
    ------
    OutputError
        If an output is one of the inputs or lies in one (even with ``force``), two outputs have one name, one exists
        and may not be replaced, or one cannot be written for its suffix or folder.
    """
    read = [*inputs, *(path for job in jobs for path in job.inputs)]
    written: set[Path] = set()
    for job in jobs:
        for path in job.outputs:
            for source in read:
                _check_apart(path, source)
            if path.resolve() in written:
                raise OutputError(f"{path} would be written twice: give each output its own name.")
            written.add(path.resolve())
        _check_formats(job, force=force)


def _check_apart(output: Path, source: Path) -> None:
    target, origin = output.resolve(), source.resolve()
    if target == origin or (target.exists() and origin.exists() and target.samefile(origin)):
        raise OutputError(f"{output} is an input, which quietmr never overwrites: choose another name.")
    if target in origin.parents or (origin in target.parents and origin.is_dir()):
        raise OutputError(f"{output} and the input {source} lie one inside the other: write to another folder.")


def _check_formats(job: Job, *, force: bool) -> None:
    for path in job.maps:
        check_writable(path, force=force)
        if format_of(path).name not in job.map_formats:
            raise OutputError(
                f"{path} would hold fractions, for which {format_of(path).name} has no place: use .nii.gz."
            )
    for path in job.tables:
        check_plain_file(path, force=force)
    for path in job.pages:
        check_page_name(path)
        check_plain_file(path, force=force)
    if not isinstance(job, ImageJob):
        return
    for path in job.images:
        check_writable(path, force=force)
    check_plain_file(job.sidecar, force=force)
    if job.figure is not None:
        if job.figure.suffix.lower() not in FIGURE_SUFFIXES:
            raise OutputError(
                f"A figure cannot be written as {job.figure}: choose one of {', '.join(FIGURE_SUFFIXES)}."
            )
        check_plain_file(job.figure, force=force)


def check_plain_file(path: Path, *, force: bool) -> None:
    """Refuse a file that cannot be written, or exists and may not be replaced.

    Raises
    ------
    OutputError
    """
    folder = path.absolute().parent
    if not folder.is_dir():
        raise OutputError(f"There is no folder {folder} to write {path.name} to: make it first.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"The folder {folder} is read-only: choose another one for {path.name}.")
    if path.is_dir():
        raise OutputError(f"{path} is a folder where the file {path.name} would go: choose another name.")
    if path.exists() and not force:
        raise OutputError(f"{path} exists already: choose another name, or replace it with --force.")


@contextmanager
def folders_for(wishes: Iterable[Wish]) -> Iterator[None]:
    """Make the folders that the user named with a slash; remove those that stay empty."""
    made: list[Path] = []
    try:
        for wish in wishes:
            if wish.typed is not None and wish.has_slash:
                folder = Path(wish.typed).absolute()
                made += [parent for parent in (folder, *folder.parents) if not parent.exists()]
                folder.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        for folder in sorted(made, key=lambda path: len(path.parts), reverse=True):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
