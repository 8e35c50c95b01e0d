"""Ctrl-C and SIGTERM as a wish to stop after the running step."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass
class StopWish:
    """Whether somebody asked to stop: the name of the signal, empty so far."""

    signal: str = ""


@contextmanager
def stop_wishes() -> Iterator[StopWish]:
    """Turn the first Ctrl-C or SIGTERM into a wish; the second one does what it always did.

    Outside the main thread nothing can be caught, and nobody ever wishes.
    """
    wish = StopWish()
    if threading.current_thread() is not threading.main_thread():
        yield wish
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, frame: FrameType | None) -> None:
        del frame
        wish.signal = signal.Signals(number).name
        signal.signal(number, before[signal.Signals(number)])

    try:
        for number in before:
            signal.signal(number, note)
        yield wish
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
