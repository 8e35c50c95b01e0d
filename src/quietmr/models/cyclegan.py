"""CycleGAN (Zhu et al. 2017, ICCV): its generator, which denoises, and its discriminator, which trains it."""

from torch import Tensor, nn

from quietmr.models.channels import check_counts
from quietmr.models.planar import residual_pair
from quietmr.models.slicewise import Slicewise
from quietmr.models.translation import (
    Unsigned,
    check_translation,
    choose_norm,
    contracting,
    critic_layers,
    expanding,
    start_small,
)


class CycleGenerator(nn.Sequential):
    """A ResNet between a contracting and an expanding part; values from -1 to 1.

    Maps (N, channels, Y, X), Y and X multiples of 4 and at least 8, to the same shape.

    Parameters
    ----------
    channels, width, blocks : int
        9 residual blocks as published, 6 for crops of 128.
    norm : str
        "instance" or "none".
    """

    def __init__(self, channels: int = 1, width: int = 64, blocks: int = 9, norm: str = "instance") -> None:
        make = choose_norm(norm)
        super().__init__(
            contracting(channels, width, make, nn.Sequential(make(width), nn.ReLU()), "zeros"),
            *(residual_pair(4 * width, norm=make, padding_mode="reflect") for _ in range(blocks)),
            expanding(width, channels, make),
        )
        start_small(self, norm)


class PatchCritic(nn.Module):
    """PatchGAN: one score for each patch of 70 x 70 pixels.

    Parameters
    ----------
    channels, width : int
    norm : str
        "instance" or "none".
    """

    def __init__(self, channels: int = 1, width: int = 64, norm: str = "instance") -> None:
        super().__init__()
        self.body = critic_layers(channels, width, (2, 2, 2, 1), choose_norm(norm), 0.2, "zeros")
        self.head = nn.Conv2d(8 * width, 1, 4, 1, 1)
        start_small(self, norm)

    def forward(self, x: Tensor) -> Tensor:
        """Score images from -1 to 1, (N, channels, Y, X) with Y and X of at least 32: (N, 1, about Y / 8, X / 8)."""
        scores: Tensor = self.head(self.body(x))
        return scores


def as_network(generator: CycleGenerator) -> Slicewise:
    """Make of a generator of clean images, for -1 to 1, the network that the registry has by name, for 0 to 1."""
    return Slicewise(Unsigned(generator), 1, 1, step=4, least=8)


def build_cyclegan(
    in_channels: int = 1, out_channels: int = 1, *, width: int = 64, blocks: int = 9, norm: str = "instance"
) -> Slicewise:
    """Build the generator that makes clean images of noisy ones; see :class:`CycleGenerator` for the arguments.

    Images are expected between 0 and 1, and so is the output.

    Raises
    ------
    ModelError
        If it is asked for complex images or a noise map, or the norm is unknown.
    """
    check_translation("cyclegan", in_channels, out_channels)
    check_counts("cyclegan", width=width, blocks=blocks)
    return as_network(CycleGenerator(in_channels, width, blocks, norm))
