"""Names of architectures and of trained models, and how they become networks."""

import hashlib
import inspect
import os
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from quietmr.data import ModelError
from quietmr.models.card import Card
from quietmr.models.papers import PAPERS
from quietmr.models.snraware import SNRAWARE
from quietmr.models.unet3d import UNet3d

ARCHITECTURES: Mapping[str, Callable[..., nn.Module]] = {"unet3d": UNet3d, **SNRAWARE, **PAPERS}

WEIGHTS_FOLDER = Path(__file__).parent / "weights"


def build_architecture(name: str, **arguments: Any) -> nn.Module:
    """Build a network with fresh random weights.

    Raises
    ------
    ModelError
        If the architecture is unknown, or has no such arguments.
    """
    if name not in ARCHITECTURES:
        raise ModelError(f"There is no architecture '{name}'; known ones: {', '.join(sorted(ARCHITECTURES))}.")
    known = list(inspect.signature(ARCHITECTURES[name]).parameters)
    unknown = sorted(set(arguments) - set(known))
    if unknown:
        raise ModelError(f"The architecture '{name}' has no argument {', '.join(unknown)}; it has {', '.join(known)}.")
    return ARCHITECTURES[name](**arguments)


def count_parameters(name: str, **arguments: Any) -> int:
    """Count the weights of an architecture without making them.

    Raises
    ------
    ModelError
        As :func:`build_architecture`.
    """
    with torch.device("meta"):
        return sum(weight.numel() for weight in build_architecture(name, **arguments).parameters())


def to_channels_last(network: nn.Module) -> nn.Module:
    """Lay out the weights with channels innermost: 1.6 times faster 3-D convolutions on CPUs, same results."""
    for weight in network.parameters():
        if weight.ndim == 5:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last_3d)
    return network


def list_models(pattern: str = "*", folder: Path = WEIGHTS_FOLDER) -> list[str]:
    """Sorted names of models that match a shell-style pattern.

    Parameters
    ----------
    pattern : str
        The bare ``*`` lists the trained models. A narrower one, such as ``snraware-*`` or ``*unet*``, also lists
        architectures, which are models still to be trained.
    folder : Path
        Where trained models live.
    """
    trained = {path.stem for path in folder.glob("*.json")}
    names = trained if pattern == "*" else trained.union(ARCHITECTURES)
    return sorted(name for name in names if fnmatchcase(name, pattern))


def is_model_path(name: str) -> bool:
    """Whether a model is meant by its place on the disk: it ends in .safetensors, or has a slash in it."""
    return name.endswith(".safetensors") or "/" in name or os.sep in name


def _weights_on_disk(name: str) -> Path:
    """Weights file that a path means: itself, or the only one with a card in a folder."""
    path = Path(name)
    if path.is_dir():
        found = [file for file in sorted(path.glob("*.safetensors")) if file.with_suffix(".json").exists()]
        if len(found) != 1:
            raise ModelError(
                f"The folder {name} holds {len(found)} models (NAME.safetensors with its card NAME.json) where one is "
                "needed: give the .safetensors file."
            )
        return found[0]
    if path.suffix != ".safetensors" or not path.is_file():
        raise ModelError(f"There is no weights file {name}: give a .safetensors file with its card (.json) beside it.")
    if not path.with_suffix(".json").is_file():
        raise ModelError(f"{name} has no card: put the JSON file that was written with it beside it.")
    return path


def _locate(name: str, folder: Path) -> tuple[Path, Path]:
    """Card and folder of a trained model."""
    if is_model_path(name):
        weights = _weights_on_disk(name)
        return weights.with_suffix(".json"), weights.parent
    if name not in list_models(folder=folder):
        known = ", ".join(list_models(folder=folder)) or "none"
        raise ModelError(f"There is no trained model '{name}'; known ones: {known}.")
    return folder / f"{name}.json", folder


def load_card(name: str, folder: Path = WEIGHTS_FOLDER) -> Card:
    """Read the card of a trained model.

    Parameters
    ----------
    name : str
        Name in ``folder``, or the path of a weights file (.safetensors) or of a folder with one model; a path has a
        slash in it or ends in .safetensors.
    folder : Path
        Where models with a name live.

    Raises
    ------
    ModelError
        If there is no such model.
    """
    return Card.from_json(_locate(name, folder)[0])


@cache
def _checked_bytes(path: Path, sha256: str) -> bytes:
    """Read a weights file once per process, and only if it is the one the card speaks of."""
    remedy = (
        "reinstall quietmr" if path.parent == WEIGHTS_FOLDER else "copy weights and card together, or make them anew"
    )
    try:
        content = path.read_bytes()
    except OSError:
        raise ModelError(f"The weights file {path.name} is missing: {remedy}.") from None
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ModelError(
            f"The weights file {path.name} is damaged or not the one of its card (SHA-256 {found[:12]}..., "
            f"card says {sha256[:12]}...): {remedy}."
        )
    return content


def load_weights(name: str, folder: Path = WEIGHTS_FOLDER) -> dict[str, Tensor]:
    """Load the weights of a trained model after checking their SHA-256 against the card.

    Parameters
    ----------
    name, folder
        See :func:`load_card`.

    Returns
    -------
    dict of Tensor
        State dict, as stored (float16 or float32).

    Raises
    ------
    ModelError
        If the model is unknown or the file is missing or damaged.
    """
    where, home = _locate(name, folder)
    card = Card.from_json(where)
    file = where.with_suffix(".safetensors") if is_model_path(name) else home / card.file
    try:
        return load(_checked_bytes(file, card.sha256))
    except SafetensorError as problem:
        raise ModelError(f"The weights file {file.name} cannot be read ({problem}): reinstall quietmr.") from None


def create_model(
    name: str,
    *,
    pretrained: bool = True,
    folder: Path = WEIGHTS_FOLDER,
    in_channels: int | None = None,
    out_channels: int | None = None,
    form: str | None = None,
) -> nn.Module:
    """Build a model by name, in float32, on the CPU.

    Parameters
    ----------
    name : str
        See :func:`list_models`, or the path of a model (:func:`load_card`); an architecture name gives an untrained
        network, unless a trained model has the same name.
    pretrained : bool
        Load the weights; False keeps fresh random ones.
    folder : Path
        Where trained models with a name live.
    in_channels, out_channels : int, optional
        Channels of an untrained network: 3 and 2 for complex images with a noise map, 2 and 1 for magnitudes.
    form : str, optional
        "corrected" or "faithful", for untrained networks that have both (``snraware-*``).

    Raises
    ------
    ModelError
        If the name is unknown, the weights do not fit, or a choice is not open for this model.
    """
    choices = {"in_channels": in_channels, "out_channels": out_channels, "form": form}
    chosen = {key: value for key, value in choices.items() if value is not None}
    if name in ARCHITECTURES and name not in list_models(folder=folder):
        return build_architecture(name, **chosen)
    card = load_card(name, folder)
    if chosen:
        raise ModelError(f"The model '{name}' is trained, its card settles {', '.join(chosen)}: leave that out.")
    network = build_architecture(card.architecture, **card.arguments)
    if pretrained:
        weights = load_weights(name, folder)
        expected = {key: tuple(value.shape) for key, value in network.state_dict().items()}
        if {key: tuple(value.shape) for key, value in weights.items()} != expected:
            raise ModelError(
                f"The weights of '{name}' do not fit its architecture '{card.architecture}': they are not the ones of "
                "this card."
            )
        network.load_state_dict(weights)
    return network
