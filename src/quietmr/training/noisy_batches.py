"""Training patches cut from scans with their own noise."""

import warnings
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from quietmr.data import QuietmrWarning
from quietmr.training.noisy_scans import NoisyScan, load_noisy
from quietmr.training.patches import cut_patch, draw_patch, fits, fitting_patches
from quietmr.training.recipe import Patch, Recipe
from quietmr.training.scans import split

Sample = tuple[NDArray[np.float32], NoisyScan]


class NoisyBatches(IterableDataset[list[Tensor]]):
    """Endless batches of noisy patches, without what is held out to judge.

    With losses of single images: patches (B, F, Y, X), their noise SD (B,) and the filled part of their k-space (B, 3).
    With loss ``noise2noise``: two patches of the same place from two frames, and the noise SD. The draws depend on
    (seed, start, rank, worker) only.

    Raises
    ------
    InputError
        If the scans cannot be used, or no patch of the recipe fits into them.
    """

    def __init__(self, recipe: Recipe, start: int = 0, rank: int = 0) -> None:
        super().__init__()
        self.words = [recipe.seed, start, rank]
        self.pairs = recipe.lesson == "noise2noise"
        with warnings.catch_warnings():
            # Whoever judges the run reads the same scans and lets their warnings through.
            warnings.simplefilter("ignore", QuietmrWarning)
            scans = load_noisy(recipe.scans, repeats=self.pairs)
        self.pieces = [(piece, scan) for scan in scans for piece in split(scan.frames, recipe.scans.held_out)[0]]
        self.patches = fitting_patches([piece for piece, _ in self.pieces], recipe.patches)

    def __iter__(self) -> Iterator[list[Tensor]]:
        worker = get_worker_info()
        rng = np.random.default_rng([*self.words, worker.id if worker else 0])
        while True:
            patch = draw_patch(self.patches, rng)
            samples = [self._cut(patch, rng) for _ in range(patch.batch)]
            frames = [torch.from_numpy(np.stack(crops)) for crops in zip(*(crop for crop, _ in samples), strict=True)]
            sigma = torch.tensor([scan.sigma for _, scan in samples])
            yield [*frames, sigma] if self.pairs else [*frames, sigma, torch.tensor([s.support for _, s in samples])]

    def _cut(self, patch: Patch, rng: np.random.Generator) -> Sample:
        """Cut the same place of one frame, or of two different ones: shape (1 or 2, F, Y, X)."""
        fitting = [(piece, scan) for piece, scan in self.pieces if fits(piece, patch)]
        piece, scan = fitting[int(rng.integers(len(fitting)))]
        chosen = rng.choice(len(piece), size=2 if self.pairs else 1, replace=False)
        # Never turned: noise may be correlated along one axis only.
        return cut_patch(piece[chosen], patch, rng, turn=False), scan
