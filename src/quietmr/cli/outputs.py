"""Several outputs of one scan that appear together or not at all."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from quietmr.data import OutputError
from quietmr.io.atomic import replacing


def emit(outputs: ExitStack, path: Path | None, make: Callable[[Path], None]) -> None:
    """Write one output beside its final name, which it gets when ``outputs`` is closed; None is not wanted.

    Raises
    ------
    OutputError
        If ``make`` raises it; the sentence names the final name.
    """
    if path is None:
        return
    temporary = outputs.enter_context(replacing(path))
    try:
        make(temporary)
    except OutputError as error:
        raise OutputError(str(error).replace(str(temporary), str(path))) from error
