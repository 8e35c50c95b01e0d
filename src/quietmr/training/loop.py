"""The training loop, readable from top to bottom (Lightning Fabric moves tensors and processes, nothing else)."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from quietmr.models import build_architecture, to_channels_last
from quietmr.training.checkpoint import load_checkpoint, optimizer_tensors, restore_optimizer
from quietmr.training.complex_start import check_channels
from quietmr.training.frozen import freeze
from quietmr.training.keeper import Keeper, News, make_score
from quietmr.training.launch import Finished, Launch, make_fabric, precision_of
from quietmr.training.loader import training_batches
from quietmr.training.objectives import Objective, Supervised, make_objective
from quietmr.training.optimizers import make_optimizers, set_rates
from quietmr.training.parent import Parent, adapted, load_parent
from quietmr.training.provenance import session_facts
from quietmr.training.recipe import Recipe
from quietmr.training.run_folder import BEST, check_free, clear, recipe_changes
from quietmr.training.sophia import Sophia
from quietmr.training.stopping import StopWish, stop_wishes


@dataclass
class _Run:
    """What changes while a run goes on."""

    network: nn.Module
    forward: nn.Module
    average: AveragedModel
    optimizers: list[torch.optim.Optimizer]
    step: int = 0
    best: float = float("-inf")
    minutes: float = 0.0

    def parts(self) -> dict[str, dict[str, Tensor]]:
        state = {"network": self.network.state_dict(), "average": self.average.module.state_dict()}
        return state | {f"optimizer{i}": optimizer_tensors(o) for i, o in enumerate(self.optimizers)}

    def numbers(self) -> dict[str, Any]:
        return {"step": self.step, "best": self.best, "minutes": self.minutes}


def noise_generator(seed: int, step: int, rank: int, device: torch.device, purpose: int = 0) -> torch.Generator:
    """Make the generator of the noise of one step in one process: no two (seed, step, rank, purpose) share a stream."""
    word = int(np.random.SeedSequence([seed, step, rank, purpose]).generate_state(1, np.uint64)[0])
    return torch.Generator(device).manual_seed(word >> 1)


def _start(recipe: Recipe, parent: Parent | None, folder: Path, fabric: Fabric, *, resume: bool) -> _Run:
    torch.manual_seed(recipe.seed)
    network = build_architecture(recipe.network.architecture, **recipe.network.arguments)
    if parent is not None:
        network.load_state_dict(parent.network.state_dict())
    check_channels(network, recipe.channels)
    freeze(network, recipe.freeze)
    network = fabric.to_device(to_channels_last(network))
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(recipe.optimizer.ema))  # type: ignore[no-untyped-call]
    # Weights live in `network`; `forward` is the same network, with gradients averaged over all processes.
    run = _Run(network, fabric.setup_module(network), average, make_optimizers(network, recipe.optimizer))
    if resume:
        parts, numbers = load_checkpoint(folder)
        network.load_state_dict(parts["network"])
        average.module.load_state_dict(parts["average"])
        average.n_averaged.fill_(1)
        for i, optimizer in enumerate(run.optimizers):
            restore_optimizer(optimizer, parts[f"optimizer{i}"])
        run.step, run.best, run.minutes = numbers["step"], numbers["best"], numbers["minutes"]
    return run


def train_step(run: _Run, batch: list[Tensor], recipe: Recipe, objective: Objective, fabric: Fabric) -> float:
    """Take one optimizer step; its noise depends on (seed, step, rank) only. Returns the loss."""
    rng = noise_generator(recipe.seed, run.step, fabric.global_rank, batch[0].device)
    loss = objective(run.forward, batch, rng)
    fabric.backward(loss)
    if recipe.optimizer.clip is not None:
        nn.utils.clip_grad_norm_(run.network.parameters(), recipe.optimizer.clip)
    set_rates(run.optimizers, run.step, recipe.steps, recipe.optimizer)
    for optimizer in run.optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    run.average.update_parameters(run.network)
    run.step += 1
    return float(loss.detach())


def measure_curvature(run: _Run, batch: list[Tensor], recipe: Recipe, objective: Objective, fabric: Fabric) -> None:
    """Tell optimizers that ask for it the curvature of the loss, the mean over all processes."""

    def forward(x: Tensor) -> Tensor:
        # The network itself: squares must be averaged over processes, not gradients.
        with fabric.autocast():
            output: Tensor = run.network(x)
        return output

    for optimizer in run.optimizers:
        if not isinstance(optimizer, Sophia) or run.step % recipe.optimizer.hessian_every:
            continue
        assert isinstance(objective, Supervised), "the recipe has been checked"
        rng = noise_generator(recipe.seed, run.step, fabric.global_rank, batch[0].device, purpose=1)
        estimates = objective.curvature(forward, batch, optimizer.weights(), rng)
        if fabric.world_size > 1:
            estimates = [_tensor(fabric.all_reduce(estimate, reduce_op="mean")) for estimate in estimates]
        optimizer.update_hessian(estimates)


def _tensor(reduced: object) -> Tensor:
    assert isinstance(reduced, Tensor), "a tensor went in"
    return reduced


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
    # Read before processes are started, so that a mistake is told once.
    session = session_facts(recipe, parent, launch.command) if fabric.global_rank == 0 else {}
    objective = make_objective(recipe, parent.network if parent else None)
    fabric.launch()
    with stop_wishes() as wish:
        run = _start(recipe, parent, folder, fabric, resume=launch.resume)
        keeper = None
        if fabric.is_global_zero:
            if not launch.resume:
                clear(folder)
            folder.mkdir(parents=True, exist_ok=True)
            keeper = Keeper(folder, recipe, make_score(recipe, parent.network if parent else run.network), tell)
            how = {"device": str(fabric.device), "processes": fabric.world_size, "precision": precision_of(fabric)}
            keeper.begin(run, {**session, **how, "recipe_changes": changes}, rescore=launch.resume)
        if parent is not None:
            fabric.to_device(to_channels_last(parent.network))
        asked = partial(_asked, launch.max_minutes, wish)
        reason = _fit(run, recipe, fabric, keeper, objective, asked)
        if keeper is not None:
            keeper.end(run, reason)
    return Finished(folder / BEST, run.step, reason, fabric.is_global_zero)


def _fit(
    run: _Run,
    recipe: Recipe,
    fabric: Fabric,
    keeper: Keeper | None,
    objective: Objective,
    asked: Callable[[float], str],
) -> str:
    """Take steps until the run is done or somebody wants it to stop; returns why it ended."""
    batches: Iterator[list[Tensor]] = iter(training_batches(recipe, run.step, fabric.global_rank))
    began, before = time.monotonic(), run.minutes
    while run.step < recipe.steps:
        batch = fabric.to_device(next(batches))
        measure_curvature(run, batch, recipe, objective, fabric)
        loss = train_step(run, batch, recipe, objective, fabric)
        run.minutes = before + (time.monotonic() - began) / 60
        reason = _agreed(fabric, asked(run.minutes - before))
        if keeper is not None:
            keeper.note(run, loss, last=bool(reason) or run.step == recipe.steps)
        if reason:
            return reason
    return "done"


def _asked(max_minutes: float | None, wish: StopWish, minutes: float) -> str:
    """Why this process wants to stop; empty if it does not."""
    late = max_minutes is not None and minutes >= max_minutes
    return wish.signal or ("time" if late else "")


_REASONS = ("", "time", "SIGTERM", "SIGINT")


def _agreed(fabric: Fabric, reason: str) -> str:
    """All processes stop at the same step, as soon as one of them has a reason."""
    if fabric.world_size == 1:
        return reason
    code = torch.tensor(float(_REASONS.index(reason)), device=fabric.device)
    return _REASONS[int(_tensor(fabric.all_reduce(code, reduce_op="max")))]
