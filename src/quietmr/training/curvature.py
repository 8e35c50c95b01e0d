"""Curvature of a loss along each weight, for Sophia: the Gauss-Newton-Bartlett estimator adapted to regression."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Compare = Callable[[Tensor, Tensor, Tensor], Tensor]


def gauss_newton_bartlett(
    output: Tensor, target: Tensor, sigma: Tensor, loss: Compare, weights: Sequence[Tensor], rng: torch.Generator
) -> list[Tensor]:
    """Estimate the diagonal of the Gauss-Newton matrix of a loss; never negative.

    Liu et al. 2023 draw class labels from the network's own distribution and square the gradient of the mean loss
    against them, which has the Gauss-Newton diagonal as its mean. A regression has no distribution of its own, so it is
    given one: each sample's loss is replaced by the quadratic ``p / 2 |output - target|^2`` whose slope along the
    residual is that of the loss,

        p = <d loss / d output, residual> / |residual|^2, at least 0

    (the weights of iteratively reweighted least squares; exact for squared errors). It is the negative logarithm of a
    Gaussian density around the output with precision p. With a target drawn from it, ``output + z / sqrt(p)``, the
    gradient along the weights is ``-J^T sqrt(p) z``; its square has the mean ``diag(J^T p J)``.

    Parameters
    ----------
    output : Tensor, shape (B, C, F, Y, X)
        Of the network, with its graph; the graph is used up.
    target : Tensor, shape (B, C, F, Y, X)
    sigma : Tensor, shape (B, 1, F, Y, X)
    loss : callable
        Function of output, target and sigma.
    weights : sequence of Tensor
    rng : torch.Generator
        On the device of the output.

    Returns
    -------
    list of Tensor
        One estimate of the shape of each weight; zeros for a weight that the output does not depend on.
    """
    seen = output.detach().requires_grad_()
    (slope,) = torch.autograd.grad(loss(seen, target, sigma), seen)
    residual = output.detach() - target
    axes = tuple(range(1, output.ndim))
    power = residual.square().sum(axes, keepdim=True)
    precision = ((slope * residual).sum(axes, keepdim=True) / power.clamp_min(1e-30)).clamp_min(0)
    draw = torch.randn(output.shape, generator=rng, device=rng.device)
    pulls = torch.autograd.grad(output, weights, precision.sqrt() * draw, allow_unused=True)
    return [torch.zeros_like(w) if pull is None else pull.square() for w, pull in zip(weights, pulls, strict=True)]
