"""What ``papers.py`` compares: trained arms, diffusion tuned on somebody else, and what needs no training."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from methods import Method, prepare
from papers_arms import ARMS, UNPAIRED, Arm, arm_of
from papers_diffusion import TUNED, Choice, diffusion
from papers_runs import cpu_minutes, is_done
from papers_volumes import LEVELS, STRONG, T1, T2, TESTS, Cell, cells
from results import UNTOUCHED
from safetensors.torch import load_file
from torch import nn

from quietmr.data import Image, Step
from quietmr.denoise.brightness import brightest_tissue
from quietmr.denoise.engines.torch_runner import TorchRunner
from quietmr.denoise.windows import over_windows, window_of
from quietmr.evaluate.compare.methods import small_image
from quietmr.models import build_architecture, count_parameters
from quietmr.training.run_folder import BEST
from quietmr.training.tissue_units import in_tissue_units

OURS = ("quiet-fast", "quiet")
# Free ones that docs/quality.md finds best at some level; bm3d is not free, and so never "best classical".
RIVALS = ("perona-malik", "skimage-tv", "skimage-wavelet", "dipy-nlm-classic", "dipy-nlm-blockwise", "dipy-ascm")
UNTRAINED = (UNTOUCHED, *RIVALS, *OURS)
_SEED = "-s"
_DIGITS = 10**6  # as many as the CSV file keeps

# Gives a method for a level of noise in percent.
ByLevel = Callable[[float], Method]


@dataclass(frozen=True)
class Facts:
    """Parameters, steps, CPU minutes of the training, check sum of the weights; the defaults: not trained."""

    parameters: float = math.nan
    steps: float = math.nan
    train_min: float = math.nan
    weights: float = 0.0


def trained_name(arm: Arm, seed: int) -> str:
    """Name of a trained arm in the rows."""
    return f"{arm.name}{_SEED}{seed}"


def arm_and_seed(method: str) -> tuple[str, int | None]:
    """Arm and seed of a row; what was not trained has no seed."""
    name, mark, seed = method.rpartition(_SEED)
    return (name, int(seed)) if mark and seed.isdigit() else (method, None)


def is_judged(method: str, contrast: str, percent: float) -> bool:
    """Whether a method is judged there: where a table has it as a row."""
    name, seed = arm_and_seed(method)
    usual, strong = percent in LEVELS, percent in STRONG and contrast == T1
    if method == TUNED or (seed is not None and arm_of(name).tables == (UNPAIRED,)):
        return strong
    return usual if seed is not None else usual or strong


def cells_of(method: str) -> list[Cell]:
    """Cells that a method is judged on, draw by draw."""
    every = cells(sorted({*LEVELS, *STRONG}), (T1, T2))
    return [cell for cell in every if is_judged(method, TESTS[cell.volume].contrast, cell.percent)]


def finished(names: Sequence[str], seeds: int, out: Path) -> list[str]:
    """Names of the arms and seeds whose training has ended."""
    arms = [arm for arm in ARMS if arm.name in names]
    return [trained_name(arm, seed) for seed in range(seeds) for arm in arms if is_done(arm, seed, out)]


def make(method: str, out: Path, choices: Mapping[float, Choice]) -> ByLevel | None:
    """Make a method ready to run, its libraries loaded; None if it cannot run here."""
    if method == TUNED:
        return lambda percent: diffusion(choices[percent])
    name, seed = arm_and_seed(method)
    if seed is None:
        found = prepare([name]).get(name)
        return None if found is None else lambda percent: found
    arm = arm_of(name)
    recipe = arm.made(seed)
    network = build_architecture(recipe.network.architecture, **recipe.network.arguments)
    network.load_state_dict(load_file(arm.folder(out, seed) / BEST))
    run = as_method(network, recipe.white, window_of(network, recipe.model_dump()))
    run(small_image())
    return lambda percent: run


def facts_of(method: str, out: Path) -> Facts:
    """What a training made, and what it cost."""
    name, seed = arm_and_seed(method)
    if seed is None:
        return Facts()
    arm = arm_of(name)
    recipe = arm.made(seed)
    return Facts(
        count_parameters(recipe.network.architecture, **recipe.network.arguments),
        recipe.steps,
        cpu_minutes(arm, seed, out),
        zlib.crc32((arm.folder(out, seed) / BEST).read_bytes()) % _DIGITS,
    )


def as_method(network: nn.Module, white: float | None, window: int | None = None) -> Method:
    """Run a network as ``quietmr.denoise.planes`` runs one with a card.

    Planes in units of the brightest tissue of the noisy image, in float32.

    Parameters
    ----------
    network : nn.Module
        In inference mode it maps (1, 2, Z, Y, X), image and noise map, to (1, 1, Z, Y, X).
    white : float, optional
        Brightness that counts as 1, in those units; None if any will do.
    window : int, optional
        Rows and columns that the network sees at a time; whole planes if left out.
    """
    wrapped, step = in_tissue_units(network, white).eval(), getattr(network, "multiple", (1, 1, 1))[1]

    def run(image: Image) -> Image:
        assert image.noise is not None
        sigma = image.noise.level
        unit = brightest_tissue(image.data, sigma)
        runner = TorchRunner.start(wrapped, "cpu", math.inf)
        channels = (np.concatenate([image.data, image.noise.over(image.shape)]) / np.float32(unit)).astype(np.float32)
        denoised = over_windows(runner, channels, window, step)[None] * np.float32(unit)
        return image.after(Step("denoise", {"sigma": sigma, "precision": runner.precision}), denoised)

    return run
