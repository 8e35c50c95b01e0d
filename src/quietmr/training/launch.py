"""How a session of training is started and how it ended."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy

from quietmr.data import InputError
from quietmr.denoise.device import select_device
from quietmr.training.cluster import Team, find_team
from quietmr.training.precision import choose_precision
from quietmr.training.recipe import Recipe

# All processes wait while the first one validates; torch would give up after half an hour, too early for CPUs.
_PATIENCE = timedelta(hours=12)


@dataclass(frozen=True)
class Launch:
    """How a run is started: nothing of this changes what is learned.

    Attributes
    ----------
    resume : bool
        Go on from the checkpoint in the run folder.
    force : bool
        Replace the run in the run folder.
    max_minutes : float, optional
        Stop, with a checkpoint, after this time, whatever the step.
    device : str
        "auto", "cpu", "cuda", "cuda:1" ...
    processes : int, optional
        Processes (or GPUs) on each node; their gradients are averaged. One if left out, or as many as torchrun or SLURM
        have started.
    command : str
        How the user started it, for the record.
    """

    resume: bool = False
    force: bool = False
    max_minutes: float | None = None
    device: str = "auto"
    processes: int | None = None
    command: str = ""


@dataclass(frozen=True)
class Finished:
    """How a session of training ended.

    Attributes
    ----------
    best : Path
        The best weights; no such file if a fine-tuning never beat its parent.
    step : int
    reason : {"done", "time", "SIGINT", "SIGTERM"}
    is_first : bool
        Whether this is the process that speaks to the user.
    """

    best: Path
    step: int
    reason: str
    is_first: bool


def make_fabric(recipe: Recipe, launch: Launch) -> Fabric:
    """Choose device, processes and arithmetic.

    Raises
    ------
    InputError
        If the device is not there, or not as many as there are processes, or computes wrongly as the recipe wants it;
        if a GAN shall be trained by several processes.
    """
    team = find_team(launch.processes)
    device = select_device(launch.device)
    _check_devices(device, team)
    if recipe.step == "gan" and team.size > 1:
        raise InputError(f"A GAN is trained by one process, and there are {team.size}: leave --processes out.")
    return Fabric(
        accelerator=device.type,
        devices=team.per_node if device.index is None else [device.index],
        num_nodes=team.nodes,
        strategy=_exchange(recipe) if team.size > 1 else "auto",
        plugins=[team.environment],
        precision=choose_precision(recipe, device),
    )


def _exchange(recipe: Recipe) -> DDPStrategy:
    """How processes exchange gradients; those of weights that take no part would be waited for."""
    idle = recipe.network.arguments.get("form") == "faithful"
    return DDPStrategy(timeout=_PATIENCE, find_unused_parameters=idle)


def _check_devices(device: torch.device, team: Team) -> None:
    if device.type != "cuda":
        return
    if device.index is not None and team.size > 1:
        raise InputError(f"'{device}' is one GPU, and there are {team.size} processes: give cuda without a number.")
    if team.per_node > torch.cuda.device_count():
        raise InputError(
            f"There are {torch.cuda.device_count()} GPUs here for {team.per_node} processes: start fewer, or let each "
            "of them see all GPUs of the node (SLURM: --gpus-per-node, not --gpus-per-task)."
        )
