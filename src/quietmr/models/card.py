"""What one must know about a weights file before using it."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from quietmr.data import ModelError


@dataclass(frozen=True)
class Card:
    """Description of trained weights, read from the JSON file beside them.

    Attributes
    ----------
    name : str
    label : str
        "ours", "faithful", "ancestor-filled" or "reconstruction".
    description : str
    architecture : str
        Name in ``models.registry.ARCHITECTURES``.
    arguments : mapping
        Arguments of its constructor.
    parameters : int
        Number of weights.
    file : str
        Weights file (safetensors) beside the card.
    sha256 : str
        Of the weights file.
    license : str
        Of the weights.
    data : str
        What it was trained on, with license.
    noise_convention : str
    intended_use, limits : str
    recipe : mapping
        The whole training recipe.
    training : mapping
        What happened: steps, minutes, machine, versions.
    scores : mapping
        Measured on data the model never saw, beside the untouched input and the best classical filter.
    """

    name: str
    label: str
    description: str
    architecture: str
    arguments: Mapping[str, Any]
    parameters: int
    file: str
    sha256: str
    license: str
    data: str
    noise_convention: str
    intended_use: str
    limits: str
    recipe: Mapping[str, Any]
    training: Mapping[str, Any]
    scores: Mapping[str, Any]

    @property
    def is_generative(self) -> bool:
        """Whether it was trained against discriminators, and may show what is not there."""
        return bool(self.recipe.get("step") == "gan")

    @property
    def white(self) -> float | None:
        """Intensity that counts as 1 for the network, in units of the brightest tissue; None if any unit will do.

        Raises
        ------
        ModelError
            If it is no positive number, or a generative network has none.
        """
        section = "gan" if self.is_generative else "network"
        white = self.recipe.get(section, {}).get("white")
        if white is None and not self.is_generative:
            return None
        if not isinstance(white, int | float) or not 0 < white < math.inf:
            raise ModelError(
                f"The card of '{self.name}' does not tell the intensity 'white' of its recipe: train it anew."
            )
        return float(white)

    @classmethod
    def from_json(cls, path: Path) -> Self:
        """Read a card.

        Raises
        ------
        ModelError
            If it is not JSON, or an entry is missing or unknown.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as problem:
            raise ModelError(f"The model card {path.name} cannot be read ({problem}): reinstall quietmr.") from None
        wanted = {field.name for field in fields(cls)}
        if not isinstance(content, dict) or set(content) != wanted:
            odd = sorted(wanted.symmetric_difference(content)) if isinstance(content, dict) else ["not an object"]
            raise ModelError(f"The model card {path.name} has missing or unknown entries: {', '.join(odd)}.")
        return cls(**content)
