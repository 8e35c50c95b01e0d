"""The training loop, readable from top to bottom (Lightning Fabric moves tensors and processes, nothing else)."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from quietmr.models import build_architecture, to_channels_last
from quietmr.noise.synthesis import NoiseLaw, add_noise, draw_noise
from quietmr.training.checkpoint import (
    load_checkpoint,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
)
from quietmr.training.losses import log_charbonnier
from quietmr.training.muon import Muon
from quietmr.training.recipe import OptimizerRecipe, Recipe
from quietmr.training.scenes import training_batches
from quietmr.training.validation import draw_cases, mean_gain


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


def make_optimizers(network: nn.Module, settings: OptimizerRecipe) -> list[torch.optim.Optimizer]:
    """Muon for inner weights, AdamW for the first and the last convolution, as ``training_lab`` measured best."""
    weights = [p for p in network.parameters() if p.requires_grad]
    edge = {id(p) for name, p in network.named_parameters() if name.startswith(("stem", "head")) or p.ndim < 2}
    inner = [p for p in weights if id(p) not in edge]
    outer = [p for p in weights if id(p) in edge]
    return [Muon(inner, settings.lr_muon), torch.optim.AdamW(outer, settings.lr_adam, weight_decay=0.0)]


def rate(step: int, steps: int, settings: OptimizerRecipe) -> float:
    """Part of the full learning rate at a step: linear warm-up, flat, linear decay to 0."""
    warm = min(1.0, (step + 1) / max(1, settings.warmup))
    left = (steps - step) / max(1.0, steps * (1.0 - settings.flat))
    return max(0.0, min(warm, left, 1.0))


def noisy_batch(clean: Tensor, law: NoiseLaw, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Turn clean patches (B, F, Y, X) into network input (B, 2, F, Y, X) and target (B, 1, F, Y, X)."""
    shape = (clean.shape[1], clean.shape[2], clean.shape[3])
    samples = [add_noise(patch, draw_noise(shape, law, rng)) for patch in clean]
    noisy, target, sigma = (torch.stack(parts) for parts in zip(*samples, strict=True))
    return torch.stack([noisy, sigma], dim=1), target[:, None]


def _start(recipe: Recipe, folder: Path, fabric: Fabric, *, resume: bool) -> _Run:
    torch.manual_seed(recipe.seed)
    network = build_architecture(recipe.network.architecture, **recipe.network.arguments)
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


def noise_generator(seed: int, step: int, rank: int, device: torch.device) -> torch.Generator:
    """Make the generator of the noise of one step in one process: no two (seed, step, rank) share a stream."""
    word = int(np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)[0])
    return torch.Generator(device).manual_seed(word >> 1)


def train_step(run: _Run, clean: Tensor, recipe: Recipe, law: NoiseLaw, fabric: Fabric) -> float:
    """Take one optimizer step; the noise depends on (seed, step, rank) only. Returns the loss."""
    rng = noise_generator(recipe.seed, run.step, fabric.global_rank, clean.device)
    x, target = noisy_batch(clean, law, rng)
    loss = log_charbonnier(run.forward(x), target, x[:, -1:])
    fabric.backward(loss)
    share = rate(run.step, recipe.steps, recipe.optimizer)
    for optimizer, full in zip(run.optimizers, (recipe.optimizer.lr_muon, recipe.optimizer.lr_adam), strict=True):
        for group in optimizer.param_groups:
            group["lr"] = full * share
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    run.average.update_parameters(run.network)
    run.step += 1
    return float(loss.detach())


def train(
    recipe: Recipe,
    folder: Path,
    *,
    resume: bool = False,
    max_minutes: float | None = None,
    device: str = "auto",
    processes: int = 1,
) -> Path:
    """Train a network by a recipe.

    Parameters
    ----------
    recipe : Recipe
    folder : Path
        Run folder; gets the recipe, ``log.jsonl``, ``checkpoint.safetensors`` and ``best.safetensors`` (running
        average with the best validation).
    resume : bool
        Go on from the checkpoint in the folder.
    max_minutes : float, optional
        Stop (with a checkpoint) after this time, whatever the step.
    device : str
        Fabric accelerator: "auto", "cpu", "cuda" ...
    processes : int
        Processes (or GPUs) with one batch each per step; their gradients are averaged.

    Returns
    -------
    Path
        The best weights.
    """
    fabric = Fabric(accelerator=device, devices=processes, strategy="ddp" if processes > 1 else "auto")
    fabric.launch()
    run = _start(recipe, folder, fabric, resume=resume)
    law = NoiseLaw(**recipe.noise)
    keeper = _Keeper(folder, recipe) if fabric.is_global_zero else None
    batches: Iterator[Tensor] = iter(training_batches(recipe, run.step, fabric.global_rank))
    began, before = time.monotonic(), run.minutes
    while run.step < recipe.steps:
        loss = train_step(run, fabric.to_device(next(batches)), recipe, law, fabric)
        run.minutes = before + (time.monotonic() - began) / 60
        # All processes stop at the same step: the first one decides.
        stop = fabric.broadcast(max_minutes is not None and run.minutes - before >= max_minutes)
        if keeper is not None:
            keeper.note(run, loss, last=stop or run.step == recipe.steps)
        if stop:
            break
    return folder / "best.safetensors"


class _Keeper:
    """Validates, logs and saves, in the first process only."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        self.folder, self.recipe = folder, recipe
        self.cases = draw_cases(recipe.validation_cases, recipe.seed)
        self.losses: list[float] = []
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "recipe.json").write_text(recipe.model_dump_json(indent=2), encoding="utf-8")

    def note(self, run: _Run, loss: float, *, last: bool) -> None:
        """Take note of a step."""
        self.losses.append(loss)
        if last or run.step % self.recipe.validate_every == 0:
            self._validate(run)
        if last or run.step % self.recipe.checkpoint_every == 0:
            save_checkpoint(self.folder, run.parts(), run.numbers())

    def _validate(self, run: _Run) -> None:
        """Score the running average, log the score, keep the weights if they are the best so far."""
        gain = mean_gain(run.average.module, self.cases)
        entry = {
            "step": run.step,
            "minutes": round(run.minutes, 2),
            "loss": round(sum(self.losses) / len(self.losses), 5),
            "gain_db": round(gain, 4),
        }
        self.losses.clear()
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")
        if gain > run.best:
            run.best = gain
            weights = {k: v.contiguous().cpu().clone() for k, v in run.average.module.state_dict().items()}
            save_file(weights, self.folder / "best.safetensors")
