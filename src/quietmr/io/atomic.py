"""Output that appears whole or not at all."""

import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from quietmr.data import OutputError

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary sibling of ``path`` to write to; rename it to ``path`` when the block ends well.

    The temporary name has the suffix of ``path``, so that libraries choose the same format, and does not exist yet: the
    block creates a file or a folder there. An existing ``path`` (file or folder) is replaced; asking before is the
    business of the caller. Whatever ends the block early, an interrupt included, leaves ``path`` as it was and no
    temporary file behind.

    Parameters
    ----------
    path : Path
        File or folder to make; its folder must exist.

    Yields
    ------
    Path
        Where to write.

    Raises
    ------
    OutputError
        If the disk is full, the folder is read-only, or the system refuses for another reason.
    """
    with replacing_together() as temporary_for:
        yield temporary_for(path)


@contextmanager
def replacing_together() -> Iterator[Callable[[Path], Path]]:
    """As `replacing` for several outputs: all of them get their final names, or none does.

    Yields
    ------
    callable
        Gives the temporary sibling of a path. What was named first is renamed last.

    Raises
    ------
    OutputError
        As `replacing`; outputs that were renamed already are taken back, and what they replaced is put back.
    """
    outputs = _Outputs()
    try:
        yield outputs.temporary_for
        outputs.move()
    except BaseException as error:
        outputs.take_back()
        if isinstance(error, OSError) and outputs.current is not None:
            raise OutputError(_sentence(outputs.current, error)) from error
        raise
    finally:
        outputs.clean()


class _Outputs:
    """Paths with their temporary siblings, and what has been renamed already."""

    def __init__(self) -> None:
        self.current: Path | None = None
        self._written: dict[Path, Path] = {}
        self._asides: dict[Path, Path | None] = {}

    def temporary_for(self, path: Path) -> Path:
        self.current = path
        return self._written.setdefault(path, _sibling(path))

    def move(self) -> None:
        # what was named first is renamed last; nothing is renamed before all is on the disk
        for path, temporary in reversed(self._written.items()):
            self.current = path
            _flush(temporary)
        for path, temporary in reversed(self._written.items()):
            self.current = path
            self._asides[path] = _move(temporary, path, keep=len(self._written) > 1)

    def take_back(self) -> None:
        if len(self._written) > 1:
            for path, aside in reversed(self._asides.items()):
                _take_back(path, aside)

    def clean(self) -> None:
        for temporary in self._written.values():
            _remove(temporary)
        for path, aside in self._asides.items():
            if aside is not None and path.exists():
                _remove(aside)


def _sibling(path: Path) -> Path:
    # the last two suffixes keep ".nii.gz" whole; the stem is left out, so that a long name cannot grow too long
    return path.with_name(f".quietmr-{secrets.token_hex(6)}{''.join(path.suffixes[-2:])}")


def _move(temporary: Path, path: Path, *, keep: bool) -> Path | None:
    """Rename; give the place to which an old output at ``path`` stepped aside, if it did."""
    aside = None
    if temporary.is_dir() and path.exists():
        # a folder cannot be renamed over a full one
        aside = _sibling(path)
        path.rename(aside)
    elif keep and path.is_file():
        aside = _sibling(path)
        _second_name(path, aside)
    try:
        if temporary.is_dir():
            temporary.rename(path)
        else:
            temporary.replace(path)
    except OSError:
        if aside is not None:
            if not path.exists():
                aside.replace(path)
            _remove(aside)
        raise
    return aside


def _second_name(path: Path, aside: Path) -> None:
    # with a second name the file never loses its first one, where the disk knows second names
    if not path.is_symlink():
        with suppress(OSError):
            aside.hardlink_to(path)
            return
    path.rename(aside)


def _take_back(path: Path, aside: Path | None) -> None:
    with suppress(OSError):
        if aside is None or path.is_dir():
            _remove(path)
        if aside is not None:
            aside.replace(path)


def _flush(temporary: Path) -> None:
    # without this a power cut after the rename can leave an empty file under the final name
    if temporary.is_dir():
        return
    with temporary.open("rb+") as stream:
        os.fsync(stream.fileno())


def _remove(temporary: Path) -> None:
    with suppress(OSError):
        if temporary.is_dir():
            shutil.rmtree(temporary)
        else:
            temporary.unlink(missing_ok=True)


def _sentence(path: Path, error: OSError) -> str:
    if error.errno in _NO_SPACE:
        return f"{path} was not written, there is no space left on its disk: free some or choose another folder."
    if error.errno in _READ_ONLY:
        return f"{path} was not written, its folder is read-only: choose another folder."
    return f"{path} was not written ({error.strerror or error}): choose another folder or name."
