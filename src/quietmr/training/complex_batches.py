"""Clean complex training patches with the g-maps they are scanned with."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from quietmr.noise.phase import smooth_phase
from quietmr.phantoms import Mixture, draw_scene
from quietmr.phantoms.cine import draw_cine
from quietmr.training.gmap_bank import GmapBank
from quietmr.training.patches import cut_patch, draw_patch, fits, fitting_patches
from quietmr.training.recipe import Patch, Recipe
from quietmr.training.rolling import RollingBank
from quietmr.training.scans import load_clean
from quietmr.training.scenes import Scene, change_contrast

Picture = NDArray[np.complex64]

# Patches for each new scene while the bank fills: the network learns before it is full.
_GROWTH = 4


class ComplexBatches(IterableDataset[list[Tensor]]):
    """Endless batches of noise-free complex patches, for noise by :mod:`quietmr.training.complex_pairs`.

    A batch is [patches (B, F, Y, X) complex, g-maps (B, 1, Y, X), seeds (B,)]; brightest tissue about 1, one seed for
    the noise of each sample. Scenes (anatomy with a smooth random phase) and g-maps come from banks that every worker
    renews slowly; a share of the patches comes from magnitudes of real scans, which get such a phase too. The draws
    depend on (seed, start, rank, worker) only.

    Raises
    ------
    InputError
        If the recipe asks for scans that cannot be read, or for nothing but scans into which no patch fits.
    """

    def __init__(self, recipe: Recipe, start: int = 0, rank: int = 0) -> None:
        super().__init__()
        self.recipe = recipe
        self.words = [recipe.seed, start, rank]
        self.scans = load_clean(recipe.scans) if recipe.scans.share > 0 else []
        self.patches = list(recipe.patches)
        if recipe.scans.share == 1:
            self.patches = fitting_patches(self.scans, recipe.patches)

    def __iter__(self) -> Iterator[list[Tensor]]:
        worker = get_worker_info()
        rng = np.random.default_rng([*self.words, worker.id if worker else 0])
        pictures = PictureBank(self.recipe, self.scans, rng)
        gmaps = GmapBank(self.recipe.mr, rng)
        while True:
            patch = draw_patch(self.patches, rng)
            crops = np.stack([cut_patch(pictures.draw(patch), patch, rng) for _ in range(patch.batch)])
            maps = np.stack([gmaps.draw(patch.shape[1:])[None] for _ in range(patch.batch)])
            seeds = rng.integers(2**63, size=patch.batch)
            yield [torch.from_numpy(crops), torch.from_numpy(maps), torch.from_numpy(seeds)]


class PictureBank:
    """Clean complex pictures that patches are cut from: scenes, and real scans with ever new phases.

    Parameters
    ----------
    recipe : Recipe
    scans : list of array, shape (F, Y, X)
        Magnitudes.
    rng : numpy Generator
    """

    def __init__(self, recipe: Recipe, scans: list[Scene], rng: np.random.Generator) -> None:
        settings, mixture = recipe.scenes, Mixture(**recipe.scenes.mixture)
        self.settings, self.magnitudes, self.rng = recipe.scans, scans, rng
        self.scenes = RollingBank(
            lambda: draw_picture(settings.shape, mixture, rng, settings.hearts),
            settings.pool,
            settings.reuse,
            rng,
            growth=_GROWTH,
        )
        # One phase for each scan at a time.
        self.scans = [
            RollingBank(lambda scan=scan: self._with_new_phase(scan), 1, settings.reuse, rng)  # type: ignore[misc]
            for scan in scans
        ]

    def draw(self, patch: Patch) -> Picture:
        """Take a picture that the patch fits into."""
        fitting = [bank for bank, scan in zip(self.scans, self.magnitudes, strict=True) if fits(scan, patch)]
        if fitting and self.rng.random() < self.settings.share:
            return fitting[int(self.rng.integers(len(fitting)))].draw()
        return self.scenes.draw()

    def _with_new_phase(self, scan: Scene) -> Picture:
        return give_phase(change_contrast(scan, self.settings.gamma, self.rng), self.rng)


def draw_picture(
    shape: tuple[int, int, int], mixture: Mixture, rng: np.random.Generator, hearts: float = 0.0
) -> Picture:
    """Draw a noise-free complex scene (F, Y, X): procedural anatomy with a smooth random phase.

    ``hearts`` is the share of beating hearts, whose blood has a phase of its own.
    """
    if shape[0] > 1 and rng.random() < hearts:
        return give_phase(draw_cine(shape, rng).numpy(), rng)
    return give_phase(draw_scene(shape, mixture, rng), rng)


def give_phase(picture: Scene | Picture, rng: np.random.Generator) -> Picture:
    """Turn a magnitude (F, Y, X) complex, or add to the phase of a complex picture."""
    f, y, x = picture.shape
    phase = smooth_phase((f, y, x), rng).numpy()
    return np.asarray(picture * np.exp(1j * phase), dtype=np.complex64)
