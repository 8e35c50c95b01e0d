"""Non-blind complex DnCNN (Dou et al. 2025, NMR in Biomedicine, doi 10.1002/nbm.5291): a reconstruction.

The paper names complex convolutions, radial batch normalization and a complex ReLU, and a noise map beside the image;
no code was found, depth and width are those of DnCNN. Complex features are held as real ones, all real parts first.
"""

from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional

from quietmr.models.channels import COMPLEX, check_channels, check_counts
from quietmr.models.planar import SubtractNoise
from quietmr.models.slicewise import Slicewise

_SMALLEST = 1e-6  # keeps the phase of 0 defined


class ComplexConvolution(nn.Module):
    """3 x 3 convolution with complex weights and no bias, so that it turns phases along.

    Parameters
    ----------
    in_channels, out_channels : int
        Complex ones.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        bound = 1 / sqrt(2 * 9 * in_channels)
        self.real, self.imaginary = (
            nn.Parameter(torch.empty(out_channels, in_channels, 3, 3).uniform_(-bound, bound)) for _ in range(2)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, 2 in_channels, Y, X) to (N, 2 out_channels, Y, X)."""
        to_real = torch.cat([self.real, -self.imaginary], 1)
        to_imaginary = torch.cat([self.imaginary, self.real], 1)
        return functional.conv2d(x, torch.cat([to_real, to_imaginary]), padding=1)


class RadialNorm(nn.Module):
    """Batch normalization of magnitudes; phases stay (El-Rewaidy et al. 2020).

    Scale and shift start at 1, so that most magnitudes stay positive.

    Parameters
    ----------
    channels : int
        Complex ones.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        nn.init.ones_(self.norm.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, 2 channels, Y, X) to the same shape."""
        real, imaginary = x.chunk(2, 1)
        radius = (real.square() + imaginary.square() + _SMALLEST**2).sqrt()
        factor = self.norm(radius) / radius
        return torch.cat([real * factor, imaginary * factor], 1)


class _AsComplex(nn.Module):
    """Order real channels as complex ones: the noise map, if there is one, gets the imaginary part 0."""

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] == COMPLEX:
            return x
        real, imaginary, sigma = x.chunk(3, 1)
        return torch.cat([real, sigma, imaginary, torch.zeros_like(sigma)], 1)


def build_cdncnn(in_channels: int = 3, out_channels: int = 2, *, width: int = 64, layers: int = 17) -> Slicewise:
    """Build a complex DnCNN; its output is the image minus the noise that it predicts.

    Parameters
    ----------
    in_channels, out_channels : int
        3 and 2: real part, imaginary part, noise map in. 2 and 2: blind.
    width : int
        Complex channels inside.
    layers : int

    Raises
    ------
    ModelError
        If it is asked to take magnitudes.
    """
    check_channels("cdncnn", in_channels, out_channels, images=(COMPLEX,), why="its layers are complex")
    check_counts("cdncnn", width=width)
    check_counts("cdncnn", 2, layers=layers)
    parts: list[nn.Module] = [_AsComplex(), ComplexConvolution(in_channels - 1, width), nn.ReLU()]
    for _ in range(layers - 2):
        parts += [ComplexConvolution(width, width), RadialNorm(width), nn.ReLU()]
    network = nn.Sequential(*parts, ComplexConvolution(width, 1))
    return Slicewise(SubtractNoise(network, out_channels), in_channels, out_channels)
