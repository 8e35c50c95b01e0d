"""A progress bar on stderr for work that takes more than two seconds."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PATIENCE = 2.0


@contextmanager
def progress_bar(text: str, *, shown: bool) -> Iterator[Callable[[float], None] | None]:
    """Give a function to be told the done part (0 to 1); None where nobody would see a bar.

    Parameters
    ----------
    text : str
        What is being done.
    shown : bool
        Whether the user wants one; without a terminal there is none anyway.
    """
    if not shown or not sys.stderr.isatty():
        yield None
        return
    bar = _Bar(text)
    try:
        yield bar.tell
    finally:
        bar.close()


class _Bar:
    """Appears on the first news after two seconds, so that short work leaves the screen alone."""

    def __init__(self, text: str) -> None:
        # Imported here: rich costs as much as the whole help.
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        self._start = time.monotonic()
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task(text, total=1.0)

    def tell(self, done: float) -> None:
        self._progress.update(self._task, completed=done)
        if time.monotonic() - self._start > _PATIENCE:
            self._progress.start()

    def close(self) -> None:
        self._progress.stop()
