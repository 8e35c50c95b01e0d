"""Anisotropic diffusion with the parameters that suit each level of noise best, chosen on a patient of the training.

A rival that is tuned on nothing is a weak one, and one that is tuned on the test volumes is no rival.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from methods import Method
from papers_volumes import TUNED_ON, Cell, truth
from row_files import append_rows, read_rows

from quietmr.data import Image, NoiseMap
from quietmr.denoise.classical import PeronaMalik
from quietmr.evaluate import metrics

TUNED = "perona-malik (tuned)"
_CONDUCTANCES = (1.5, 2.0, 2.5, 3.0, 4.0, 6.0)
_STEPS = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True)
class Choice:
    """What is best at a level; ``planes``: 1 if it works plane by plane, 0 if in three dimensions."""

    percent: float
    conductance: float
    steps: int
    planes: int
    psnr: float


def choices(levels: Iterable[float], path: Path) -> dict[float, Choice]:
    """The best parameters of each level; those that the file does not hold are found and added."""
    known = {row.percent: row for row in read_choices(path)}
    for percent in levels:
        if percent not in known:
            known[percent] = tune(percent)
            append_rows(path, [known[percent]])
    return known


def read_choices(path: Path) -> list[Choice]:
    """What has been chosen so far, by level."""
    return sorted(read_rows(path, Choice), key=lambda row: row.percent)


def tune(percent: float) -> Choice:
    """Try all parameters at one level; the best mean PSNR in the foreground counts."""
    noisy = [(truth(name), Cell(name, percent, 0).make()[1]) for name in TUNED_ON]
    best = Choice(percent, 0.0, 0, 0, float("-inf"))
    for conductance, steps, planes in product(_CONDUCTANCES, _STEPS, (0, 1)):
        run = diffusion(Choice(percent, conductance, steps, planes, 0.0))
        psnr = float(np.mean([metrics.psnr(run(image).data, t.clean, t.reference, t.foreground) for t, image in noisy]))
        if psnr > best.psnr:
            best = Choice(percent, conductance, steps, planes, psnr)
    return best


def diffusion(choice: Choice) -> Method:
    """Perona-Malik with given parameters, in space or plane by plane."""
    run = PeronaMalik(choice.conductance, choice.steps)
    return partial(_by_planes, run) if choice.planes else run


def _by_planes(run: PeronaMalik, image: Image) -> Image:
    assert image.noise is not None
    apart = image.data[0][:, np.newaxis]
    level = NoiseMap(np.float32(image.noise.level), image.noise.kind, image.noise.origin)
    done = run(Image(apart, noise=level))
    return image.after(done.history[-1], done.data[:, 0][np.newaxis])
