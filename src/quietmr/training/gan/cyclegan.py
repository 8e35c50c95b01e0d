"""CycleGAN (Zhu et al. 2017, ICCV): two generators that undo each other."""

from typing import Any

import torch
from torch import Tensor, nn

from quietmr.models.cyclegan import CycleGenerator, PatchCritic, as_network
from quietmr.training.gan.family import Crossing
from quietmr.training.gan.terms import distance, judged, least_squares


class CycleGan:
    """Two generators and two discriminators (:class:`quietmr.training.gan.family.Family`).

    Parameters
    ----------
    width, blocks, norm
        Of the generators (:class:`quietmr.models.cyclegan.CycleGenerator`); discriminators are as wide.
    """

    judge = staticmethod(least_squares)

    def __init__(self, width: int = 64, blocks: int = 9, norm: str = "instance", **channels: Any) -> None:
        del channels  # 1 and 1: the registry refuses others
        self.to_clean, self.to_noisy = (CycleGenerator(1, width, blocks, norm) for _ in range(2))
        self.noisy_critic, self.clean_critic = (PatchCritic(1, width, norm) for _ in range(2))
        self.gan = nn.ModuleDict(
            {
                "to_clean": self.to_clean,
                "to_noisy": self.to_noisy,
                "noisy_critic": self.noisy_critic,
                "clean_critic": self.clean_critic,
            }
        )
        self.network = as_network(self.to_clean)

    def cross(self, noisy: Tensor, clean: Tensor, rng: torch.Generator) -> Crossing:
        """See :class:`quietmr.training.gan.family.Family`."""
        del rng
        made_clean, made_noisy = self.to_clean(noisy), self.to_noisy(clean)
        return Crossing(
            made_noisy,
            made_clean,
            {
                "adversarial": lambda: (
                    judged(self.clean_critic(made_clean), self.judge, is_real=True)
                    + judged(self.noisy_critic(made_noisy), self.judge, is_real=True)
                ),
                "cycle": lambda: (
                    distance(self.to_noisy(made_clean), noisy) + distance(self.to_clean(made_noisy), clean)
                ),
                "identity": lambda: distance(self.to_clean(clean), clean) + distance(self.to_noisy(noisy), noisy),
            },
        )
