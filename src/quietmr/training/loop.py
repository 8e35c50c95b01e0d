"""The training loop, readable from top to bottom (Lightning Fabric moves tensors and processes, nothing else)."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.wrappers import _FabricModule
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from quietmr.models import build_architecture, to_channels_last
from quietmr.training.checkpoint import load_checkpoint, optimizer_tensors, restore_optimizer
from quietmr.training.complex_start import check_channels
from quietmr.training.frozen import freeze
from quietmr.training.keeper import Keeper, News, make_score
from quietmr.training.launch import Finished, Launch, make_fabric
from quietmr.training.loader import training_batches
from quietmr.training.objectives import Objective, Supervised, make_objective
from quietmr.training.optimizers import make_optimizers, set_rates
from quietmr.training.parent import Parent, adapted, load_parent
from quietmr.training.precision import precision_of
from quietmr.training.provenance import session_facts
from quietmr.training.recipe import Recipe
from quietmr.training.run_folder import BEST, check_free, clear, recipe_changes
from quietmr.training.sophia import Sophia
from quietmr.training.stopping import StopWish, stop_wishes
from quietmr.training.streams import batches_of_a_step, noise_generator, seed_layers, streams_of
from quietmr.training.whiteness import warn_if_correlated

Batch = list[Tensor]


@dataclass
class _Run:
    """What changes while a run goes on."""

    network: nn.Module
    forward: _FabricModule
    average: AveragedModel
    optimizers: list[torch.optim.Optimizer]
    batches: int
    step: int = 0
    best: float = float("-inf")
    minutes: float = 0.0

    def parts(self) -> dict[str, dict[str, Tensor]]:
        state = {"network": self.network.state_dict(), "average": self.average.module.state_dict()}
        return state | {f"optimizer{i}": optimizer_tensors(o) for i, o in enumerate(self.optimizers)}

    def numbers(self) -> dict[str, Any]:
        return {"step": self.step, "best": self.best, "minutes": self.minutes, "batches_per_step": self.batches}


def _start(recipe: Recipe, parent: Parent | None, folder: Path, fabric: Fabric, *, resume: bool) -> _Run:
    torch.manual_seed(recipe.seed)
    network = build_architecture(recipe.network.architecture, **recipe.network.arguments)
    if parent is not None:
        network.load_state_dict(parent.network.state_dict())
    check_channels(network, "magnitude" if recipe.mr.images == "magnitude" else recipe.channels)
    freeze(network, recipe.freeze)
    network = fabric.to_device(to_channels_last(network))
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(recipe.optimizer.ema))  # type: ignore[no-untyped-call]
    # Weights live in `network`; `forward` is the same network, with gradients averaged over all processes.
    forward, optimizers = fabric.setup_module(network), make_optimizers(network, recipe.optimizer)
    batches = batches_of_a_step(recipe.batches_per_step, None, fabric.world_size)
    run = _Run(network, forward, average, optimizers, batches)
    if resume:
        parts, numbers = load_checkpoint(folder)
        network.load_state_dict(parts["network"])
        average.module.load_state_dict(parts["average"])
        average.n_averaged.fill_(1)
        for i, optimizer in enumerate(run.optimizers):
            restore_optimizer(optimizer, parts[f"optimizer{i}"])
        run.step, run.best, run.minutes = numbers["step"], numbers["best"], numbers["minutes"]
        run.batches = batches_of_a_step(recipe.batches_per_step, numbers.get("batches_per_step"), fabric.world_size)
    return run


def train_step(run: _Run, batches: list[Batch], recipe: Recipe, objective: Objective, fabric: Fabric) -> float:
    """Take one optimizer step with this process's share of the batches; returns their mean loss.

    All that is random in a batch depends on seed, step and the number of the batch, whichever process it falls to.
    """
    losses = []
    for i, (stream, batch) in enumerate(zip(_streams(run, fabric), batches, strict=True), start=1):
        rng = noise_generator(recipe.seed, run.step, stream, batch[0].device)
        seed_layers(rng)
        # Processes exchange gradients once in a step, after their last batch.
        with fabric.no_backward_sync(run.forward, enabled=i < len(batches)):
            loss = objective(run.forward, batch, rng) / len(batches)
            fabric.backward(loss)
        losses.append(loss.detach())
    if recipe.optimizer.clip is not None:
        nn.utils.clip_grad_norm_(run.network.parameters(), recipe.optimizer.clip)
    set_rates(run.optimizers, run.step, recipe.steps, recipe.optimizer)
    for optimizer in run.optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    run.average.update_parameters(run.network)
    run.step += 1
    return float(torch.stack(losses).sum())


def measure_curvature(run: _Run, batches: list[Batch], recipe: Recipe, objective: Objective, fabric: Fabric) -> None:
    """Tell optimizers that ask for it the curvature of the loss, the mean over the batches of all processes."""

    def forward(x: Tensor) -> Tensor:
        # The network itself: squares must be averaged over processes, not gradients.
        with fabric.autocast():
            output: Tensor = run.network(x)
        return output

    for optimizer in run.optimizers:
        if not isinstance(optimizer, Sophia) or run.step % recipe.optimizer.hessian_every:
            continue
        assert isinstance(objective, Supervised), "the recipe has been checked"
        found = []
        for stream, batch in zip(_streams(run, fabric), batches, strict=True):
            rng = noise_generator(recipe.seed, run.step, stream, batch[0].device, purpose=1)
            seed_layers(rng)
            found.append(objective.curvature(forward, batch, optimizer.weights(), rng))
        estimates = [torch.stack(parts).mean(0) for parts in zip(*found, strict=True)]
        if fabric.world_size > 1:
            estimates = [_tensor(fabric.all_reduce(estimate, reduce_op="mean")) for estimate in estimates]
        optimizer.update_hessian(estimates)


def _streams(run: _Run, fabric: Fabric) -> range:
    return streams_of(fabric.global_rank, fabric.world_size, run.batches)


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
    # Read and checked before processes are started, so that a mistake is told once.
    batches_of_a_step(recipe.batches_per_step, None, fabric.world_size)
    session = session_facts(recipe, parent, launch.command) if fabric.global_rank == 0 else {}
    if fabric.global_rank == 0:
        warn_if_correlated(recipe)
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
            how = {"device": str(fabric.device), "processes": fabric.world_size, "batches_per_step": run.batches}
            how["precision"] = precision_of(fabric)
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
    streams: list[Iterator[Batch]] = [iter(training_batches(recipe, run.step, n)) for n in _streams(run, fabric)]
    began, before = time.monotonic(), run.minutes
    while run.step < recipe.steps:
        batches = [fabric.to_device(next(stream)) for stream in streams]
        measure_curvature(run, batches, recipe, objective, fabric)
        loss = train_step(run, batches, recipe, objective, fabric)
        run.minutes = before + (time.monotonic() - began) / 60
        loss, reason = _agreed(fabric, loss, asked(run.minutes - before))
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


def _agreed(fabric: Fabric, loss: float, reason: str) -> tuple[float, str]:
    """Mean loss of all processes, and why they stop: at the same step, as soon as one of them has a reason."""
    if fabric.world_size == 1:
        return loss, reason
    facts = torch.tensor([loss, *(float(reason == known) for known in _REASONS)], device=fabric.device)
    mean_loss, *shares = _tensor(fabric.all_reduce(facts, reduce_op="mean")).tolist()
    return mean_loss, max((known for known, share in zip(_REASONS, shares, strict=True) if share), key=_REASONS.index)
