"""The stream of batches of a run, drawn by worker processes."""

import signal

from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from quietmr.training.complex_batches import ComplexBatches
from quietmr.training.gan.batches import UnpairedBatches
from quietmr.training.noisy_batches import NoisyBatches
from quietmr.training.recipe import Recipe
from quietmr.training.scenes import SceneBatches


def training_batches(recipe: Recipe, start: int, stream: int = 0) -> DataLoader[list[Tensor]]:
    """Make the loader of one of the batches of each step, for a session that begins at step ``start``.

    What it draws depends on (seed, start, stream, worker) only, and not on the process that it belongs to.

    Raises
    ------
    InputError
        If the recipe asks for scans that cannot be used.
    """
    batches = _dataset(recipe, start, stream)
    if recipe.workers == 0:
        return DataLoader(batches, batch_size=None)
    return DataLoader(
        batches,
        batch_size=None,
        num_workers=recipe.workers,
        prefetch_factor=8,
        multiprocessing_context="spawn",
        worker_init_fn=_leave_signals_to_the_trainer,
    )


def _dataset(recipe: Recipe, start: int, stream: int) -> IterableDataset[list[Tensor]]:
    if recipe.step == "gan":
        return UnpairedBatches(recipe, start, stream)
    if recipe.lesson != "supervised":
        return NoisyBatches(recipe, start, stream)
    return (ComplexBatches if recipe.channels == "complex" else SceneBatches)(recipe, start, stream)


def _leave_signals_to_the_trainer(worker: int) -> None:
    """Ctrl-C and batch systems signal the whole process group; the trainer still needs batches to end its step."""
    del worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
