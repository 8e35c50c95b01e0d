"""Sophia (Liu et al. 2023, "Sophia: a scalable stochastic second-order optimizer", algorithm 3)."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

_TINY = 1e-15


class Sophia(Optimizer):
    """Averaged gradient over averaged curvature, each weight moved by the learning rate at most.

    ``m <- b1 m + (1 - b1) g``, and every few steps ``h <- b2 h + (1 - b2) h_new``; then
    ``weight <- weight - lr decay weight - lr clip(m / max(scale h, tiny), 1)``. Where the curvature is small or was
    never measured this is signed momentum; where it is large, a Newton step. The estimates of the curvature come from
    :mod:`quietmr.training.curvature` and are handed to :meth:`update_hessian`.

    Parameters
    ----------
    params : iterable of Tensor
    lr : float
    betas : (float, float)
        Weight of the past in the averages of gradient and curvature.
    scale : float
        Gamma of the paper: the smaller, the more weights move by the full learning rate.
    weight_decay : float
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 3e-4,
        betas: tuple[float, float] = (0.96, 0.99),
        scale: float = 0.05,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "scale": scale, "weight_decay": weight_decay})

    def weights(self) -> list[Tensor]:
        """All weights, in the order in which :meth:`update_hessian` wants their curvature."""
        return [weight for group in self.param_groups for weight in group["params"]]

    @torch.no_grad()
    def update_hessian(self, estimates: Sequence[Tensor]) -> None:
        """Average a new estimate of the curvature of each weight into the old ones.

        Parameters
        ----------
        estimates : sequence of Tensor
            Diagonal of the Hessian or of a stand-in that is never negative, as :meth:`weights` orders it.
        """
        decays = [group["betas"][1] for group in self.param_groups for _ in group["params"]]
        for weight, estimate, decay in zip(self.weights(), estimates, decays, strict=True):
            self._state(weight)["hessian"].lerp_(estimate, 1 - decay)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """Take one step."""
        loss = closure() if closure is not None else None
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self._state(weight)
                state["momentum"].lerp_(weight.grad, 1 - group["betas"][0])
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                floor = (group["scale"] * state["hessian"]).clamp_min(_TINY)
                weight.add_((state["momentum"] / floor).clamp(-1, 1), alpha=-group["lr"])
        return loss

    def _state(self, weight: Tensor) -> dict[str, Tensor]:
        state: dict[str, Tensor] = self.state[weight]
        if not state:
            state["momentum"], state["hessian"] = torch.zeros_like(weight), torch.zeros_like(weight)
        return state
