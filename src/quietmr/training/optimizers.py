"""Which optimizer moves which weights, and how fast."""

import torch
from torch import nn

from quietmr.training.muon import Muon
from quietmr.training.recipe import OptimizerRecipe


def make_optimizers(network: nn.Module, settings: OptimizerRecipe) -> list[torch.optim.Optimizer]:
    """Muon for inner weights, AdamW for the first and the last convolution, as ``training_lab`` measured best."""
    weights = [p for p in network.parameters() if p.requires_grad]
    edge = {id(p) for name, p in network.named_parameters() if name.startswith(("stem", "head")) or p.ndim < 2}
    inner = [p for p in weights if id(p) not in edge]
    outer = [p for p in weights if id(p) in edge]
    return [Muon(inner, settings.lr_muon), torch.optim.AdamW(outer, settings.lr_adam, weight_decay=0.0)]


def rate(step: int, steps: int, settings: OptimizerRecipe) -> float:
    """Part of the full learning rate at a step: linear warm-up, flat, linear decay to 0."""
    warm = min(1.0, (step + 1) / max(1, settings.warmup))
    left = (steps - step) / max(1.0, steps * (1.0 - settings.flat))
    return max(0.0, min(warm, left, 1.0))
