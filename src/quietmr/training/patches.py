"""Patches cut from scenes."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from quietmr.data import InputError
from quietmr.signal.kspace import crop_kspace
from quietmr.training.recipe import Patch

Scene = NDArray[np.float32]
Value = TypeVar("Value", np.float32, np.complex64)


def fits(scene: Scene, patch: Patch) -> bool:
    """Whether a patch can be cut from a scene, shape (..., F, Y, X)."""
    f, y, x = patch.shape
    return all(n >= wide for n, wide in zip(scene.shape[-3:], (f, y * patch.zoom, x * patch.zoom), strict=True))


def fitting_patches(scenes: list[Scene], patches: tuple[Patch, ...]) -> list[Patch]:
    """Choose the patch sizes that can be cut from some scene.

    Raises
    ------
    InputError
        If none can.
    """
    found = [patch for patch in patches if any(fits(scene, patch) for scene in scenes)]
    if not found:
        largest = max((scene.shape[-3:] for scene in scenes), key=lambda shape: int(np.prod(shape)))
        raise InputError(
            f"No patch of the recipe fits into the scans, whose largest piece for training is {largest} (F, Y, X): "
            "give a smaller patch, such as --set 'patches=[{shape: [1, 32, 32]}]', or a smaller scans.held_out."
        )
    return found


def draw_patch(patches: list[Patch], rng: np.random.Generator) -> Patch:
    """Draw a patch size by its share."""
    shares = np.array([patch.share for patch in patches])
    return patches[int(rng.choice(len(patches), p=shares / shares.sum()))]


@dataclass(frozen=True)
class Cut:
    """Where a patch lies and how it is turned: the same for an image and the maps that belong to it.

    Attributes
    ----------
    where : (F, Y, X) slices
    shape : (F, Y, X)
        Of the patch; smaller than what is cut out if the patch is zoomed.
    flipped : tuple of int
        Axes, counted from the end.
    turned : bool
        Whether rows become columns.
    """

    where: tuple[slice, slice, slice]
    shape: tuple[int, int, int]
    flipped: tuple[int, ...]
    turned: bool

    def of(self, scene: NDArray[Value]) -> NDArray[Value]:
        """Take the patch from an array (..., F, Y, X); an F of 1 stands for equal planes and stays 1."""
        f, y, x = self.where
        single = scene.shape[-3] == 1
        crop = scene[..., slice(0, 1) if single else f, y, x]
        crop = crop_kspace(crop, (1, *self.shape[1:]) if single else self.shape)
        crop = np.flip(crop, self.flipped)
        return np.ascontiguousarray(crop.swapaxes(-2, -1) if self.turned else crop)


def whole_cut(scene: NDArray[Value]) -> Cut:
    """Take all of a scene (F, Y, X), as it is."""
    f, y, x = scene.shape
    return Cut((slice(0, f), slice(0, y), slice(0, x)), (f, y, x), (), turned=False)


def draw_cut(scene: NDArray[Value], patch: Patch, rng: np.random.Generator, *, turn: bool = True) -> Cut:
    """Draw a random patch, flipped at random and turned in plane.

    Empty places are drawn less often: a patch darker than 2 % is drawn once more.

    Parameters
    ----------
    scene : array, shape (..., F, Y, X)
        Magnitude or complex.
    patch : Patch
    rng : numpy Generator
    turn : bool
        Whether rows may become columns.
    """
    size = np.array(patch.shape) * [1, patch.zoom, patch.zoom]
    for _ in range(2):
        corner = [int(rng.integers(0, n - wide + 1)) for n, wide in zip(scene.shape[-3:], size, strict=True)]
        f, y, x = (slice(c, c + int(wide)) for c, wide in zip(corner, size, strict=True))
        if np.abs(scene[..., f, y, x]).mean() > 0.02:
            break
    flipped = tuple(axis for axis in (-3, -2, -1) if rng.random() < 0.5)
    turned = turn and patch.shape[1] == patch.shape[2] and bool(rng.random() < 0.5)
    return Cut((f, y, x), patch.shape, flipped, turned)


def cut_patch(scene: NDArray[Value], patch: Patch, rng: np.random.Generator, *, turn: bool = True) -> NDArray[Value]:
    """Cut a random patch, see :func:`draw_cut`.

    Leading axes of the scene stay together. They must be absent for a patch with a zoom.
    """
    return draw_cut(scene, patch, rng, turn=turn).of(scene)
