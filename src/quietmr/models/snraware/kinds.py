"""The computing layers that a block is made of, by the two-letter codes of the reference code.

Windows are 8 x 8 pixels and 16 frames and patches 4 x 4 pixels at every level of resolution.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from quietmr.models.snraware.tokens import Axis, Cut


@dataclass(frozen=True)
class AttentionKind:
    """One way to cut a series into tokens.

    Attributes
    ----------
    axes : tuple of Axis
        F, Y, X.
    volumetric : bool
        Project with 3 x 3 x 3 rather than 3 x 3 convolutions.
    shifted : bool
        Shift the groups by half a group.
    pixel_major : bool
        The reference code cuts heads from the pixels of a token, not from its channels.
    value_from_key : bool
        The reference code never uses the value projection.
    own_heads : int or None
        Heads that the reference code takes whatever its configuration says.
    biased : bool
        Takes a position bias. Frames come in any number, so their attention has no table of distances.
    """

    axes: tuple[Axis, Axis, Axis]
    volumetric: bool = False
    shifted: bool = False
    pixel_major: bool = False
    value_from_key: bool = False
    own_heads: int | None = None
    biased: bool = True

    def cut(self, size: tuple[int, int, int]) -> Cut:
        """Cut a series of a size (F, Y, X)."""
        return Cut.of(size, self.axes, shifted=self.shifted)


@dataclass(frozen=True)
class ConvolutionKind:
    """A convolution in place of attention: 3 x 3 x 3 if volumetric, else 3 x 3 on each frame."""

    volumetric: bool


_WHOLE = Axis(pixels=None, tokens=1)
_SINGLE = Axis(pixels=1, tokens=1)
_FRAMES = (Axis(pixels=1, tokens=None), _WHOLE, _WHOLE)
_PATCHES_OF_A_WINDOW = (_SINGLE, Axis(pixels=4, tokens=2), Axis(pixels=4, tokens=2))
_PATCHES_OF_A_FRAME = (_SINGLE, Axis(pixels=4, tokens=None), Axis(pixels=4, tokens=None))
_WINDOWS_OF_A_FRAME = (_SINGLE, Axis(pixels=8, tokens=None), Axis(pixels=8, tokens=None))
_WINDOWS = (Axis(pixels=16, tokens=None), Axis(pixels=8, tokens=None), Axis(pixels=8, tokens=None))
_PIXELS_OF_A_WINDOW = (Axis(pixels=1, tokens=16), Axis(pixels=1, tokens=8), Axis(pixels=1, tokens=8))

KINDS: Mapping[str, AttentionKind | ConvolutionKind] = {
    "T1": AttentionKind(_FRAMES, biased=False),
    "L1": AttentionKind(_PATCHES_OF_A_WINDOW, pixel_major=True),
    "G1": AttentionKind(_PATCHES_OF_A_FRAME, pixel_major=True),
    "V2": AttentionKind(_WINDOWS_OF_A_FRAME, pixel_major=True, own_heads=8),
    "V3": AttentionKind(_WINDOWS, volumetric=True, pixel_major=True, own_heads=8),
    "S3": AttentionKind(_PIXELS_OF_A_WINDOW, volumetric=True, value_from_key=True, own_heads=8),
    "Sh": AttentionKind(_PIXELS_OF_A_WINDOW, volumetric=True, shifted=True, value_from_key=True, own_heads=8),
    "C2": ConvolutionKind(volumetric=False),
    "C3": ConvolutionKind(volumetric=True),
}
