"""All rows of a comparison, here or in other processes."""

from collections.abc import Iterable, Iterator

from quietmr.evaluate.compare.measuring import Bench, Cell
from quietmr.evaluate.compare.rows import Row
from quietmr.evaluate.compare.workers import DiedError, in_processes

NAN = float("nan")


def run(bench: Bench, cells: Iterable[Cell], *, workers: int = 1, threads: int = 1) -> Iterator[Row]:
    """Measure cells one after another and give each row as soon as it is there.

    Parameters
    ----------
    bench : Bench
        What measures.
    cells : iterable of (Condition, str)
        What is measured, in order.
    workers : int
        Processes; 0: this one, where threads are set for torch alone.
    threads : int
        Threads of each.

    Notes
    -----
    Scores depend on the cell alone, not on who measures it: they are the same for any number of workers. What runs
    beside a method can disturb what it costs.
    """
    if workers == 0:
        import torch

        torch.set_num_threads(threads)
        yield from map(bench, cells)
        return
    for cell, result in in_processes(bench, cells, workers, threads):
        if isinstance(result, DiedError):
            condition, method = cell
            yield Row(condition, method, NAN, NAN, reason=str(result))
        else:
            yield result
