"""Clean training patches, cut from procedural scenes and real scans."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from quietmr.phantoms import Mixture, draw_scene
from quietmr.training.patches import cut_patch, draw_patch, fits, fitting_patches
from quietmr.training.recipe import Patch, Recipe
from quietmr.training.rolling import RollingBank
from quietmr.training.scans import load_clean, split

Scene = NDArray[np.float32]


class SceneBatches(IterableDataset[list[Tensor]]):
    """Endless batches of noise-free patches: one tensor of shape (B, F, Y, X), values about 0 to 1.

    Every worker keeps a pool of procedural scenes and replaces one of them after each ``reuse`` patches; a share of
    the patches comes from real scans, without what is held out to judge. The draws depend on (seed, start, rank,
    worker) only: a resumed run, with another ``start``, never sees the same patches again.

    Raises
    ------
    InputError
        If the recipe asks for scans that cannot be read, or for nothing but scans into which no patch fits.
    """

    def __init__(self, recipe: Recipe, start: int = 0, rank: int = 0) -> None:
        super().__init__()
        self.recipe = recipe
        self.words = [recipe.seed, start, rank]
        self.scans: list[Scene] = []
        self.patches = list(recipe.patches)
        if recipe.scans.share > 0:
            whole = load_clean(recipe.scans)
            self.scans = [piece for scan in whole for piece in split(scan, recipe.scans.held_out)[0]]
        if recipe.scans.share == 1:
            self.patches = fitting_patches(self.scans, recipe.patches)

    def __iter__(self) -> Iterator[list[Tensor]]:
        worker = get_worker_info()
        rng = np.random.default_rng([*self.words, worker.id if worker else 0])
        settings = self.recipe.scenes
        mixture = Mixture(**settings.mixture)
        pool = RollingBank(lambda: draw_scene(settings.shape, mixture, rng), settings.pool, settings.reuse, rng)
        while True:
            patch = draw_patch(self.patches, rng)
            crops = [brightened(self._cut(patch, pool, rng), self.recipe.brightness, rng) for _ in range(patch.batch)]
            yield [torch.from_numpy(np.stack(crops))]

    def _cut(self, patch: Patch, pool: RollingBank[Scene], rng: np.random.Generator) -> Scene:
        settings = self.recipe.scans
        fitting = [scan for scan in self.scans if fits(scan, patch)]
        if fitting and rng.random() < settings.share:
            return change_contrast(cut_patch(fitting[int(rng.integers(len(fitting)))], patch, rng), settings.gamma, rng)
        return cut_patch(pool.draw(), patch, rng)


def change_contrast(crop: Scene, gamma: float, rng: np.random.Generator) -> Scene:
    """Raise a patch to a random power around 1, so that a few scans stand for many sequences."""
    return np.asarray(crop ** np.float32(np.exp(gamma * rng.standard_normal())), dtype=np.float32)


def brightened(crop: Scene, spread: float, rng: np.random.Generator) -> Scene:
    """Multiply a patch by a factor drawn from 1 - spread to 1 + spread; nothing is drawn for a spread of 0."""
    return np.asarray(crop * np.float32(rng.uniform(1 - spread, 1 + spread)), np.float32) if spread else crop
