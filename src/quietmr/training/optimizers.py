"""Which optimizer moves which weights."""

import torch
from torch import nn

from quietmr.training.muon import Muon
from quietmr.training.optimizer_recipe import OptimizerRecipe
from quietmr.training.rates import cycled_momentum, rate
from quietmr.training.sign_momentum import SignMomentum
from quietmr.training.sophia import Sophia

# Linear layers, convolutions in two and in three dimensions.
_MATRIX_RANKS = (2, 4, 5)


def make_optimizers(network: nn.Module, settings: OptimizerRecipe) -> list[torch.optim.Optimizer]:
    """Make the optimizers of a recipe at their full rates, which they remember (``initial_lr``).

    ``muon`` is two of them: Muon for inner weights, AdamW for the first and the last convolution, as ``training_lab``
    measured best.
    """
    weights = [p for p in network.parameters() if p.requires_grad]
    optimizers: list[torch.optim.Optimizer]
    if settings.kind == "muon":
        optimizers = _muon_and_adamw(network, settings)
    elif settings.kind in ("adam", "adamw"):
        make = torch.optim.Adam if settings.kind == "adam" else torch.optim.AdamW
        betas = (settings.beta1, 0.999)
        optimizers = [make(weights, settings.lr_adam, betas=betas, weight_decay=settings.weight_decay)]
    elif settings.kind == "sophia":
        scale, decay = settings.hessian_scale, settings.weight_decay
        optimizers = [Sophia(weights, settings.lr_sign, scale=scale, weight_decay=decay)]
    else:
        optimizers = [SignMomentum(weights, settings.lr_sign)]
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
    return optimizers


def _muon_and_adamw(network: nn.Module, settings: OptimizerRecipe) -> list[torch.optim.Optimizer]:
    weights = {name: weight for name, weight in network.named_parameters() if weight.requires_grad}
    moved = inner_matrices(network)
    inner = [weight for name, weight in weights.items() if name in moved]
    outer = [weight for name, weight in weights.items() if name not in moved]
    muon = [Muon(inner, settings.lr_muon)] if inner else []
    adamw = [torch.optim.AdamW(outer, settings.lr_adam, weight_decay=0.0)] if outer else []
    return [*muon, *adamw]


def inner_matrices(network: nn.Module) -> set[str]:
    """Names of the weights that Muon moves: those of linear layers and convolutions, but for the first and the last.

    Biases, scales of normalizations (a map of channels, rows and columns in the faithful forms of SNRAware) and tables
    of positions are no maps between channels. Networks hold their layers in the order of the way through them.
    """
    weights = network.named_parameters()
    maps = [name for name, weight in weights if name.endswith("weight") and weight.ndim in _MATRIX_RANKS]
    return set(maps[1:-1])


def set_rates(
    optimizers: list[torch.optim.Optimizer], step: int, steps: int, settings: OptimizerRecipe, pace: float = 1.0
) -> None:
    """Set learning rates, and what the schedule changes with them, for one step; ``pace`` multiplies all rates."""
    share = pace * rate(step, steps, settings)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * share
            if isinstance(optimizer, SignMomentum) and settings.schedule == "one-cycle":
                group["momentum"] = cycled_momentum(step, steps)
