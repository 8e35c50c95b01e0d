"""Networks for pictures from 0 to 1, on pictures that are in that range as they come.

Only for rerunning papers whose pictures have no unit: whoever denoises scans measures their noise and their brightest
tissue (:mod:`quietmr.denoise.run`).
"""

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from quietmr.data import InputError
from quietmr.denoise.classical import CLASSICAL
from quietmr.denoise.engines import DEFAULT_ENGINE, start_engine
from quietmr.denoise.presets import PRESETS
from quietmr.models import ARCHITECTURES, Card, create_model, load_card


@dataclass(frozen=True)
class UnitPictures:
    """Run a network on pictures from 0 to 1, one at a time; no noise level, no unit of intensity.

    Parameters
    ----------
    model : str
        Name or path of a trained model for images from 0 to 1 that is not told the noise.
    device : str
        "auto", "cpu", "cuda" ...
    progress : callable, optional
        Is told the done part, 0 to 1.

    Raises
    ------
    InputError
        If it is another kind of method; what kind is said.
    ModelError
        If there is no such model.
    """

    model: str
    device: str = "auto"
    progress: Callable[[float], None] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        check_unit_network(self.model)

    def __call__(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """Denoise pictures (N, Y, X); the results may leave 0 to 1."""
        # Infinite SNR: nothing is known about the noise, so nothing is computed in fewer bits.
        runner = start_engine(DEFAULT_ENGINE, create_model(self.model), self.device, math.inf)
        made = np.empty_like(pictures, dtype=np.float32)
        for i, picture in enumerate(pictures):
            made[i] = runner(np.ascontiguousarray(picture, np.float32)[None, None])[0, 0]
            if self.progress is not None:
                self.progress((i + 1) / len(pictures))
        return made


def check_unit_network(model: str) -> Card:
    """Refuse what does not map a picture from 0 to 1 to one, and nothing else; gives the card.

    Raises
    ------
    InputError, ModelError
        See :class:`UnitPictures`.
    """
    if model in CLASSICAL or model in PRESETS:
        raise InputError(
            f"'{model}' is no network for pictures from 0 to 1, it works in units of measured noise: name one that was "
            "trained on images from 0 to 1, such as a denoisenet."
        )
    card = load_card(model)
    if not _wants_unit_range(card):
        raise InputError(
            f"The network '{card.name}' is not for pictures from 0 to 1 (its recipe has no 'white', its architecture "
            "no sigmoid), and would be shown values that it never saw: name one that was trained on such images."
        )
    network = create_model(model, pretrained=False)
    channels = getattr(network, "in_channels", None), getattr(network, "out_channels", None)
    if channels != (1, 1):
        raise InputError(
            f"The network '{card.name}' is told the noise level, which pictures without a unit have not: name a blind "
            "one (in_channels: 1, out_channels: 1)."
        )
    return card


def _wants_unit_range(card: Card) -> bool:
    """Whether a network was trained on images from 0 to 1, or can make no others."""
    if card.white is not None:
        return True
    head = inspect.signature(ARCHITECTURES[card.architecture]).parameters.get("head")
    return head is not None and card.arguments.get("head", head.default) == "sigmoid"
