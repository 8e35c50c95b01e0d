"""All parts together, for training, and the way through them that denoises."""

from functools import partial

from torch import Tensor, nn

from quietmr.data import ModelError
from quietmr.models.channels import check_counts
from quietmr.models.disentangled.content import ContentEncoder, shared_block
from quietmr.models.disentangled.critic import MultiScaleCritic
from quietmr.models.disentangled.generator import Generator
from quietmr.models.disentangled.noise_code import NoiseEncoder
from quietmr.models.slicewise import Slicewise
from quietmr.models.translation import NORMS, check_translation, choose_norm, start_small, to_signed, to_unsigned

SHARES = ("all", "last")


class DisentangledDenoiser(nn.Module):
    """Denoise: content of the noisy image, its noise code, the generator of clean images.

    The code is the mean of its law, not a draw: the same image gives the same result, always.

    Parameters
    ----------
    content : ContentEncoder
    noise : NoiseEncoder
    generator : Generator
    """

    def __init__(self, content: nn.Module, noise: nn.Module, generator: nn.Module) -> None:
        super().__init__()
        self.content, self.noise, self.generator = content, noise, generator

    def forward(self, x: Tensor) -> Tensor:
        """Map images from 0 to 1, (N, 1, Y, X), Y and X multiples of 16 and at least 32, to the same."""
        image = to_signed(x)
        return to_unsigned(self.generator(self.content(image), self.noise(image).mean))


class DisentangledGan(nn.Module):
    """What is trained: encoders, generators, discriminators of the noisy (L) and the clean (H) domain.

    Parameters
    ----------
    width : int
        Channels at full resolution.
    code_size : int
        Numbers of a noise code.
    share : str
        "all": one content encoder for both domains, as the paper says; "last": its last block only, as in UID-GAN.
    norm : str
        "instance", as published, or "none", which keeps absolute intensities.
    field_planes : int
        Planes of white noise that the generator of noisy images takes (:class:`Generator`); none as published.

    Attributes
    ----------
    noisy_content, clean_content : ContentEncoder
    noise : NoiseEncoder
    to_noisy, to_clean : Generator
    noisy_critic, clean_critic : MultiScaleCritic

    Raises
    ------
    ModelError
        If a choice is unknown.
    """

    def __init__(
        self, width: int = 64, code_size: int = 8, share: str = "all", norm: str = "instance", field_planes: int = 0
    ) -> None:
        super().__init__()
        if share not in SHARES:
            raise ModelError(f"Content encoders share '{share}', which is unknown; known ones: {', '.join(SHARES)}.")
        make = choose_norm(norm)
        # One group: over all channels and places of an image, with a scale and a shift for each channel.
        stage_norm = partial(nn.GroupNorm, 1) if norm == "instance" else NORMS["none"]
        last, first = shared_block(width, make), shared_block(width, make)
        self.noisy_content = ContentEncoder(width, make, last)
        self.clean_content = self.noisy_content if share == "all" else ContentEncoder(width, make, last)
        self.noise = NoiseEncoder(width, code_size)
        self.to_noisy = Generator(width, code_size, make, first, stage_norm, field_planes)
        self.to_clean = Generator(width, code_size, make, first, stage_norm)
        self.noisy_critic, self.clean_critic = MultiScaleCritic(width), MultiScaleCritic(width)
        start_small(self, norm)

    def denoiser(self) -> DisentangledDenoiser:
        """Return the way that denoises, with the weights of this GAN."""
        return DisentangledDenoiser(self.noisy_content, self.noise, self.to_clean)


def as_network(denoiser: DisentangledDenoiser) -> Slicewise:
    """Make of a way that denoises, such as that of a trained GAN, the network that the registry has by name."""
    return Slicewise(denoiser, 1, 1, step=16, least=32)


def build_disentangled_gan(
    in_channels: int = 1, out_channels: int = 1, *, width: int = 64, code_size: int = 8, norm: str = "instance"
) -> Slicewise:
    """Build what denoises; see :class:`DisentangledGan` for the arguments, and for what training needs besides.

    Images are expected between 0 and 1, and so is the output.

    Raises
    ------
    ModelError
        If it is asked for complex images or a noise map, or the norm is unknown.
    """
    check_translation("disentangled-gan", in_channels, out_channels)
    check_counts("disentangled-gan", width=width, code_size=code_size)
    return as_network(DisentangledGan(width, code_size, norm=norm).denoiser())
