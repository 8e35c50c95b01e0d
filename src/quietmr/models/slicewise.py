"""Networks for single images, run on every frame of a series or volume."""

from torch import Tensor, nn

from quietmr.models.channels import seen
from quietmr.models.filling import fill


class Slicewise(nn.Module):
    """Run a 2-D network on each frame: (B, C, F, Y, X) in and out, any size.

    Frames do not see each other. Y and X are filled up inside by repeating the edge and cut off again.

    Parameters
    ----------
    network : nn.Module
        Maps (N, in_channels, Y, X) to (N, out_channels, Y, X).
    in_channels, out_channels : int
        Equal: a blind network. It may be handed the noise map as one more channel, and does not see it.
        One more in than out: the last one is the noise map.
    step : int
        Y and X that the network takes are multiples of this.
    least : int
        Smallest Y and X that it takes.
    """

    def __init__(self, network: nn.Module, in_channels: int, out_channels: int, step: int = 1, least: int = 1) -> None:
        super().__init__()
        self.network = network
        self.in_channels, self.out_channels = in_channels, out_channels
        self.step, self.least = step, least

    @property
    def multiple(self) -> tuple[int, int, int]:
        """Voxel grid (F, Y, X) that tile corners must lie on so that a tile sees the sampling of the whole image."""
        return 1, self.step, self.step

    def forward(self, x: Tensor) -> Tensor:
        """Denoise.

        Parameters
        ----------
        x : Tensor, shape (B, in_channels, F, Y, X)

        Returns
        -------
        Tensor, shape (B, out_channels, F, Y, X)

        Raises
        ------
        ModelError
            If the channels are not those of the network.
        """
        batch, frames, (height, width) = x.shape[0], x.shape[2], x.shape[-2:]
        images = seen(x, self.in_channels, self.out_channels).transpose(1, 2).flatten(0, 1)
        made: Tensor = self.network(fill(images, self.step, self.least))
        return made[..., :height, :width].reshape(batch, frames, -1, height, width).transpose(1, 2)
