"""Networks, registry, cards, weights. Networks see tensors only."""

from quietmr.models.card import Card
from quietmr.models.origins import ORIGINS, Origin
from quietmr.models.registry import (
    ARCHITECTURES,
    build_architecture,
    count_parameters,
    create_model,
    is_model_path,
    list_models,
    load_card,
    load_weights,
    to_channels_last,
)

__all__ = [
    "ARCHITECTURES",
    "ORIGINS",
    "Card",
    "Origin",
    "build_architecture",
    "count_parameters",
    "create_model",
    "is_model_path",
    "list_models",
    "load_card",
    "load_weights",
    "to_channels_last",
]
