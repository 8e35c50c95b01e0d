"""Networks for images from 0 to 1, on images whose brightest tissue is 1."""

import torch
from torch import Tensor, nn


class InUnitsOfTissue(nn.Module):
    """Run a network for intensities from 0 to 1 on magnitudes in other units.

    Parameters
    ----------
    network : nn.Module
    white : float
        Intensity that counts as 1. The network sees what is brighter cut there, and it stays as it is in the result.
    """

    def __init__(self, network: nn.Module, white: float) -> None:
        super().__init__()
        self.network, self.white = network, white

    def forward(self, x: Tensor) -> Tensor:
        """Denoise (B, 2, F, Y, X), the image and its noise map in the same units: (B, 1, F, Y, X)."""
        image = x[:, :1]
        seen = torch.cat([(image / self.white).clamp(0, 1), x[:, 1:] / self.white], 1)
        output: Tensor = self.network(seen)
        return torch.where(image > self.white, image, output.to(image.dtype) * self.white)


def in_tissue_units(network: nn.Module, white: float | None) -> nn.Module:
    """Wrap a network that wants images from 0 to 1; others (None) stay as they are."""
    return network if white is None else InUnitsOfTissue(network, white)
