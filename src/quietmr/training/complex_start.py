"""A network for complex images that begins with the weights of one for magnitudes."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from quietmr.data import ModelError
from quietmr.models import Card, build_architecture

_EDGES = ("stem.weight", "head.weight")
_FOLDED = 4  # channels that one image channel is folded into (UNet3d.fold)


def for_complex(network: nn.Module, card: Card) -> tuple[nn.Module, Card]:
    """Make a complex network of a magnitude one; a complex one stays as it is.

    All inner weights are kept. Each filter of the first convolution looks at the projection of the complex image onto
    a phase of its own (cosine and sine of angles spread evenly over the circle, as weights of real and imaginary
    part). The last one starts at 0, so that the network starts as the identity: weights of a magnitude mean nothing to
    features of all phases (taken over, they made images 5 dB worse than no network).

    Raises
    ------
    ModelError
        If the network is one for magnitudes and no ``unet3d``.
    """
    if card.arguments.get("out_channels", 1) == 2:
        return network, card
    if card.architecture != "unet3d":
        raise ModelError(
            f"'{card.name}' is a {card.architecture} and cannot become a network for complex images: start from a "
            "unet3d, such as quiet-fast, or from random weights."
        )
    arguments = {**card.arguments, "in_channels": 3, "out_channels": 2}
    complex_network = build_architecture(card.architecture, **arguments)
    complex_network.load_state_dict(_adapted(network.state_dict()))
    return complex_network, replace(card, arguments=arguments)


def _adapted(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    stem, head = (weights[name] for name in _EDGES)
    image, sigma = stem[:, :_FOLDED], stem[:, _FOLDED:]
    angle = (2 * torch.pi * torch.arange(len(stem)) / len(stem)).reshape(-1, 1, 1, 1, 1)
    inner = {name: value for name, value in weights.items() if name not in _EDGES}
    return {
        **inner,
        "stem.weight": torch.cat([image * angle.cos(), image * angle.sin(), sigma], dim=1),
        "head.weight": torch.zeros(2 * len(head), *head.shape[1:]),
    }


def check_channels(network: nn.Module, channels: str) -> None:
    """Refuse a network whose last convolution makes something else than images of the recipe.

    Raises
    ------
    ModelError
    """
    wanted = 2 if channels == "complex" else 1
    made = getattr(network, "out_channels", wanted)
    if made != wanted:
        raise ModelError(
            f"The recipe has channels: {channels}, for which a network gives {wanted} channels, and this one gives "
            f"{made}: set network.arguments.in_channels and out_channels to {wanted + 1} and {wanted}."
        )
