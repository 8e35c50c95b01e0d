"""Networks for images from 0 to 1, on images whose brightest tissue is 1."""

from torch import Tensor, nn


class InUnitsOfTissue(nn.Module):
    """Run a network for intensities from 0 to 1 on images in other units.

    Parameters
    ----------
    network : nn.Module
        Blind: it does not look at the noise map.
    white : float
        Intensity that counts as 1; what is brighter is cut there, as in training.
    """

    def __init__(self, network: nn.Module, white: float) -> None:
        super().__init__()
        self.network, self.white = network, white

    def forward(self, x: Tensor) -> Tensor:
        """Denoise (B, C, F, Y, X): the first channel is the image, others are not looked at."""
        image = (x[:, :1] / self.white).clamp(0, 1)
        output: Tensor = self.network(image)
        return output * self.white
