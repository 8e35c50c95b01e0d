"""DenoiseNet and HMAD-Net (Umair, Hamid 2025, JCBI): reconstructions, no code was published.

The paper describes one residual attention U-Net in detail ("DenoiseNet") and names a network of two branches
("HMAD-Net", "MultiBranchDenoisingNet") without any; docs/models_papers.md says what is ours.
"""

from functools import partial

import torch
from torch import Tensor, nn

from quietmr.data import ModelError
from quietmr.models.channels import COMPLEX, MAGNITUDE, check_channels, check_counts
from quietmr.models.gates import ChannelGate, SpatialGate
from quietmr.models.ladder import Ladder, downward, upward
from quietmr.models.planar import Branches, Residual, convolution, residual_pair
from quietmr.models.slicewise import Slicewise

HEADS = ("sigmoid", "residual")
VARIANTS = ("unet", "dual")
_BRANCH_SCALE = 0.2


class DenoiseNet(nn.Module):
    """A U-Net whose blocks add their input and weigh channels and places.

    Parameters
    ----------
    in_channels, out_channels : int
    width : int
        Channels at full resolution.
    levels : int
        How often the image is halved.
    variant : str
        "unet", or "dual": beside each encoder block one of parallel convolutions of 3, 5 and 7 pixels.
    head : str
        "sigmoid": the image, between 0 and 1. "residual": the noise, which is taken off the image.
    attention, residual : bool
        The two switches of the paper's ablation.
    """

    def __init__(  # noqa: PLR0913 - the switches of the paper
        self,
        in_channels: int,
        out_channels: int,
        width: int = 32,
        levels: int = 4,
        *,
        variant: str = "unet",
        head: str = "sigmoid",
        attention: bool = True,
        residual: bool = True,
    ) -> None:
        super().__init__()
        self.out_channels, self.is_residual = out_channels, head == "residual"
        make = _Maker(attention=attention, residual=residual, dual=variant == "dual")
        widths = [width * 2**level for level in range(levels + 1)]
        self.body = Ladder(
            [make.encoder(before, after) for before, after in downward(in_channels, widths)],
            [nn.MaxPool2d(2) for _ in range(levels)],
            make.bottom(*widths[-2:]),
            [nn.ConvTranspose2d(coarse, fine, 2, 2) for coarse, fine in upward(widths)],
            [make.decoder(2 * fine, fine) for _, fine in upward(widths)],
        )
        self.head = convolution(width, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, Y, X), Y and X multiples of 2 to the levels, to (N, out_channels, Y, X)."""
        made: Tensor = self.head(self.body(x))
        return x[:, : self.out_channels] - made if self.is_residual else torch.sigmoid(made)


class _Maker:
    """Makes the blocks, with or without attention and residual connections."""

    def __init__(self, *, attention: bool, residual: bool, dual: bool) -> None:
        self.attention, self.residual, self.dual = attention, residual, dual

    def encoder(self, before: int, after: int) -> nn.Module:
        """Pass two convolutions with a skip and the channel gate; two branches are fused by a 1 x 1 convolution."""
        layers = [convolution(before, after), nn.SiLU(), convolution(after, after), nn.SiLU()]
        skip = convolution(before, after, 1) if before != after else None
        block: nn.Module = Residual(*layers, skip=skip) if self.residual else nn.Sequential(*layers)
        if self.attention:
            block = nn.Sequential(block, ChannelGate(after))
        if not self.dual:
            return block
        quarter = max(after // 4, 1)
        sizes = {3: max(after - 2 * quarter, 1), 5: quarter, 7: quarter}
        parallel = Branches(*(nn.Sequential(convolution(before, n, size), nn.SiLU()) for size, n in sizes.items()))
        many = nn.Sequential(parallel, convolution(sum(sizes.values()), after, 1))
        return nn.Sequential(Branches(many, block), convolution(2 * after, after, 1))

    def bottom(self, before: int, after: int) -> nn.Sequential:
        """Go to the widest features, pass two residual blocks and both gates."""
        blocks = [self._inner(after), self._inner(after)]
        return nn.Sequential(convolution(before, after), nn.SiLU(), *blocks, *self._gates(after))

    def decoder(self, before: int, after: int) -> nn.Sequential:
        """Merge by a convolution, pass a residual block and both gates."""
        return nn.Sequential(convolution(before, after), nn.SiLU(), self._inner(after), *self._gates(after))

    def _inner(self, channels: int) -> nn.Module:
        pair = residual_pair(channels, nn.SiLU, scale=_BRANCH_SCALE)
        return pair if self.residual else nn.Sequential(pair.body, nn.SiLU())

    def _gates(self, channels: int) -> list[nn.Module]:
        return [ChannelGate(channels), SpatialGate()] if self.attention else []


def build_denoisenet(  # noqa: PLR0913 - every argument is an entry of a recipe and of a card
    in_channels: int = 1,
    out_channels: int = 1,
    *,
    width: int = 32,
    levels: int = 4,
    variant: str = "unet",
    head: str = "sigmoid",
    attention: bool = True,
    residual: bool = True,
) -> Slicewise:
    """Build a DenoiseNet or HMAD-Net; see :class:`DenoiseNet` for the arguments.

    Raises
    ------
    ModelError
        If a choice is unknown, or a sigmoid is asked to make complex images.
    """
    for word, value, known in (("head", head, HEADS), ("variant", variant, VARIANTS)):
        if value not in known:
            raise ModelError(f"'denoisenet' has no {word} '{value}'; known ones: {', '.join(known)}.")
    images = (MAGNITUDE,) if head == "sigmoid" else (MAGNITUDE, COMPLEX)
    why = "its sigmoid head cannot be negative, head 'residual' can"
    check_channels("denoisenet", in_channels, out_channels, images=images, why=why)
    check_counts("denoisenet", width=width, levels=levels)
    choose = partial(DenoiseNet, variant=variant, head=head, attention=attention, residual=residual)
    return Slicewise(choose(in_channels, out_channels, width, levels), in_channels, out_channels, step=2**levels)
