"""The same signal with fresh noise, many times through a denoiser, in this process or in several."""

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing.reduction import ForkingPickler
from pickle import PicklingError
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from quietmr.data import Image, InputError, Meta, NoiseMap
from quietmr.denoise import Denoiser
from quietmr.evaluate.fresh_noise import add_noise

Pair = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Replicas:
    """What happens to each replica: noise is added to the signal, and the denoiser takes it out.

    Parameters
    ----------
    denoiser : Denoiser
    signal : Image
        Stands for the truth.
    noise : NoiseMap
        Noise to add.
    told : NoiseMap
        Noise that the denoiser is told.
    """

    denoiser: Denoiser
    signal: Image
    noise: NoiseMap
    told: NoiseMap

    def __call__(self, rng: np.random.Generator) -> Pair:
        """Draw one replica; return it before and after denoising, arrays of shape (T, Z, Y, X)."""
        noisy = add_noise(self.signal.data, self.noise, rng)
        return noisy, self.denoiser(self.signal.replace(data=noisy, noise=self.told)).data

    def run(self, generators: Sequence[np.random.Generator], workers: int) -> Iterator[Pair]:
        """Draw one replica per generator.

        The replicas come in the order of the generators, so that what is computed from them does not depend on the
        number of workers. With more than one, each is a new process with its share of torch's threads; a script must
        then guard its main part with ``if __name__ == "__main__"``.

        Raises
        ------
        InputError
            If there is no worker, or the denoiser cannot be sent to another process.
        """
        if workers < 1:
            raise InputError(f"Replicas need at least one worker, got {workers}: use 1 to stay in this process.")
        if workers == 1:
            return map(self, generators)
        return self._spread(generators, min(workers, len(generators)))

    def _spread(self, generators: Sequence[np.random.Generator], workers: int) -> Iterator[Pair]:
        # The source header stays here: it may be large, and no denoiser reads it.
        task = Replicas(self.denoiser, self.signal.replace(meta=Meta(), history=()), self.noise, self.told)
        try:
            ForkingPickler.dumps(task)
        except (PicklingError, AttributeError, TypeError) as reason:
            raise InputError(
                f"The denoiser cannot be sent to other processes ({reason}): use one worker, or one made by "
                "create_denoiser() without a progress function."
            ) from None
        threads = max(1, torch.get_num_threads() // workers)
        pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start, (task, threads))
        try:
            waiting: deque[Future[Pair]] = deque()
            for rng in generators:
                waiting.append(pool.submit(_draw, rng))
                # One more than there are workers: nobody is idle, and no more replicas than these are held.
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


_task: Callable[[np.random.Generator], Pair]


def _start(task: Replicas, threads: int) -> None:
    """Begin a worker: the task travels once, not with every replica."""
    global _task
    torch.set_num_threads(threads)
    _task = task


def _draw(rng: np.random.Generator) -> Pair:
    return _task(rng)
