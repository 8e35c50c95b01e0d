"""What networks that translate images between two domains have in common (CycleGAN, UID-GAN and their like)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from quietmr.data import ModelError
from quietmr.models.channels import MAGNITUDE, check_channels
from quietmr.models.planar import Norm, Padding, convolution

# Instance normalization takes the mean intensity off every image.
NORMS: Mapping[str, Norm] = {"instance": nn.InstanceNorm2d, "none": lambda channels: nn.Identity()}


def choose_norm(name: str) -> Norm:
    """Find a normalization by its name.

    Raises
    ------
    ModelError
        If the name is unknown.
    """
    if name not in NORMS:
        raise ModelError(f"There is no norm '{name}' for networks of two domains; known ones: {', '.join(NORMS)}.")
    return NORMS[name]


def check_translation(name: str, in_channels: int, out_channels: int) -> None:
    """Refuse all but magnitudes without a noise map.

    Raises
    ------
    ModelError
    """
    why = "it translates pictures between 0 and 1"
    check_channels(name, in_channels, out_channels, told=False, images=(MAGNITUDE,), why=why)


def contracting(in_channels: int, width: int, norm: Norm, first: nn.Module, padding_mode: Padding) -> nn.Sequential:
    """Build the entry: 7 x 7, then twice halved and doubled in width, a norm and ReLU behind each.

    Parameters
    ----------
    in_channels, width : int
        ``width`` at full resolution.
    norm : callable
    first : nn.Module
        What follows the 7 x 7 convolution, whose borders are reflected.
    padding_mode : str
        Borders of the others.
    """
    parts = [convolution(in_channels, width, 7, padding_mode="reflect"), first]
    for n in (width, 2 * width):
        parts += [convolution(n, 2 * n, stride=2, padding_mode=padding_mode), norm(2 * n), nn.ReLU()]
    return nn.Sequential(*parts)


def critic_layers(
    in_channels: int, width: int, strides: tuple[int, ...], norm: Norm, slope: float, padding_mode: Padding
) -> nn.Sequential:
    """Build the body of a discriminator: 4 x 4 convolutions, each twice as wide, no norm behind the first."""
    parts: list[nn.Module] = []
    before = in_channels
    for i, stride in enumerate(strides):
        after = width * 2**i
        layer = nn.Conv2d(before, after, 4, stride, 1, padding_mode=padding_mode)
        parts += [layer, *([norm(after)] if i else []), nn.LeakyReLU(slope)]
        before = after
    return nn.Sequential(*parts)


def start_small(network: nn.Module, norm: str = "instance") -> None:
    """Draw the weights of convolutions with SD 0.02 and zero their biases, as published GANs start.

    Without norms between them such layers would hand on next to nothing: those keep the start of torch.
    """
    if norm == "none":
        return
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and not module.weight.is_meta:
            nn.init.normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class Unsigned(nn.Module):
    """Run a network for values from -1 to 1 on images from 0 to 1.

    Parameters
    ----------
    network : nn.Module
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, 1, Y, X) to the same shape; the output of a network that ends in tanh lies between 0 and 1."""
        return to_unsigned(self.network(to_signed(x)))


def to_signed(x: Tensor) -> Tensor:
    """0 to 1 becomes -1 to 1."""
    return 2 * x - 1


def to_unsigned(x: Tensor) -> Tensor:
    """-1 to 1 becomes 0 to 1."""
    return (x + 1) / 2


def expanding(width: int, out_channels: int, norm: Norm) -> nn.Sequential:
    """Build the exit of a CycleGAN generator: twice doubled in size and halved in width, then 7 x 7 and tanh."""
    parts: list[nn.Module] = []
    for n in (4 * width, 2 * width):
        parts += [nn.ConvTranspose2d(n, n // 2, 3, 2, 1, 1), norm(n // 2), nn.ReLU()]
    return nn.Sequential(*parts, convolution(width, out_channels, 7, padding_mode="reflect"), nn.Tanh())


def concatenate_code(x: Tensor, code: Tensor) -> Tensor:
    """Give every place the same code: (N, C, Y, X) and (N, D) to (N, C + D, Y, X)."""
    return torch.cat([x, code[..., None, None].expand(-1, -1, *x.shape[-2:])], 1)
