"""Training patches cut from procedural scenes, drawn by worker processes."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from quietmr.phantoms import Mixture, draw_scene
from quietmr.training.recipe import Patch, Recipe, SceneRecipe


class SceneBatches(IterableDataset[Tensor]):
    """Endless batches of noise-free patches, shape (B, F, Y, X), values about 0 to 1.

    Every worker keeps a pool of scenes and replaces one of them after each ``reuse`` patches. The draws depend on
    (seed, start, rank, worker) only: a resumed run, with another ``start``, never sees the same patches again.
    """

    def __init__(
        self, scenes: SceneRecipe, patches: tuple[Patch, ...], seed: int, start: int = 0, rank: int = 0
    ) -> None:
        super().__init__()
        self.scenes, self.patches = scenes, patches
        self.words = [seed, start, rank]

    def __iter__(self) -> Iterator[Tensor]:
        worker = get_worker_info()
        rng = np.random.default_rng([*self.words, worker.id if worker else 0])
        mixture = Mixture(**self.scenes.mixture)
        shares = np.array([patch.share for patch in self.patches])
        pool = [draw_scene(self.scenes.shape, mixture, rng)]
        drawn = 0
        while True:
            patch = self.patches[int(rng.choice(len(self.patches), p=shares / shares.sum()))]
            crops = [cut_patch(pool[int(rng.integers(len(pool)))], patch.shape, rng) for _ in range(patch.batch)]
            yield torch.from_numpy(np.stack(crops))
            drawn += patch.batch
            # The pool grows with every patch until it is full; from then on one scene is replaced now and then.
            if len(pool) < self.scenes.pool:
                pool.append(draw_scene(self.scenes.shape, mixture, rng))
            elif drawn >= self.scenes.reuse:
                drawn = 0
                pool[int(rng.integers(len(pool)))] = draw_scene(self.scenes.shape, mixture, rng)


def cut_patch(scene: np.ndarray, shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    """Cut a random patch, flipped and turned at random in plane.

    Empty places are drawn less often: a patch darker than 2 % is drawn once more.
    """
    for _ in range(2):
        corner = [int(rng.integers(0, n - size + 1)) for n, size in zip(scene.shape, shape, strict=True)]
        crop = scene[tuple(slice(c, c + size) for c, size in zip(corner, shape, strict=True))]
        if crop.mean() > 0.02:
            break
    for axis in range(3):
        if rng.random() < 0.5:
            crop = np.flip(crop, axis)
    if shape[1] == shape[2] and rng.random() < 0.5:
        crop = crop.swapaxes(1, 2)
    return np.ascontiguousarray(crop)


def training_batches(recipe: Recipe, start: int, rank: int = 0) -> DataLoader[Tensor]:
    """Make the loader of one process of a run that begins at step ``start``."""
    batches = SceneBatches(recipe.scenes, recipe.patches, recipe.seed, start, rank)
    if recipe.workers == 0:
        return DataLoader(batches, batch_size=None)
    return DataLoader(
        batches, batch_size=None, num_workers=recipe.workers, prefetch_factor=8, multiprocessing_context="spawn"
    )
