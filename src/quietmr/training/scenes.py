"""Training patches cut from procedural scenes, drawn by worker processes."""

from collections.abc import Iterator

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from quietmr.phantoms import Mixture, draw_scene
from quietmr.training.recipe import Patch, Recipe, SceneRecipe

Scene = NDArray[np.float32]


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
            crops = [cut_patch(pool[int(rng.integers(len(pool)))], patch, rng) for _ in range(patch.batch)]
            yield torch.from_numpy(np.stack(crops))
            drawn += patch.batch
            # The pool grows with every patch until it is full; from then on one scene is replaced now and then.
            if len(pool) < self.scenes.pool:
                pool.append(draw_scene(self.scenes.shape, mixture, rng))
            elif drawn >= self.scenes.reuse:
                drawn = 0
                pool[int(rng.integers(len(pool)))] = draw_scene(self.scenes.shape, mixture, rng)


def keep_kspace_center(volume: Scene, factor: int) -> Scene:
    """Reduce the in-plane resolution by an integer factor as a scanner does: by not acquiring the outer k-space.

    Parameters
    ----------
    volume : array, shape (F, Y, X)
        Y and X are multiples of ``factor``.
    factor : int

    Returns
    -------
    array, shape (F, Y / factor, X / factor), float32
        Magnitude; a uniform volume keeps its value.
    """
    if factor == 1:
        return volume
    height, width = volume.shape[1] // factor, volume.shape[2] // factor
    spectrum = scipy.fft.fftshift(scipy.fft.fft2(volume), axes=(1, 2))
    top, left = (volume.shape[1] - height) // 2, (volume.shape[2] - width) // 2
    kept = scipy.fft.ifftshift(spectrum[:, top : top + height, left : left + width], axes=(1, 2))
    return np.asarray(np.abs(scipy.fft.ifft2(kept)) / factor**2, dtype=np.float32)


def cut_patch(scene: Scene, patch: Patch, rng: np.random.Generator) -> Scene:
    """Cut a random patch, flipped and turned at random in plane.

    Empty places are drawn less often: a patch darker than 2 % is drawn once more.
    """
    size = np.array(patch.shape) * [1, patch.zoom, patch.zoom]
    for _ in range(2):
        corner = [int(rng.integers(0, n - wide + 1)) for n, wide in zip(scene.shape, size, strict=True)]
        crop = scene[tuple(slice(c, c + wide) for c, wide in zip(corner, size, strict=True))]
        if crop.mean() > 0.02:
            break
    crop = keep_kspace_center(crop, patch.zoom)
    for axis in range(3):
        if rng.random() < 0.5:
            crop = np.flip(crop, axis)
    if patch.shape[1] == patch.shape[2] and rng.random() < 0.5:
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
