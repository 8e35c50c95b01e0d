"""The self-guided disentangled GAN, with the equations that it shares with UID-GAN (Lu, Chen, Chellappa 2019, CVPR)."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from quietmr.models.disentangled import DisentangledGan, as_network
from quietmr.training.gan.family import Crossing
from quietmr.training.gan.terms import Likeness, cross_entropy, distance, judged


class Disentangled:
    """Content encoders, noise encoder, generators, discriminators (:class:`quietmr.training.gan.family.Family`).

    The noise code of both crossings is drawn from the law of the noisy image; that of both ways back from the law of
    the noisy image that was made (in the paper, and in the code of UID-GAN, E^n(fakel) feeds both).

    Parameters
    ----------
    likeness : callable
        What the perceptual terms compare images by.
    share, field_planes, arguments
        See :class:`quietmr.models.disentangled.DisentangledGan`.
    """

    judge = staticmethod(cross_entropy)

    def __init__(self, likeness: Likeness, share: str, field_planes: int, **arguments: Any) -> None:
        own = {key: value for key, value in arguments.items() if key in ("width", "code_size", "norm")}
        self.gan = DisentangledGan(**own, share=share, field_planes=field_planes)
        self.likeness = likeness
        self.noisy_critic, self.clean_critic = self.gan.noisy_critic, self.gan.clean_critic
        self.network = as_network(self.gan.denoiser())

    def cross(self, noisy: Tensor, clean: Tensor, rng: torch.Generator) -> Crossing:
        """See :class:`quietmr.training.gan.family.Family`."""
        gan, planes = self.gan, self.gan.to_noisy.field_planes
        law = gan.noise(noisy)
        code = law.draw(rng)
        noisy_content, clean_content = gan.noisy_content(noisy), gan.clean_content(clean)

        def to_noisy(content: Tensor, code: Tensor) -> Tensor:
            image: Tensor = gan.to_noisy(content, code, _field(noisy, planes, rng))
            return image

        made_clean, made_noisy = gan.to_clean(noisy_content, code), to_noisy(clean_content, code)

        def cycle() -> Tensor:
            again = gan.noise(made_noisy).draw(rng)
            clean_again = gan.to_clean(gan.noisy_content(made_noisy), again)
            noisy_again = to_noisy(gan.clean_content(made_clean), again)
            return distance(clean_again, clean) + distance(noisy_again, noisy)

        terms: dict[str, Callable[[], Tensor]] = {
            "adversarial": lambda: (
                judged(gan.clean_critic(made_clean), self.judge, is_real=True)
                + judged(gan.noisy_critic(made_noisy), self.judge, is_real=True)
            ),
            "kl": law.divergence,
            "cycle": cycle,
            "self_reconstruction": lambda: (
                distance(to_noisy(noisy_content, code), noisy) + distance(gan.to_clean(clean_content, code), clean)
            ),
            "perceptual": lambda: self.likeness(made_clean, noisy),
            "perceptual_noisy": lambda: self.likeness(made_noisy, clean),
        }
        return Crossing(made_noisy, made_clean, terms)


def _field(image: Tensor, planes: int, rng: torch.Generator) -> Tensor | None:
    """White noise for a generator that takes some."""
    if planes == 0:
        return None
    return torch.randn((len(image), planes, *image.shape[-2:]), generator=rng, device=rng.device)
