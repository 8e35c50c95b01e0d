"""Which images look real, at several scales."""

from torch import Tensor, nn
from torch.nn import functional

from quietmr.models.translation import NORMS, critic_layers, start_small


class MultiScaleCritic(nn.Module):
    """Three discriminators without norm, on the image, half of it and a quarter of it.

    Parameters
    ----------
    width : int
    scales : int
    """

    def __init__(self, width: int = 64, scales: int = 3) -> None:
        super().__init__()
        self.critics = nn.ModuleList(
            nn.Sequential(
                critic_layers(1, width, (2, 2, 2, 2), NORMS["none"], 0.01, "reflect"), nn.Conv2d(8 * width, 1, 1)
            )
            for _ in range(scales)
        )
        start_small(self)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Score images from -1 to 1, (N, 1, Y, X) with Y and X of at least 64: scores (logits) of patches per scale."""
        scores = []
        for critic in self.critics:
            scores.append(critic(x))
            x = functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
        return scores
