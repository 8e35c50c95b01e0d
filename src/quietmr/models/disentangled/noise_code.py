"""The noise of an image as a few numbers with their uncertainty."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from quietmr.models.planar import Residual, convolution


class Posterior(NamedTuple):
    """Normal law of the noise code of each image.

    Attributes
    ----------
    mean, log_variance : Tensor, shape (N, D)
    """

    mean: Tensor
    log_variance: Tensor

    def draw(self, rng: torch.Generator) -> Tensor:
        """Draw a code of each image, (N, D), with gradients to mean and variance."""
        white = torch.randn(self.mean.shape, generator=rng, device=rng.device, dtype=self.mean.dtype)
        return self.mean + (0.5 * self.log_variance).exp() * white.to(self.mean.device)

    def divergence(self) -> Tensor:
        """Kullback-Leibler divergence from the standard normal law, summed over numbers and images (paper, L_KL)."""
        return 0.5 * (self.mean.square() + self.log_variance.exp() - self.log_variance - 1).sum()


def _halving(before: int, after: int) -> Residual:
    """Pre-activated residual block that halves the image by means."""
    return Residual(
        nn.LeakyReLU(0.2),
        convolution(before, before, padding_mode="reflect"),
        nn.LeakyReLU(0.2),
        convolution(before, after, padding_mode="reflect"),
        nn.AvgPool2d(2),
        skip=nn.Sequential(nn.AvgPool2d(2), convolution(before, after, 1)),
    )


class NoiseEncoder(nn.Module):
    """Noise code of noisy images; without any norm, for a norm would take the noise level away.

    Parameters
    ----------
    width : int
        Channels behind the first convolution.
    size : int
        Numbers of a code.
    """

    def __init__(self, width: int = 64, size: int = 8) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, width, 4, 2, 1, padding_mode="reflect"),
            *(_halving(n * width, (n + 1) * width) for n in (1, 2, 3)),
            nn.LeakyReLU(0.2),
        )
        self.mean, self.log_variance = (nn.Linear(4 * width, size) for _ in range(2))

    def forward(self, x: Tensor) -> Posterior:
        """Encode images from -1 to 1: (N, 1, Y, X), Y and X multiples of 16 and at least 32."""
        pooled = self.body(x).mean((2, 3))
        return Posterior(self.mean(pooled), self.log_variance(pooled))
