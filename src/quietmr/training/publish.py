"""From a finished run to a model: weights, most of them in float16, and a card beside them."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from quietmr._version import __version__
from quietmr.io.atomic import replacing
from quietmr.models import Card, build_architecture
from quietmr.training.paper_card import noise_convention
from quietmr.training.recipe import Recipe
from quietmr.training.run_folder import BEST, LOG, RECIPE, SESSIONS, best_entry, read_lines, write_text

# Largest rounding error of stored weights, relative: half the distance of two float16 numbers.
_ROUNDING = 2.0**-11


def publish(run: Path, folder: Path, texts: dict[str, str], scores: dict[str, Any], note: str = "") -> Card:
    """Write the best weights of a run as a model.

    Parameters
    ----------
    run : Path
        Run folder of :func:`quietmr.training.loop.train`.
    folder : Path
        Where models live, for example ``quietmr.models.registry.WEIGHTS_FOLDER``.
    texts : dict
        ``label``, ``description``, ``license``, ``data``, ``intended_use``, ``limits`` of the card.
    scores : dict
        Scores measured with the published file on data that the model never saw.
    note : str
        What the recipe does not tell about the run, such as changes on the way.

    Returns
    -------
    Card
    """
    recipe = Recipe.model_validate_json((run / RECIPE).read_text(encoding="utf-8"))
    network = build_architecture(recipe.network.architecture, **recipe.network.arguments)
    weights = rounded(load_file(run / BEST), network)
    content = save(weights)
    network.load_state_dict(weights)
    card = Card(
        name=recipe.name,
        architecture=recipe.network.architecture,
        arguments=recipe.network.arguments,
        parameters=sum(p.numel() for p in network.parameters()),
        file=f"{recipe.name}.safetensors",
        sha256=hashlib.sha256(content).hexdigest(),
        noise_convention=noise_convention(recipe),
        recipe=_without_places(recipe).model_dump(mode="json"),
        training=_training(run, note),
        scores=scores,
        **texts,
    )
    with replacing(folder / card.file) as temporary:
        temporary.write_bytes(content)
    write_text(folder / f"{card.name}.json", json.dumps(asdict(card), indent=2) + "\n")
    return card


def rounded(weights: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Round what training has moved to float16, as models store it.

    What normalizations have measured (running means and variances, counts) stays as it is, and so do weights that are
    too large or too small for float16.

    Parameters
    ----------
    weights : dict of Tensor
        State dict of the network.
    network : nn.Module
        Tells which of them are trained.
    """
    trained = {name for name, value in network.state_dict(keep_vars=True).items() if isinstance(value, nn.Parameter)}
    return {name: _half(value) if name in trained else value for name, value in weights.items()}


def _half(weight: Tensor) -> Tensor:
    half = weight.to(torch.float16)
    error = (half.float() - weight).norm()
    return half if bool(error <= _ROUNDING * weight.norm()) else weight


def _without_places(recipe: Recipe) -> Recipe:
    """Keep only the last part of a folder name: a card travels, and tells nobody how a disk is laid out."""
    folder = Path(recipe.scans.folder).name if recipe.scans.folder else ""
    return recipe.model_copy(
        update={
            "scans": recipe.scans.model_copy(update={"folder": folder}),
            "start_from": Path(recipe.start_from).name if recipe.start_from else "",
        }
    )


def _training(run: Path, note: str) -> dict[str, Any]:
    log = read_lines(run / LOG)
    sessions = [session for session in read_lines(run / SESSIONS) if "started" in session]
    last = sessions[-1] if sessions else {}
    kept = ("versions", "source", "machine", "device", "precision", "processes", "batches_per_step", "parent", "data")
    return {
        "best": best_entry(log),
        "last": log[-1],
        "torch": torch.__version__,
        "quietmr": __version__,
        "sessions": len(sessions),
        **{key: last[key] for key in kept if key in last},
        "note": note,
    }
