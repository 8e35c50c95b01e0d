"""The training loop, readable from top to bottom (Lightning Fabric moves tensors and processes, nothing else)."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from quietmr.models.registry import build_architecture
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
    network = fabric.to_device(network.to(memory_format=torch.channels_last_3d))
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(recipe.optimizer.ema))
    run = _Run(network, average, make_optimizers(network, recipe.optimizer))
    if resume:
        parts, numbers = load_checkpoint(folder)
        network.load_state_dict(parts["network"])
        average.module.load_state_dict(parts["average"])
        average.n_averaged.fill_(1)
        for i, optimizer in enumerate(run.optimizers):
            restore_optimizer(optimizer, parts[f"optimizer{i}"])
        run.step, run.best, run.minutes = numbers["step"], numbers["best"], numbers["minutes"]
    return run


def train_step(run: _Run, clean: Tensor, recipe: Recipe, law: NoiseLaw) -> float:
    """One optimizer step; the noise depends on (seed, step) only. Returns the loss."""
    rng = torch.Generator(clean.device).manual_seed(recipe.seed * 1_000_003 + run.step)
    x, target = noisy_batch(clean, law, rng)
    loss = log_charbonnier(run.network(x), target, x[:, -1:])
    loss.backward()  # type: ignore[no-untyped-call]
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
    recipe: Recipe, folder: Path, *, resume: bool = False, max_minutes: float | None = None, device: str = "auto"
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

    Returns
    -------
    Path
        The best weights.
    """
    fabric = Fabric(accelerator=device, devices=1)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.json").write_text(recipe.model_dump_json(indent=2), encoding="utf-8")
    run = _start(recipe, folder, fabric, resume=resume)
    cases = draw_cases(24, recipe.seed)
    law = NoiseLaw(**recipe.noise)
    batches: Iterator[Tensor] = iter(training_batches(recipe, run.step))
    began, before, losses = time.monotonic(), run.minutes, []
    while run.step < recipe.steps:
        losses.append(train_step(run, fabric.to_device(next(batches)), recipe, law))
        run.minutes = before + (time.monotonic() - began) / 60
        out_of_time = max_minutes is not None and run.minutes - before >= max_minutes
        last = run.step == recipe.steps or out_of_time
        if run.step % recipe.validate_every == 0 or last:
            _validate(run, cases, fabric.device, folder, sum(losses) / len(losses))
            losses.clear()
        if run.step % recipe.checkpoint_every == 0 or last:
            save_checkpoint(folder, run.parts(), run.numbers())
        if out_of_time:
            break
    return folder / "best.safetensors"


def _validate(run: _Run, cases: list[Any], device: torch.device, folder: Path, loss: float) -> None:
    """Score the running average, note the score, keep the weights if they are the best so far."""
    gain = mean_gain(run.average.module, cases, device)
    entry = {"step": run.step, "minutes": round(run.minutes, 2), "loss": round(loss, 5), "gain_db": round(gain, 4)}
    with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps(entry) + "\n")
    if gain > run.best:
        run.best = gain
        from safetensors.torch import save_file

        weights = {k: v.contiguous().cpu().clone() for k, v in run.average.module.state_dict().items()}
        save_file(weights, folder / "best.safetensors")
