"""Clean complex training patches with the g-maps they are scanned with."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from quietmr.noise.phase import smooth_phase, with_phase
from quietmr.phantoms import Mixture, draw_scene
from quietmr.training.gmap_bank import GmapBank
from quietmr.training.patches import cut_patch, draw_patch
from quietmr.training.recipe import Recipe
from quietmr.training.rolling import RollingBank

Picture = NDArray[np.complex64]

# Patches for each new scene while the bank fills: the network learns before it is full.
_GROWTH = 4


class ComplexBatches(IterableDataset[list[Tensor]]):
    """Endless batches of noise-free complex patches, for noise by :mod:`quietmr.training.complex_pairs`.

    A batch is [patches (B, F, Y, X) complex, g-maps (B, 1, Y, X), seeds (B,)]; brightest tissue about 1, one seed for
    the noise of each sample. Scenes (anatomy with a smooth random phase) and g-maps come from banks that every worker
    renews slowly. The draws depend on (seed, start, rank, worker) only.
    """

    def __init__(self, recipe: Recipe, start: int = 0, rank: int = 0) -> None:
        super().__init__()
        self.recipe = recipe
        self.words = [recipe.seed, start, rank]

    def __iter__(self) -> Iterator[list[Tensor]]:
        worker = get_worker_info()
        rng = np.random.default_rng([*self.words, worker.id if worker else 0])
        settings = self.recipe.scenes
        mixture = Mixture(**settings.mixture)
        scenes = RollingBank(
            lambda: draw_picture(settings.shape, mixture, rng), settings.pool, settings.reuse, rng, growth=_GROWTH
        )
        gmaps = GmapBank(self.recipe.mr, rng)
        while True:
            patch = draw_patch(list(self.recipe.patches), rng)
            crops = np.stack([cut_patch(scenes.draw(), patch, rng) for _ in range(patch.batch)])
            maps = np.stack([gmaps.draw(patch.shape[1:])[None] for _ in range(patch.batch)])
            seeds = rng.integers(2**63, size=patch.batch)
            yield [torch.from_numpy(crops), torch.from_numpy(maps), torch.from_numpy(seeds)]


def draw_picture(shape: tuple[int, int, int], mixture: Mixture, rng: np.random.Generator) -> Picture:
    """Draw a noise-free complex scene (F, Y, X): procedural anatomy with a smooth random phase."""
    scene = torch.from_numpy(draw_scene(shape, mixture, rng))
    size = (scene.shape[0], scene.shape[1], scene.shape[2])
    return np.asarray(with_phase(scene, smooth_phase(size, rng)).numpy(), dtype=np.complex64)
