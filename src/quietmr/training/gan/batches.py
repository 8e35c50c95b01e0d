"""Unpaired training patches: noisy and clean images that do not show the same."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from quietmr.models.translation import to_signed
from quietmr.training.gan.domains import DOMAINS, check_disjoint, scans_of
from quietmr.training.magnitude_noise import degraded_batch, noise_of
from quietmr.training.recipe import Recipe
from quietmr.training.scenes import SceneBatches


class UnpairedBatches(IterableDataset[list[Tensor]]):
    """Endless batches of two tensors (B, F, Y, X), brightest tissue about 1: for the noisy and the clean domain.

    Each domain draws its own patches of its own scans, or of procedural scenes that the other one never sees. Noise is
    added later, on the device that trains. The draws depend on (seed, start, rank, worker) only.

    Raises
    ------
    InputError
        If scans cannot be used, or show a person in both domains.
    """

    def __init__(self, recipe: Recipe, start: int = 0, rank: int = 0) -> None:
        super().__init__()
        if recipe.scans.share > 0:
            check_disjoint(recipe)
        self.domains = []
        for i, domain in enumerate(DOMAINS):
            own = recipe.model_copy(update={"scans": scans_of(recipe, domain)})
            batches = SceneBatches(own, start, rank)
            batches.words.append(i)
            self.domains.append(batches)

    def __iter__(self) -> Iterator[list[Tensor]]:
        for noisy, clean in zip(*self.domains, strict=True):
            yield [*noisy, *clean]


def unpaired_images(batch: list[Tensor], recipe: Recipe, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Make images (B F, 1, Y, X) of both domains, -1 to 1, of a batch of :class:`UnpairedBatches`."""
    noisy, clean = batch
    if recipe.gan.add_noise:
        noisy = degraded_batch(noisy, noise_of(recipe), rng)[0][:, 0]
    return _signed(noisy, recipe.gan.white), _signed(clean, recipe.gan.white)


def _signed(patches: Tensor, white: float) -> Tensor:
    """(B, F, Y, X) in units of the brightest tissue to (B F, 1, Y, X), -1 to 1."""
    return to_signed((patches / white).clamp(0, 1)).flatten(0, 1)[:, None].contiguous()
