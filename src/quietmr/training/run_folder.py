"""The folder of a run: what is in it, and when it may be written to."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor

from quietmr.data import InputError, OutputError
from quietmr.io.atomic import replacing
from quietmr.training.recipe import Recipe

RECIPE, LOG, SESSIONS, CURVE = "recipe.json", "log.jsonl", "sessions.jsonl", "curve.png"
CHECKPOINT, BEST = "checkpoint.safetensors", "best.safetensors"
# What a checkpoint cannot be continued with: other weights, or scores that mean something else.
_FIXED = ("network", "step", "gan", "loss", "start_from", "channels", "freeze")


def check_free(folder: Path, *, resume: bool, force: bool) -> None:
    """Refuse to mix two runs.

    Raises
    ------
    OutputError
        If the folder holds a run and neither resuming nor replacing it was asked for.
    InputError
        If there is nothing to resume.
    """
    if resume:
        if not (folder / CHECKPOINT).exists():
            raise InputError(f"There is no checkpoint in {folder}: start the run without --resume.")
    elif not force and any((folder / name).exists() for name in (RECIPE, LOG, CHECKPOINT, BEST)):
        raise OutputError(
            f"{folder} already holds a run: go on with it (--resume), replace it (--force), or choose another --out."
        )


def clear(folder: Path) -> None:
    """Remove an earlier run, and nothing else."""
    for name in (RECIPE, LOG, SESSIONS, CURVE, CHECKPOINT, BEST):
        (folder / name).unlink(missing_ok=True)


def recipe_changes(folder: Path, recipe: Recipe) -> dict[str, Any]:
    """Compare the recipe of a run with the one to go on with.

    Returns
    -------
    dict
        ``{section: [before, now]}`` of what differs.

    Raises
    ------
    InputError
        If what differs makes the checkpoint useless, or the stored recipe is damaged.
    """
    try:
        stored = Recipe.model_validate_json((folder / RECIPE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError(
            f"The recipe of the run in {folder} cannot be read: start the run anew with --force."
        ) from None
    before, now = stored.model_dump(mode="json"), recipe.model_dump(mode="json")
    changes = {key: [before[key], now[key]] for key in now if before[key] != now[key]}
    fixed = {key for key in _FIXED if key in changes}
    if stored.optimizer.kind != recipe.optimizer.kind:
        fixed.add("optimizer.kind")
    if fixed:
        raise InputError(
            f"The recipe has another '{min(fixed)}' than the run in {folder}, which cannot go on with it: start a new "
            "run (another --out, and start_from=BEST.safetensors to begin with its weights), or put the entry back."
        )
    return changes


def write_text(path: Path, text: str) -> None:
    """Write a small file whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def append_line(path: Path, entry: dict[str, Any]) -> None:
    """Add a line to a file of JSON lines."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read a file of JSON lines; none if it does not exist.

    Raises
    ------
    InputError
        If a line is not JSON.
    """
    if not path.exists():
        return []
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except json.JSONDecodeError:
        raise InputError(f"{path} has a damaged line: remove that line.") from None


def write_weights(path: Path, weights: dict[str, Tensor]) -> None:
    """Write weights whole or not at all, float32, on the CPU."""
    content = save({key: value.detach().contiguous().cpu().clone() for key, value in weights.items()})
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def best_entry(log: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Entry of the log whose weights are the best: by SSIM if the last one has it, else by gain in PSNR."""
    name = "ssim" if "ssim" in log[-1] else "gain_db"
    return max((entry for entry in log if name in entry), key=lambda entry: float(entry[name]))
