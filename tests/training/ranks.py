"""What each process does in the tests of many processes: run by torchrun, and in the process of the test itself."""

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from safetensors.torch import save_file

from quietmr.cli.main import main
from quietmr.training import keeper, loop, scenes, step_choice
from quietmr.training.keeper import Score
from quietmr.training.launch import Launch
from quietmr.training.loss_sum import make_loss
from quietmr.training.objectives import Supervised
from quietmr.training.recipe import Recipe
from quietmr.training.validation import Measured

# Float32, and every step logged. The network drops parts at random and has weights that take no part.
RECIPE = """
name: ranks
seed: 3
steps: 12
validate_every: 1
checkpoint_every: 1000
workers: 0
precision: "32"
network:
  architecture: snraware-hrnet-conv3d
  arguments:
    {in_channels: 2, out_channels: 1, width: 8, heads: 1, repeats: 1, levels: 1, size: [4, 16, 16], form: faithful,
     drop_path: 0.3}
scenes: {shape: [4, 16, 16], pool: 2, reuse: 4}
patches: [{shape: [4, 16, 16], batch: 2}]
optimizer: {lr_muon: 0.005, lr_adam: 0.002, warmup: 4, ema: 0.5, clip: 1.0}
"""
# With a score that never gets better, the rates of all processes fall at every second validation.
PLATEAU = ("optimizer.schedule=plateau", "optimizer.plateau_patience=1")


def losses(folder: Path) -> list[float]:
    """Loss of each step."""
    return [json.loads(line)["loss"] for line in (folder / "log.jsonl").read_text().splitlines()]


@contextmanager
def cheaply():
    """Validation, pictures and scenes that cost nothing."""
    with (
        patch.object(loop, "make_score", lambda recipe, start: Score(lambda network: Measured(0.0))),
        patch.object(keeper, "save_curve", lambda *_: None),
        patch.object(scenes, "draw_scene", lambda shape, mixture, rng: rng.random(shape, np.float32)),
    ):
        yield


def train_on_scenes(folder: Path, out: str, *words: str) -> None:
    """Train by the command, on drawn scenes with drawn noise."""
    (folder / "ranks.yaml").write_text(RECIPE)
    with cheaply():
        assert main(["train", str(folder / "ranks.yaml"), "--out", str(folder / out), "--device", "cpu", *words]) == 0


def train_on_parts(folder: Path, out: str, size: int) -> None:
    """Train on four given noisy images per step, of which each batch holds ``size``."""

    def batches(recipe, start, stream):
        for step in range(start, recipe.steps):
            rng = torch.Generator().manual_seed(step)
            target = torch.rand(4, 1, 4, 16, 1, generator=rng).expand(-1, -1, -1, -1, 16)
            noisy = (target + 0.2 * torch.randn(target.shape, generator=rng)).abs()
            x = torch.cat([noisy, torch.full_like(noisy, 0.2)], dim=1)
            yield [tensor[stream * size : (stream + 1) * size] for tensor in (x, target)]

    objective = Supervised(lambda batch, rng: (batch[0], batch[1]), make_loss({"log_charbonnier": 1.0}, lambda: None))
    (folder / "ranks.yaml").write_text(RECIPE)
    choice = patch.object(step_choice, "make_objective", lambda recipe, parent: objective)
    with cheaply(), choice, patch.object(loop, "training_batches", batches):
        # What is dropped is drawn for each batch, so a batch and its halves differ by it.
        recipe = Recipe.from_yaml(folder / "ranks.yaml", ["network.arguments.drop_path=0.0"])
        loop.train(recipe, folder / out, Launch(device="cpu"))


def save_resumed_state(folder: Path, out: str) -> None:
    """Resume a run and, in place of training, write down the state of each process and how long it waits for others."""

    def write_down(run, recipe, fabric, *others):
        state = {f"{part}:{name}": t for part, tensors in run.parts().items() for name, t in tensors.items()}
        state["patience"] = torch.tensor(patience())
        file = folder / f"{out}-state{fabric.global_rank}of{fabric.world_size}.safetensors"
        save_file({name: t.contiguous().clone() for name, t in state.items()}, file)
        return "done"

    with cheaply(), patch.object(loop, "_fit", write_down):
        loop.train(Recipe.from_yaml(folder / "ranks.yaml"), folder / out, Launch(device="cpu", resume=True))


def patience() -> float:
    """Hours that this process waits for others."""
    if not torch.distributed.is_initialized():
        return 0.0
    backend = torch.distributed.group.WORLD._get_backend(torch.device("cpu"))
    return backend.options._timeout.total_seconds() / 3600


def record_who_saves(folder: Path):
    """Leave a file named after each process that writes a checkpoint."""
    save = keeper.save_checkpoint

    def save_and_tell(*arguments):
        (folder / f"saved-by-{torch.distributed.get_rank()}").touch()
        save(*arguments)

    return patch.object(keeper, "save_checkpoint", save_and_tell)


if __name__ == "__main__":
    where = Path(sys.argv[1])
    with record_who_saves(where):
        train_on_scenes(where, "two")
        train_on_scenes(where, "slower-two", *PLATEAU)
        train_on_parts(where, "halves", size=2)
    save_resumed_state(where, "shared")
    train_on_scenes(where, "shared", "--resume", "steps=16")
