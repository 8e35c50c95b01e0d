"""The methods that the benchmarks compare, by name: ours told the noise and blind, the classical ones, and none."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from results import BLIND, UNTOUCHED

from quietmr.data import Image, InputError, MissingExtraError
from quietmr.denoise import create_denoiser, denoise, list_denoisers
from quietmr.denoise.classical import CLASSICAL
from quietmr.evaluate.compare.methods import frames_needed, small_image

Method = Callable[[Image], Image]
TOLD = tuple(name for name in list_denoisers() if name not in CLASSICAL)
OURS = (*TOLD, *(name + BLIND for name in TOLD))
NOT_FREE = tuple(name for name in CLASSICAL if not CLASSICAL[name].facts.is_free)
METHODS = (UNTOUCHED, *OURS, *CLASSICAL)


def is_free_rival(name: str) -> bool:
    """Classical methods whose library anybody may use."""
    return name in CLASSICAL and name not in NOT_FREE


def suits(name: str, group: str, *, vanishing: bool) -> bool:
    """Whether a method is run on a group of images.

    Series methods need series. Of the two expensive rivals each runs where it is at home: bm4d on volumes and series,
    bm3d on pictures.
    """
    if vanishing:
        return name in TOLD or name == UNTOUCHED
    if name in CLASSICAL and CLASSICAL[name].facts.series:
        return group == "series"
    return not (name == "bm4d" and group == "picture") and not (name == "bm3d" and group != "picture")


def untouched(image: Image) -> Image:
    """Do nothing: the line that every method must beat."""
    return image


def blind(model: str) -> Method:
    """One of ours that is told nothing: it estimates the noise, and that is part of its cost."""

    def run(image: Image) -> Image:
        return denoise(image.replace(noise=None), model)

    return run


def prepare(names: Iterable[str]) -> dict[str, Method]:
    """All methods that can run here; the others are named on stderr."""
    ready = {}
    for name in names:
        try:
            ready[name] = _make(name)
        except (MissingExtraError, InputError) as reason:
            print(f"{name} is left out: {reason}", file=sys.stderr)
    return ready


def _make(name: str) -> Method:
    """Make a method and run it once on a small image, so that its libraries are loaded before the clock starts."""
    if name == UNTOUCHED:
        return untouched
    method = blind(name.removesuffix(BLIND)) if name.endswith(BLIND) else create_denoiser(name)
    method(small_image(frames=frames_needed(name)))
    return method
