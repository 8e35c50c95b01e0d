"""An image of one domain from content and noise code."""

import torch
from torch import Tensor, nn

from quietmr.data import ModelError
from quietmr.models.planar import Norm, convolution, residual_pair
from quietmr.models.translation import concatenate_code


class Generator(nn.Module):
    """Images of a domain; the code joins before the residual blocks and before each of three output stages.

    Parameters
    ----------
    width, code_size : int
    norm : callable
        Of the residual blocks.
    shared : nn.Module
        First block, the same object for both domains.
    stage_norm : callable
        Of the output stages.
    field_planes : int
        Planes of white noise that the last stage takes beside the code, and one more layer that lets the code say how
        strong they become. A code holds a noise level, not a noise field; with planes the generator of noisy images
        need not invent one. Ours: no paper has it.
    """

    def __init__(
        self, width: int, code_size: int, norm: Norm, shared: nn.Module, stage_norm: Norm, field_planes: int = 0
    ) -> None:
        super().__init__()
        self.field_planes = field_planes
        trunk = 4 * width + code_size
        second = (trunk + code_size) // 2
        third = (second + code_size) // 2
        self.shared = shared
        self.blocks = nn.Sequential(*(residual_pair(trunk, norm=norm, padding_mode="reflect") for _ in range(3)))
        self.stages = nn.ModuleList(
            nn.Sequential(nn.ConvTranspose2d(before + code_size, after, 3, 2, 1, 1), stage_norm(after), nn.ReLU())
            for before, after in ((trunk, second), (second, third))
        )
        given = third + code_size
        # A sum of features and noise would be as noisy for every code: factors need a layer between.
        mixing = [convolution(given + field_planes, given), nn.ReLU()] if field_planes else []
        self.last = nn.Sequential(*mixing, nn.Conv2d(given, 1, 1), nn.Tanh())

    def forward(self, content: Tensor, code: Tensor, field: Tensor | None = None) -> Tensor:
        """Make images from -1 to 1.

        Parameters
        ----------
        content : Tensor, shape (N, 4 width, Y / 4, X / 4)
        code : Tensor, shape (N, code_size)
        field : Tensor, shape (N, field_planes, Y, X), optional
            White noise of SD 1, where the generator takes it.

        Returns
        -------
        Tensor, shape (N, 1, Y, X)

        Raises
        ------
        ModelError
            If the planes of noise are not those that it takes.
        """
        planes = 0 if field is None else field.shape[1]
        if planes != self.field_planes:
            raise ModelError(f"This generator takes {self.field_planes} planes of noise, got {planes}: draw as many.")
        features = self.blocks(concatenate_code(self.shared(content), code))
        for stage in self.stages:
            features = stage(concatenate_code(features, code))
        features = concatenate_code(features, code)
        image: Tensor = self.last(features if field is None else torch.cat([features, field], 1))
        return image
