"""State of a training run on disk: tensors in safetensors, numbers in JSON, no pickle."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from quietmr.data import InputError
from quietmr.io.atomic import replacing

State = dict[str, dict[str, Tensor]]


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Flatten the tensors of an optimizer's state into ``{"index/name": tensor}``."""
    state = optimizer.state_dict()["state"]
    return {
        f"{i}/{name}": torch.as_tensor(value).clone() for i, entry in state.items() for name, value in entry.items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put flattened tensors back into an optimizer; its settings stay as constructed."""
    layout = optimizer.state_dict()
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split("/", 1)
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": layout["param_groups"]})


def save_checkpoint(folder: Path, parts: State, numbers: dict[str, Any]) -> None:
    """Write a checkpoint so that an interruption leaves the old one whole.

    Parameters
    ----------
    folder : Path
    parts : {part: {name: tensor}}
        Model, running average, optimizer states.
    numbers : dict
        Everything else (step, best score ...): JSON values.
    """
    tensors = {
        f"{part}:{name}": t.detach().contiguous().cpu().clone() for part, ts in parts.items() for name, t in ts.items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / "checkpoint.safetensors") as temporary:
        save_file(tensors, temporary, metadata={"numbers": json.dumps(numbers)})


def load_checkpoint(folder: Path) -> tuple[State, dict[str, Any]]:
    """Read a checkpoint back.

    Raises
    ------
    InputError
        If there is none in the folder, or it is damaged.
    """
    path = folder / "checkpoint.safetensors"
    if not path.exists():
        raise InputError(f"There is no checkpoint in {folder}: start the run without resuming.")
    try:
        tensors = load_file(path)
        with safe_open(path, framework="pt") as file:
            numbers: dict[str, Any] = json.loads(file.metadata()["numbers"])
    except (SafetensorError, TypeError, KeyError, json.JSONDecodeError):
        raise InputError(f"The checkpoint {path} is damaged: start the run anew with --force.") from None
    parts: State = {}
    for key, tensor in tensors.items():
        part, name = key.split(":", 1)
        parts.setdefault(part, {})[name] = tensor
    return parts, numbers
