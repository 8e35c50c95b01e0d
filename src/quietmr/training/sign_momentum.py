"""Signed momentum (Signum, Bernstein et al. 2018)."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


class SignMomentum(Optimizer):
    """Move every weight by exactly the learning rate, against the sign of its averaged gradient.

    What the reference code of SNRAware runs under the name Sophia: its Hessian is never updated and stays 0, so that
    the ratio it clips is always 1.

    Parameters
    ----------
    params : iterable of Tensor
    lr : float
    momentum : float
        Weight of the past in the average of the gradients.
    """

    def __init__(self, params: Iterable[Tensor], lr: float = 3e-4, momentum: float = 0.9) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """Take one step."""
        loss = closure() if closure is not None else None
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(weight)
                state["momentum"].lerp_(weight.grad, 1 - group["momentum"])
                weight.add_(state["momentum"].sign(), alpha=-group["lr"])
        return loss
