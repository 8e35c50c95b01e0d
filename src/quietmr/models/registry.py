"""Names of architectures and the classes behind them."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from quietmr.data import ModelError
from quietmr.models.unet3d import UNet3d

ARCHITECTURES: Mapping[str, Callable[..., nn.Module]] = {"unet3d": UNet3d}


def build_architecture(name: str, **arguments: Any) -> nn.Module:
    """Build a network without weights.

    Raises
    ------
    ModelError
        If the architecture is unknown.
    """
    if name not in ARCHITECTURES:
        raise ModelError(f"There is no architecture '{name}'; known ones: {', '.join(sorted(ARCHITECTURES))}.")
    return ARCHITECTURES[name](**arguments)
