"""How a session of training is started and how it ended."""

from dataclasses import dataclass
from pathlib import Path

from lightning_fabric import Fabric

from quietmr.denoise.device import runs_bfloat16, select_device
from quietmr.training.recipe import Recipe


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
    processes : int
        Processes (or GPUs) with one batch each per step; their gradients are averaged.
    command : str
        How the user started it, for the record.
    """

    resume: bool = False
    force: bool = False
    max_minutes: float | None = None
    device: str = "auto"
    processes: int = 1
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
        If the device is not there.
    """
    device = select_device(launch.device)
    exact = recipe.precision == "32" or recipe.lesson == "sure"  # the probe's response drowns in bfloat16
    reduced = recipe.precision == "bf16" or (not exact and runs_bfloat16(device))
    return Fabric(
        accelerator=device.type,
        devices=launch.processes if device.index is None else [device.index],
        strategy="ddp" if launch.processes > 1 else "auto",
        precision="bf16-mixed" if reduced else "32-true",
    )


def precision_of(fabric: Fabric) -> str:
    """Name of the arithmetic that was chosen."""
    return str(getattr(fabric.strategy.precision, "precision", "32-true"))
