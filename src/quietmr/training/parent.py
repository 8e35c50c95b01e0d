"""The trained model that a run starts from."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load
from torch import nn

from quietmr.data import ModelError
from quietmr.models import Card, build_architecture, create_model, load_card
from quietmr.training.complex_start import for_complex
from quietmr.training.frozen import frozen_names
from quietmr.training.recipe import NetworkRecipe, Recipe


@dataclass(frozen=True)
class Parent:
    """A trained model.

    Attributes
    ----------
    network : nn.Module
        On the CPU, float32.
    name : str
        Name of the model or of its file.
    sha256 : str
        Of the weights file.
    card : Card or None
        What is known about it; None for bare weights.
    """

    network: nn.Module
    name: str
    sha256: str
    card: Card | None

    def facts(self) -> dict[str, Any]:
        """Identify it, for the record."""
        return {"name": self.name, "sha256": self.sha256, "license": self.card.license if self.card else "unknown"}


def load_parent(recipe: Recipe) -> Parent | None:
    """Load the model that a recipe starts from; None if it starts from random weights.

    Raises
    ------
    ModelError
        If there is no such model, or bare weights do not fit the network of the recipe.
    """
    if not recipe.start_from:
        return None
    path = Path(recipe.start_from)
    if path.suffix == ".safetensors" and path.exists() and not path.with_suffix(".json").exists():
        return _bare(path, recipe.network)
    card = load_card(recipe.start_from)
    network = create_model(recipe.start_from)
    if recipe.channels == "complex":
        network, card = for_complex(network, card)
    return Parent(network, card.name, card.sha256, card)


def _bare(path: Path, settings: NetworkRecipe) -> Parent:
    content = path.read_bytes()
    network = build_architecture(settings.architecture, **settings.arguments)
    try:
        network.load_state_dict(load(content))
    except (SafetensorError, RuntimeError):
        raise ModelError(
            f"The weights in {path} do not fit the network of the recipe: give the 'network' they were made with."
        ) from None
    return Parent(network, path.name, hashlib.sha256(content).hexdigest(), None)


def adapted(recipe: Recipe, parent: Parent | None) -> Recipe:
    """Give the recipe the network of its parent, unless the recipe names one itself.

    Raises
    ------
    ModelError
        If the recipe names another network than that of the parent, freezes weights that it has not, or its images are
        not those that the network can see.
    """
    if parent is not None:
        frozen_names(parent.network, recipe.freeze)
    if parent is None or parent.card is None:
        return recipe
    white = parent.card.white
    if white is not None and (recipe.channels == "complex" or recipe.lesson != "supervised"):
        raise ModelError(
            f"'{parent.name}' takes magnitudes in units of the brightest tissue: fine-tune it on clean magnitudes "
            "(loss: supervised), or start from another model."
        )
    own = NetworkRecipe(architecture=parent.card.architecture, arguments=dict(parent.card.arguments), white=white)
    if "network" in recipe.model_fields_set and recipe.network != own:
        raise ModelError(
            f"The recipe describes another network than that of '{parent.name}': leave out the section 'network'."
        )
    return recipe.model_copy(update={"network": own})
