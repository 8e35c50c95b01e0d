"""How learning rate and momentum change during a run."""

import math

from quietmr.training.optimizer_recipe import OptimizerRecipe

# torch's OneCycleLR with the settings of SNRAware's reference: where the peak is, and the first and last rate.
_PEAK, _FIRST, _LAST = 0.3, 1 / 25, 1 / 25 / 1e4
_MOMENTUM_AT_PEAK, _MOMENTUM_AT_ENDS = 0.85, 0.95


def rate(step: int, steps: int, settings: OptimizerRecipe) -> float:
    """Part of the full learning rate at a step, 0 to 1."""
    if settings.schedule == "one-cycle":
        return one_cycle(step, steps, _FIRST, 1.0, _LAST)
    warm = min(1.0, (step + 1) / max(1, settings.warmup))
    if settings.schedule == "plateau":
        return warm
    left = (steps - step) / max(1.0, steps * (1.0 - settings.flat))
    return max(0.0, min(warm, left, 1.0))


def cycled_momentum(step: int, steps: int) -> float:
    """Momentum that the reference of SNRAware really runs with: its schedule replaces the configured 0.9."""
    return one_cycle(step, steps, _MOMENTUM_AT_ENDS, _MOMENTUM_AT_PEAK, _MOMENTUM_AT_ENDS)


def one_cycle(step: int, steps: int, first: float, peak: float, last: float) -> float:
    """Half a cosine from ``first`` to ``peak`` over 30 % of the run, and another to ``last`` (Smith, Topin 2019)."""
    top = _PEAK * steps - 1
    if step <= top:
        return _half_cosine(first, peak, step / top)
    return _half_cosine(peak, last, min(1.0, (step - max(0.0, top)) / max(1.0, steps - 1 - max(0.0, top))))


def _half_cosine(begin: float, end: float, part: float) -> float:
    return end + (begin - end) * (1 + math.cos(math.pi * part)) / 2
