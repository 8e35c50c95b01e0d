"""Work in other processes, one task at a time each, that outlives the death of any of them.

Each process is new (spawned), with its number of threads set before any library is loaded; it ignores Ctrl-C, which is
the parent's to handle, and ends when the parent does.
"""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Generic, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_GRACE = 1.0  # seconds between asking and killing


class DiedError(Exception):
    """A process ended in the middle of a task; the message says how."""


def in_processes(
    work: Callable[[Task], Result], tasks: Iterable[Task], workers: int, threads: int
) -> Iterator[tuple[Task, Result | DiedError]]:
    """Do tasks in several processes and give their results as they come.

    Parameters
    ----------
    work : callable
        Travels to each process once.
    tasks : iterable
        Taken one by one, in order.
    workers, threads : int
        Processes, and threads of each.

    Yields
    ------
    task, result
        A task whose process died gives `DiedError`; another process takes its place. Whatever ends the loop early
        (Ctrl-C) ends the processes at once.
    """
    waiting = iter(tasks)
    crew = _Crew(work, threads)
    try:
        for task in _first(waiting, workers):
            crew.give(task)
        while crew.busy:
            for task, result in crew.collect():
                following = _first(waiting, 1)
                if following:
                    crew.give(following[0])
                yield task, result
    finally:
        crew.dismiss()


class _Crew(Generic[Task, Result]):
    """Processes with the pipes to them and what each is doing."""

    def __init__(self, work: Callable[[Task], Result], threads: int) -> None:
        self._work, self._threads = work, threads
        self._context = get_context("spawn")
        self._idle: list[tuple[BaseProcess, Connection]] = []
        self.busy: dict[Connection, tuple[BaseProcess, Task]] = {}

    def give(self, task: Task) -> None:
        process, pipe = self._idle.pop() if self._idle else self._hire()
        self.busy[pipe] = (process, task)
        with suppress(OSError):  # a process that died while it was idle is noticed when its result is collected
            pipe.send(task)

    def collect(self) -> list[tuple[Task, Result | DiedError]]:
        """Wait for at least one result."""
        results: list[tuple[Task, Result | DiedError]] = []
        for pipe in wait(list(self.busy)):
            assert isinstance(pipe, Connection), "only pipes were waited for"
            process, task = self.busy.pop(pipe)
            try:
                result = pipe.recv()
            except (EOFError, OSError):
                process.join()
                pipe.close()
                results.append((task, DiedError(_how(process.exitcode))))
            else:
                self._idle.append((process, pipe))
                results.append((task, result))
        return results

    def dismiss(self) -> None:
        """End all processes: asked first, so that programs which they run end too."""
        for process, _ in self.busy.values():
            process.terminate()
        for process, pipe in [*self._idle, *((process, pipe) for pipe, (process, _) in self.busy.items())]:
            pipe.close()
            process.join(_GRACE)
            process.kill()
            process.join()

    def _hire(self) -> tuple[BaseProcess, Connection]:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, self._work), daemon=True)
        with _environment(self._threads):
            process.start()
        theirs.close()
        return process, ours


def _serve(pipe: Connection, work: Callable[[Task], Result]) -> None:
    """Run in the process: take tasks until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    with suppress(EOFError, OSError):
        while True:
            pipe.send(work(pipe.recv()))


def _leave(number: int, frame: FrameType | None) -> None:
    """Unwind the stack, so that programs are ended and temporary files go away."""
    del frame
    raise SystemExit(128 + number)


@contextmanager
def _environment(threads: int) -> Iterator[None]:
    """Set what a new process inherits: libraries read their number of threads when they are loaded."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _first(tasks: Iterator[Task], count: int) -> list[Task]:
    return [task for _, task in zip(range(count), tasks, strict=False)]


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = ", as the system does when memory runs out" if name == "SIGKILL" else ""
        return f"The process was ended by {name}{hint}."
    return f"The process ended by itself (code {code})."
