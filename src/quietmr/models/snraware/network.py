"""The frame around a backbone: channels in, channels out, any size of image."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from quietmr.data import ModelError
from quietmr.models.filling import fill
from quietmr.models.snraware.cell import CellPlan
from quietmr.models.snraware.convolution import Convolution
from quietmr.models.snraware.hrnet import BlockFactory, HRNet
from quietmr.models.snraware.unet import UNet

BACKBONES: Mapping[str, Callable[[int, int, BlockFactory], HRNet | UNet]] = {"hrnet": HRNet, "unet": UNet}


class Snraware(nn.Module):
    """Denoiser of complex series of images with a noise map (SNRAware, Xue et al. 2025, arXiv 2503.18162).

    The last input channel is the noise map, the others are the noisy image; the output is the denoised image itself.
    Image and map are in SNR units (noise SD 1 per channel where the map is 1). In its corrected form any size F, Y,
    X >= 1 works: Y and X are filled up inside by repeating the edge.

    Parameters
    ----------
    backbone : str
        "hrnet" or "unet".
    plan : CellPlan
        What the blocks are made of.
    in_channels, out_channels : int
        Image channels plus one for the noise map; image channels.
    width : int
        Channels at full resolution.
    levels : int
        Levels of resolution.
    residual : bool
        Add the noisy image to what the last convolution makes, which starts at 0: training starts from the identity.

    Raises
    ------
    ModelError
        If the backbone is unknown, the size of a faithful network does not halve often enough, or images in and out
        have not the same channels though one is to be added to the other.
    """

    def __init__(
        self,
        backbone: str,
        plan: CellPlan,
        in_channels: int = 3,
        out_channels: int = 2,
        width: int = 64,
        levels: int = 2,
        *,
        residual: bool = False,
    ) -> None:
        super().__init__()
        if residual and out_channels != in_channels - 1:
            raise ModelError(
                f"'residual' adds the image to the output: with {in_channels} channels in there must be "
                f"{in_channels - 1} out, got {out_channels}."
            )
        if backbone not in BACKBONES:
            raise ModelError(f"There is no backbone '{backbone}'; known ones: {', '.join(BACKBONES)}.")
        self.plan, self.residual = plan, residual
        self.first = Convolution(in_channels, width)
        self.backbone = BACKBONES[backbone](width, levels, plan.block)
        self.last = Convolution(self.backbone.out_channels, out_channels)
        if residual:
            nn.init.zeros_(self.last.weight)
            assert self.last.bias is not None, "a convolution with bias"
            nn.init.zeros_(self.last.bias)
        step = self.backbone.multiple
        if plan.faithful and any(n % step or n < 2 * step for n in plan.size[1:]):
            raise ModelError(f"Y and X of 'size' must be multiples of {step} and at least twice that, got {plan.size}.")

    @property
    def multiple(self) -> tuple[int, int, int]:
        """Voxel grid (F, Y, X) for the corners of tiles, so that a tile is cut into windows as the whole image is."""
        f, y, x = self.plan.grid
        return f, y * self.backbone.multiple, x * self.backbone.multiple

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
            If a faithful network gets another size of image than it was made for.
        """
        height, width = x.shape[-2:]
        if self.plan.faithful and (height, width) != self.plan.size[1:]:
            raise ModelError(
                f"The faithful form takes images of {self.plan.size[1]} x {self.plan.size[2]} pixels only, for its "
                f"norms hold a weight for each pixel, got {height} x {width}: cut patches, or take form 'corrected'."
            )
        # So often that the coarsest level has 2 x 2 pixels at least.
        features = self.first(fill(x, self.backbone.multiple, 2 * self.backbone.multiple))
        made = self.backbone(features)
        n = features.shape[1]
        result: Tensor = self.last(torch.cat([made[:, :n] + features, made[:, n:]], 1))[..., :height, :width]
        return result + x[:, :-1] if self.residual else result
