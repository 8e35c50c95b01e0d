"""Several outputs of one scan that appear together or not at all (`quietmr.io.atomic.replacing_together`)."""

from collections.abc import Callable
from pathlib import Path

from quietmr.data import OutputError


def emit(temporary_for: Callable[[Path], Path], path: Path | None, make: Callable[[Path], object]) -> None:
    """Write one output beside its final name, which it gets when all are written; None is not wanted.

    Raises
    ------
    OutputError
        If ``make`` raises it; the sentence names the final name.
    """
    if path is None:
        return
    temporary = temporary_for(path)
    try:
        make(temporary)
    except OutputError as error:
        raise OutputError(str(error).replace(str(temporary), str(path))) from error
