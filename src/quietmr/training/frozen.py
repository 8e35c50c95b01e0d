"""Weights that a fine-tuning leaves as they are."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import nn

from quietmr.data import ModelError

_SHOWN = 4


def freeze(network: nn.Module, patterns: Sequence[str]) -> None:
    """Exclude weights from training: they are marked as needing no gradient, and optimizers leave them out.

    Parameters
    ----------
    network : nn.Module
    patterns : sequence of str
        See :func:`frozen_names`.

    Raises
    ------
    ModelError
        See :func:`frozen_names`.
    """
    for name in frozen_names(network, patterns):
        network.get_parameter(name).requires_grad_(False)  # noqa: FBT003


def frozen_names(network: nn.Module, patterns: Sequence[str]) -> list[str]:
    """List the weights that patterns mean.

    Parameters
    ----------
    network : nn.Module
    patterns : sequence of str
        Of names of weights, as file names have them: ``stem.*``, ``down.0.*``.

    Raises
    ------
    ModelError
        If a pattern means no weight, or together they mean all.
    """
    names = [name for name, _ in network.named_parameters()]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            first = sorted({name.split(".")[0] for name in names})
            shown = ", ".join(f"{name}.*" for name in first[:_SHOWN]) + (" ..." if len(first) > _SHOWN else "")
            raise ModelError(f"No weight of the network is called like '{pattern}' (freeze): there are {shown}.")
    found = [name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)]
    if found and len(found) == len(names):
        raise ModelError("'freeze' means all weights of the network, so nothing would be learned: leave some out.")
    return found
