"""Training of the arms of ``papers.py``: each in a folder of its own, by the project's trainer, resumable.

Several processes may share the folders: each takes the first run that nobody has taken.
"""

from __future__ import annotations

import fcntl
import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from papers_arms import Arm

from quietmr.training.launch import Launch
from quietmr.training.loop import train
from quietmr.training.recipe import Recipe
from quietmr.training.run_folder import CHECKPOINT, RECIPE, write_text

COST = "cost.json"


class Interrupted(Exception):  # noqa: N818 - a wish, not an error
    """A run was asked to stop."""


def is_done(arm: Arm, seed: int, out: Path) -> bool:
    """Whether a run has ended, with the recipe that is asked for now."""
    folder = arm.folder(out, seed)
    return (folder / COST).exists() and _same(folder, arm.made(seed))


def cpu_minutes(arm: Arm, seed: int, out: Path) -> float:
    """CPU minutes of a finished training, all its sessions together."""
    return float(json.loads((arm.folder(out, seed) / COST).read_text(encoding="utf-8"))["cpu_minutes"])


def train_all(todo: Iterable[tuple[Arm, int]], out: Path, device: str = "cpu") -> None:
    """Train what is neither done nor in the hands of another process.

    Raises
    ------
    Interrupted
        If Ctrl-C or SIGTERM ended the training; the same command goes on.
    """
    out.mkdir(parents=True, exist_ok=True)
    for arm, seed in todo:
        with taken(arm.folder(out, seed)) as is_mine:
            if is_mine and not is_done(arm, seed, out):
                began = time.monotonic()
                _train(arm, seed, out, device)
                print(
                    f"{arm.name}, seed {seed}: {(time.monotonic() - began) / 60:.1f} min", file=sys.stderr, flush=True
                )


@contextmanager
def taken(folder: Path) -> Iterator[bool]:
    """Lock a run against other processes; tells whether that was possible."""
    with folder.with_suffix(".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def _train(arm: Arm, seed: int, out: Path, device: str) -> None:
    folder, recipe = arm.folder(out, seed), arm.made(seed)
    goes_on = (folder / CHECKPOINT).exists() and _same(folder, recipe)
    part = folder / "cost-so-far.json"
    before = json.loads(part.read_text(encoding="utf-8"))["cpu_minutes"] if goes_on and part.exists() else 0.0
    began = time.process_time()
    finished = train(recipe, folder, Launch(resume=goes_on, force=not goes_on, device=device, command="papers.py"))
    cost = json.dumps({"cpu_minutes": round(before + (time.process_time() - began) / 60, 3)}) + "\n"
    write_text(part, cost)
    if finished.reason != "done":
        raise Interrupted
    write_text(folder / COST, cost)


def _same(folder: Path, recipe: Recipe) -> bool:
    try:
        stored = Recipe.model_validate_json((folder / RECIPE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return stored == recipe
