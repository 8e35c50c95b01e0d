"""What a GAN step must know of a GAN: the contract between the step and the families."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from quietmr.training.gan.terms import Judge

Terms = Mapping[str, Callable[[], Tensor]]


class Crossing(NamedTuple):
    """A batch carried over to the other domain; images (N, 1, Y, X) from -1 to 1.

    Attributes
    ----------
    made_noisy, made_clean : Tensor
        Of clean and of noisy images.
    terms : mapping
        What the generators minimize by name, computed when called.
    """

    made_noisy: Tensor
    made_clean: Tensor
    terms: Terms


class Family(Protocol):
    """A kind of GAN.

    Attributes
    ----------
    gan : nn.Module
        All weights.
    network : nn.Module
        The part of it that denoises, as the registry builds it.
    noisy_critic, clean_critic : nn.Module
        Discriminators of the domains.
    judge : callable
        How scores are compared with labels.
    """

    @property
    def gan(self) -> nn.Module: ...  # noqa: D102 - see above
    @property
    def network(self) -> nn.Module: ...  # noqa: D102
    @property
    def noisy_critic(self) -> nn.Module: ...  # noqa: D102
    @property
    def clean_critic(self) -> nn.Module: ...  # noqa: D102
    @property
    def judge(self) -> Judge: ...  # noqa: D102

    def cross(self, noisy: Tensor, clean: Tensor, rng: torch.Generator) -> Crossing:
        """Carry noisy images to the clean domain and clean ones to the noisy domain."""
        ...
