"""Output that appears whole or not at all."""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
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
    temporary = _sibling(path)
    try:
        yield temporary
        _move(temporary, path)
    except OSError as error:
        raise OutputError(_sentence(path, error)) from error
    finally:
        _remove(temporary)


def _sibling(path: Path) -> Path:
    # the last two suffixes keep ".nii.gz" whole; the stem is left out, so that a long name cannot grow too long
    return path.with_name(f".quietmr-{secrets.token_hex(6)}{''.join(path.suffixes[-2:])}")


def _move(temporary: Path, path: Path) -> None:
    if not temporary.is_dir():
        _flush(temporary)
        temporary.replace(path)
        return
    if not path.exists():
        temporary.rename(path)
        return
    # a folder cannot be renamed over a full one: step the old one aside, and back if the new one does not get in
    aside = _sibling(path)
    path.rename(aside)
    try:
        temporary.rename(path)
    except OSError:
        aside.rename(path)
        raise
    shutil.rmtree(aside)


def _flush(file: Path) -> None:
    # without this a power cut after the rename can leave an empty file under the final name
    with file.open("rb+") as stream:
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
