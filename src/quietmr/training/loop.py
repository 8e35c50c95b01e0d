"""The training loop, readable from top to bottom (Lightning Fabric moves tensors and processes, nothing else)."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from quietmr.models import to_channels_last
from quietmr.training.checkpoint import State, load_checkpoint
from quietmr.training.keeper import Keeper, News, make_score
from quietmr.training.launch import Finished, Launch, make_fabric
from quietmr.training.loader import training_batches
from quietmr.training.parent import adapted, load_parent
from quietmr.training.plateau import Plateau
from quietmr.training.precision import precision_of
from quietmr.training.provenance import session_facts
from quietmr.training.recipe import Recipe
from quietmr.training.run_folder import BEST, check_free, clear, recipe_changes
from quietmr.training.step import Batch, Step
from quietmr.training.step_choice import step_maker
from quietmr.training.stopping import StopWish, stop_wishes
from quietmr.training.streams import batches_of_a_step, streams_of
from quietmr.training.whiteness import warn_if_correlated


@dataclass
class _Run:
    """What changes while a run goes on."""

    method: Step
    batches: int
    plateau: Plateau
    step: int = 0
    best: float = float("-inf")
    minutes: float = 0.0

    @property
    def average(self) -> AveragedModel:
        return self.method.average

    @property
    def terms(self) -> dict[str, float]:
        return self.method.terms

    def parts(self) -> State:
        return self.method.tensors()

    def numbers(self) -> dict[str, Any]:
        of_plateau = {"waited": self.plateau.waited, "reductions": self.plateau.reductions}
        known = {"step": self.step, "best": self.best, "minutes": self.minutes, "batches_per_step": self.batches}
        return known | of_plateau


def _start(recipe: Recipe, make_step: Callable[[Fabric], Step], folder: Path, fabric: Fabric, *, resume: bool) -> _Run:
    torch.manual_seed(recipe.seed)
    plateau = Plateau(recipe.optimizer.plateau_factor, recipe.optimizer.plateau_patience)
    run = _Run(make_step(fabric), batches_of_a_step(recipe.batches_per_step, None, fabric.world_size), plateau)
    if resume:
        parts, numbers = load_checkpoint(folder)
        run.method.restore(parts)
        run.step, run.best, run.minutes = numbers["step"], numbers["best"], numbers["minutes"]
        plateau.waited, plateau.reductions = numbers.get("waited", 0), numbers.get("reductions", 0)
        run.batches = batches_of_a_step(recipe.batches_per_step, numbers.get("batches_per_step"), fabric.world_size)
    return run


def train(
    recipe: Recipe, folder: Path, launch: Launch | None = None, tell: Callable[[News], None] | None = None
) -> Finished:
    """Train a network by a recipe.

    Ctrl-C, SIGTERM and the end of the time write a checkpoint after the running step, in any number of processes.

    Parameters
    ----------
    recipe : Recipe
    folder : Path
        Run folder; gets the recipe, ``sessions.jsonl`` (what shaped the run), ``log.jsonl``, ``curve.png``,
        ``checkpoint.safetensors`` and ``best.safetensors`` (running average with the best validation).
    launch : Launch, optional
    tell : callable, optional
        Is told about every step, in the first process.

    Raises
    ------
    OutputError
        If the folder holds a run and neither resuming nor replacing it was asked for.
    InputError
        If the device is absent, the scans cannot be used, or the run cannot go on with this recipe.
    ModelError
        If the model to start from is unknown or not the network of the recipe, or a loss needs weights that are absent.
    """
    launch = launch or Launch()
    check_free(folder, resume=launch.resume, force=launch.force)
    parent = load_parent(recipe)
    recipe = adapted(recipe, parent)
    changes = recipe_changes(folder, recipe) if launch.resume else {}
    fabric = make_fabric(recipe, launch)
    # Read and checked before processes are started, so that a mistake is told once.
    batches_of_a_step(recipe.batches_per_step, None, fabric.world_size)
    session = session_facts(recipe, parent, launch.command) if fabric.global_rank == 0 else {}
    if fabric.global_rank == 0:
        warn_if_correlated(recipe)
    make_step = step_maker(recipe, parent)
    fabric.launch()
    with stop_wishes() as wish:
        run = _start(recipe, make_step, folder, fabric, resume=launch.resume)
        keeper = None
        if fabric.is_global_zero:
            if not launch.resume:
                clear(folder)
            folder.mkdir(parents=True, exist_ok=True)
            keeper = Keeper(folder, recipe, make_score(recipe, parent.network if parent else run.method.network), tell)
            how = {"device": str(fabric.device), "processes": fabric.world_size, "batches_per_step": run.batches}
            how["precision"] = precision_of(fabric)
            keeper.begin(run, {**session, **how, "recipe_changes": changes}, rescore=launch.resume)
        if parent is not None:
            fabric.to_device(to_channels_last(parent.network))
        asked = partial(_asked, launch.max_minutes, wish)
        reason = _fit(run, recipe, fabric, keeper, asked)
        if keeper is not None:
            keeper.end(run, reason)
    return Finished(folder / BEST, run.step, reason, fabric.is_global_zero)


def _fit(run: _Run, recipe: Recipe, fabric: Fabric, keeper: Keeper | None, asked: Callable[[float], str]) -> str:
    """Take steps until the run is done or somebody wants it to stop; returns why it ended."""
    numbers = streams_of(fabric.global_rank, fabric.world_size, run.batches)
    streams: list[Iterator[Batch]] = [iter(training_batches(recipe, run.step, n)) for n in numbers]
    began, before = time.monotonic(), run.minutes
    while run.step < recipe.steps:
        batches = [fabric.to_device(next(stream)) for stream in streams]
        run.method.pace = run.plateau.pace if recipe.optimizer.schedule == "plateau" else 1.0
        loss = run.method.take(run.step, numbers, batches)
        run.step += 1
        run.minutes = before + (time.monotonic() - began) / 60
        loss, reason = _agreed(fabric, loss, asked(run.minutes - before))
        if keeper is not None:
            keeper.note(run, loss, last=bool(reason) or run.step == recipe.steps)
        if recipe.optimizer.schedule == "plateau" and run.step % recipe.validate_every == 0:
            _share_reductions(fabric, run.plateau)
        if reason:
            return reason
    return "done"


def _share_reductions(fabric: Fabric, plateau: Plateau) -> None:
    """Tell all processes what the first one, which alone validates, made of the learning rate."""
    if fabric.world_size == 1:
        return
    known = torch.tensor(float(plateau.reductions if fabric.is_global_zero else 0), device=fabric.device)
    told = fabric.all_reduce(known, reduce_op="sum")
    assert isinstance(told, Tensor), "a tensor went in"
    plateau.reductions = round(float(told))


def _asked(max_minutes: float | None, wish: StopWish, minutes: float) -> str:
    """Why this process wants to stop; empty if it does not."""
    late = max_minutes is not None and minutes >= max_minutes
    return wish.signal or ("time" if late else "")


_REASONS = ("", "time", "SIGTERM", "SIGINT")


def _agreed(fabric: Fabric, loss: float, reason: str) -> tuple[float, str]:
    """Mean loss of all processes, and why they stop: at the same step, as soon as one of them has a reason."""
    if fabric.world_size == 1:
        return loss, reason
    facts = torch.tensor([loss, *(float(reason == known) for known in _REASONS)], device=fabric.device)
    reduced = fabric.all_reduce(facts, reduce_op="mean")
    assert isinstance(reduced, Tensor), "a tensor went in"
    mean_loss, *shares = reduced.tolist()
    return mean_loss, max((known for known, share in zip(_REASONS, shares, strict=True) if share), key=_REASONS.index)
