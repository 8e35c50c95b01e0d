"""What goes wrong, as one sentence and an exit code."""

import os
import shlex
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

from quietmr.cli.arguments import parse
from quietmr.data.errors import QuietmrError

FAILED, WRONG_USAGE, INTERRUPTED, TERMINATED = 1, 2, 130, 143

# What a file, a disk or a machine can do to us. Anything else is a mistake in quietmr.
EXPECTED = (QuietmrError, OSError, MemoryError)


class UsageError(QuietmrError):
    """Arguments that make no sense together; exit code 2."""


class Command(Protocol):
    """A parsed command."""

    @property
    def debug(self) -> bool:
        """Show tracebacks."""
        ...

    def run(self, command_line: str) -> int:
        """Do it and return the exit code."""
        ...


def sentence(error: BaseException) -> str:
    """Say in one line what went wrong and what to do."""
    if isinstance(error, MemoryError):
        return "The memory is used up: close other programs or give a smaller scan."
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename is not None else ""
        return f"{where}{error.strerror}: check the name, the rights and the space on the disk."
    return " ".join(str(error).split()) or type(error).__name__


def guarded(verb: str, arguments: Sequence[str], command_type: type[Command]) -> int:
    """Parse and run one command; turn what may go wrong into one sentence on stderr and an exit code."""
    debug = "--debug" in arguments
    try:
        command = parse(verb, arguments, command_type)
        with _terminate_cleanly():
            return command.run(shlex.join(["quietmr", verb, *arguments]))
    except KeyboardInterrupt:
        sys.stderr.write("quietmr: Interrupted; nothing unfinished was left behind.\n")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output (head, less) has gone: not an error, but nothing may be flushed to it any more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except EXPECTED as error:
        report(error, debug=debug)
        return WRONG_USAGE if isinstance(error, UsageError) else FAILED


def report(error: BaseException, *, debug: bool, about: str = "") -> None:
    """Write the sentence to stderr, after the traceback if that is wanted."""
    if debug:
        traceback.print_exception(error)
    sys.stderr.write(f"quietmr: {about}{sentence(error)}\n")


@contextmanager
def _terminate_cleanly() -> Iterator[None]:
    """Let SIGTERM (batch systems) unwind the stack, so that temporary files go away."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(number: int, frame: FrameType | None) -> None:
    del number, frame
    sys.stderr.write("quietmr: Terminated; nothing unfinished was left behind.\n")
    raise SystemExit(TERMINATED)
