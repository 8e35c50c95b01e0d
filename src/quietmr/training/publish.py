"""From a finished run to a shipped model: float16 weights and a card beside them."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save

from quietmr._version import __version__
from quietmr.models import Card, build_architecture
from quietmr.training.recipe import Recipe

NOISE_CONVENTION = (
    "The last input channel is sigma, the noise standard deviation per real channel, in the units of the image; "
    "magnitude images (Rician law); exactly homogeneous of degree one in (image, sigma)."
)


def publish(run: Path, folder: Path, texts: dict[str, str], scores: dict[str, Any], note: str = "") -> Card:
    """Write the best weights of a run as a shipped model.

    Parameters
    ----------
    run : Path
        Run folder of :func:`quietmr.training.loop.train`.
    folder : Path
        Where shipped models live, for example ``quietmr.models.registry.WEIGHTS_FOLDER``.
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
    recipe = Recipe.model_validate_json((run / "recipe.json").read_text(encoding="utf-8"))
    weights = {key: value.to(torch.float16) for key, value in load_file(run / "best.safetensors").items()}
    content = save(weights)
    network = build_architecture(recipe.network.architecture, **recipe.network.arguments)
    network.load_state_dict(weights)
    log = [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    best = max(log, key=lambda entry: entry["gain_db"])
    training = {"best": best, "last": log[-1], "torch": torch.__version__, "quietmr": __version__, "note": note}
    card = Card(
        name=recipe.name,
        architecture=recipe.network.architecture,
        arguments=recipe.network.arguments,
        parameters=sum(p.numel() for p in network.parameters()),
        file=f"{recipe.name}.safetensors",
        sha256=hashlib.sha256(content).hexdigest(),
        noise_convention=NOISE_CONVENTION,
        recipe=recipe.model_dump(mode="json"),
        training=training,
        scores=scores,
        **texts,
    )
    (folder / card.file).write_bytes(content)
    (folder / f"{card.name}.json").write_text(json.dumps(asdict(card), indent=2) + "\n", encoding="utf-8")
    return card
