"""One run of the ablation: training by the project's trainer, and its scores, in a folder of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from ablation_arms import Plan, fingerprint
from ablation_cases import Case, digest
from ablation_scores import Scores, best_blur, score
from safetensors.torch import load_file

from quietmr.denoise.device import runs_bfloat16
from quietmr.models import build_architecture
from quietmr.noise.mr_noise import MrNoisePair
from quietmr.training.complex_pairs import as_channels, as_told
from quietmr.training.launch import Launch
from quietmr.training.loop import train
from quietmr.training.recipe import Recipe
from quietmr.training.run_folder import BEST, CHECKPOINT, RECIPE, write_text

RECORD = "scores.json"
YARDSTICKS = "yardsticks.json"
Sets = Mapping[str, Sequence[Case]]
SetScores = dict[str, list[Scores]]


class Interrupted(Exception):  # noqa: N818 - a wish, not an error
    """A run was asked to stop."""


@dataclass(frozen=True)
class Record:
    """What is known of a finished run.

    ``cpu_s``: of the training with the drawing of its samples; None if it was interrupted and went on.
    """

    network: str
    arm: str
    seed: int
    steps: int
    recipe: str
    cases: str
    parameters: int
    cpu_s: float | None
    scores: SetScores


def read_record(folder: Path) -> Record | None:
    """The record of a run folder; None if the run has not ended."""
    path = folder / RECORD
    if not path.exists():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    return Record(**{**content, "scores": _from_json(content["scores"])})


def digest_of(sets: Sets) -> str:
    """One hash of all sets."""
    return "-".join(digest(cases)[:8] for cases in sets.values())


def finish(plan: Plan, file: Path, out: Path, sets: Sets, device: str = "cpu") -> bool:
    """Train and score a run as far as that has not been done; returns whether there was anything to do.

    Raises
    ------
    Interrupted
        If Ctrl-C or SIGTERM ended the training.
    """
    recipe, folder = plan.recipe(file), out / plan.name
    known = read_record(folder)
    if known is not None and known.recipe != fingerprint(recipe):
        known = None
    if known is not None and known.cases == digest_of(sets):
        return False
    cpu_s = known.cpu_s if known is not None else _trained(recipe, folder, device)
    network = build_architecture(recipe.network.architecture, **recipe.network.arguments)
    network.load_state_dict(load_file(folder / BEST))
    network.to(device).eval()
    record = Record(
        network=plan.network,
        arm=plan.arm,
        seed=plan.seed,
        steps=recipe.steps,
        recipe=fingerprint(recipe),
        cases=digest_of(sets),
        parameters=sum(weight.numel() for weight in network.parameters()),
        cpu_s=cpu_s,
        scores={name: [score(denoised(network, case, recipe), case) for case in cases] for name, cases in sets.items()},
    )
    write_text(folder / RECORD, json.dumps(asdict(record)) + "\n")
    return True


def _trained(recipe: Recipe, folder: Path, device: str) -> float | None:
    """Train anew, or go on from a checkpoint of the same recipe; CPU seconds of a training in one go."""
    goes_on = (folder / CHECKPOINT).exists() and _stored_fingerprint(folder) == fingerprint(recipe)
    began = time.process_time()
    finished = train(recipe, folder, Launch(resume=goes_on, force=not goes_on, device=device, command="ablation.py"))
    if finished.reason != "done":
        raise Interrupted
    return None if goes_on else time.process_time() - began


def _stored_fingerprint(folder: Path) -> str:
    try:
        return fingerprint(Recipe.model_validate_json((folder / RECIPE).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return ""


@torch.inference_mode()
def denoised(network: torch.nn.Module, case: Case, recipe: Recipe) -> torch.Tensor:
    """What a network makes of a case, (F, Y, X), with the arithmetic of its training.

    Complex, or a magnitude if it was trained with magnitudes.
    """
    x, _ = as_channels(MrNoisePair(case.noisy, case.clean, case.sigma), recipe.mr)
    device = next(network.parameters()).device
    reduced = recipe.precision == "bf16" or (recipe.precision == "auto" and runs_bfloat16(device))
    with torch.autocast(device.type, torch.bfloat16, enabled=reduced):
        output = network(as_told(x, recipe.mr)[None].to(device))[0].float().cpu()
    return torch.complex(output[0], output[1]) if len(output) == 2 else output[0]


def yardsticks(sets: Sets, out: Path) -> dict[str, SetScores]:
    """Scores of the untouched image and of the best blur of each case; kept in the folder for ``--table-only``."""
    path = out / YARDSTICKS
    if path.exists():
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["cases"] == digest_of(sets):
            return read_yardsticks(out)
    found = {
        "untouched": {name: [score(case.noisy, case) for case in cases] for name, cases in sets.items()},
        "best blur": {name: [best_blur(case) for case in cases] for name, cases in sets.items()},
    }
    out.mkdir(parents=True, exist_ok=True)
    rows = {name: {key: [asdict(s) for s in part] for key, part in scores.items()} for name, scores in found.items()}
    write_text(path, json.dumps({"cases": digest_of(sets), "rows": rows}) + "\n")
    return found


def read_yardsticks(out: Path) -> dict[str, SetScores]:
    """The yardsticks of a folder; none if they have not been measured."""
    path = out / YARDSTICKS
    if not path.exists():
        return {}
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    return {name: _from_json(scores) for name, scores in rows.items()}


def _from_json(scores: Mapping[str, Sequence[Mapping[str, float]]]) -> SetScores:
    return {name: [Scores(**entry) for entry in part] for name, part in scores.items()}
