"""Complex training patches with the g-maps they are scanned with."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from quietmr.noise.phase import smooth_phase
from quietmr.phantoms import Mixture, draw_scene
from quietmr.phantoms.cine import draw_cine
from quietmr.training.complex_scans import ComplexScan
from quietmr.training.complex_shelf import Rotation, Shelf, load_shelf
from quietmr.training.gmap_bank import GmapBank
from quietmr.training.patches import Cut, draw_cut, draw_patch, fitting_patches
from quietmr.training.recipe import Patch, Recipe
from quietmr.training.rolling import RollingBank
from quietmr.training.scenes import Scene, change_contrast

Picture = NDArray[np.complex64]
Map = NDArray[np.float32]

# Patches for each new scene while the bank fills: the network learns before it is full.
_GROWTH = 4


class ComplexBatches(IterableDataset[list[Tensor]]):
    """Endless batches of complex patches, for noise by :mod:`quietmr.training.complex_pairs`.

    A batch is [patches (B, F, Y, X) complex, g-maps (B, F or 1, Y, X), seeds (B,)]; brightest tissue about 1, one seed
    for the noise of each sample. Where scans hold noise of their own its SD (B, F or 1, Y, X) follows. Scenes (anatomy
    with a smooth random phase) and g-maps come from banks that every worker renews slowly; a share of the patches comes
    from scans, without what is held out to judge. The draws depend on (seed, start, rank, worker) only.

    Raises
    ------
    InputError
        If the recipe asks for scans that cannot be read, or for nothing but scans into which no patch fits.
    """

    def __init__(self, recipe: Recipe, start: int = 0, rank: int = 0) -> None:
        super().__init__()
        self.recipe = recipe
        self.words = [recipe.seed, start, rank]
        self.shelf = load_shelf(recipe.scans) if recipe.scans.share > 0 else Shelf((), ())
        self.patches = list(recipe.patches)
        if recipe.scans.share == 1:
            pieces = Rotation(self.shelf, recipe.scans).pieces
            self.patches = fitting_patches([piece.picture for piece in pieces], recipe.patches)

    def __iter__(self) -> Iterator[list[Tensor]]:
        worker = get_worker_info()
        rng = np.random.default_rng([*self.words, worker.id if worker else 0])
        samples = SampleBank(self.recipe, self.shelf, rng)
        while True:
            patch = draw_patch(self.patches, rng)
            drawn = [samples.draw(patch) for _ in range(patch.batch)]
            seeds = torch.from_numpy(rng.integers(2**63, size=patch.batch))
            batch = [
                torch.from_numpy(np.stack([sample.picture for sample in drawn])),
                _stacked([s.gmap for s in drawn]),
            ]
            held = [_stacked([sample.native for sample in drawn])] if self.shelf.holds_noise else []
            yield [*batch, seeds, *held]


def _stacked(maps: list[Map]) -> Tensor:
    """Stack maps (F or 1, Y, X), all of them with F planes if one has."""
    frames = max(len(one) for one in maps)
    return torch.from_numpy(np.stack([np.broadcast_to(one, (frames, *one.shape[1:])) for one in maps]))


class Sample(NamedTuple):
    """A patch (F, Y, X) with the g-map of noise to be added, and the SD of noise that it holds, (F or 1, Y, X) each."""

    picture: Picture
    gmap: Map
    native: Map


class SampleBank:
    """Draws patches of scenes, and of real scans: with their own phase, noise and g-maps, or ever new ones.

    Parameters
    ----------
    recipe : Recipe
    shelf : Shelf
        Scans.
    rng : numpy Generator
    """

    def __init__(self, recipe: Recipe, shelf: Shelf, rng: np.random.Generator) -> None:
        settings, mixture = recipe.scenes, Mixture(**recipe.scenes.mixture)
        self.recipe, self.rng = recipe, rng
        self.scenes = RollingBank(
            lambda: draw_picture(settings.shape, mixture, rng, settings.hearts),
            settings.pool,
            settings.reuse,
            rng,
            growth=_GROWTH,
        )
        self.gmaps = GmapBank(recipe.mr, rng)
        self.scans = Rotation(shelf, recipe.scans)
        self.fitting: dict[Patch, list[ComplexScan]] = {}
        # One phase for each magnitude at a time.
        self.phased: dict[int, RollingBank[Picture]] = {}

    def draw(self, patch: Patch) -> Sample:
        """Draw a patch."""
        fitting = self._fitting(patch)
        if not fitting or self.rng.random() >= self.recipe.scans.share:
            return self._cut(ComplexScan(self.scenes.draw()), patch)
        scan = fitting[int(self.rng.integers(len(fitting)))]
        sample = self._cut(replace(scan, picture=self._complex(scan)), patch)
        if self.scans.count(self.rng):
            self.fitting.clear()
            self.phased.clear()
        return sample

    def _cut(self, scan: ComplexScan, patch: Patch) -> Sample:
        return sample_of(scan, draw_cut(scan.picture, scan.patch(patch), self.rng), self.gmaps)

    def _fitting(self, patch: Patch) -> list[ComplexScan]:
        if patch not in self.fitting:
            self.fitting[patch] = [scan for scan in self.scans.pieces if scan.fits(patch)]
        return self.fitting[patch]

    def _complex(self, scan: ComplexScan) -> Picture:
        if np.iscomplexobj(scan.picture):
            return scan.picture
        if id(scan) not in self.phased:
            gamma, reuse = self.recipe.scans.gamma, self.recipe.scenes.reuse
            self.phased[id(scan)] = RollingBank(
                lambda: give_phase(change_contrast(scan.picture, gamma, self.rng), self.rng), 1, reuse, self.rng
            )
        return self.phased[id(scan)].draw()


def sample_of(scan: ComplexScan, cut: Cut, gmaps: GmapBank) -> Sample:
    """Cut a patch of a complex scan, and its own maps at the same place; a scan without g-maps gets one of the bank."""
    picture = cut.of(scan.picture)
    plane = picture.shape[1:]
    native = np.zeros((1, *plane), np.float32) if scan.native is None else cut.of(scan.native)
    if not scan.gmaps:
        return Sample(picture, gmaps.draw(plane)[None], native)
    if gmaps.rng.random() < gmaps.settings.uniform:
        return Sample(picture, np.ones((1, *plane), np.float32), native)
    return Sample(picture, cut.of(scan.gmaps[int(gmaps.rng.integers(len(scan.gmaps)))]), native)


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
