"""Which channels a network sees: an image, and the noise map as the last channel where it is told one."""

from collections.abc import Sequence

from torch import Tensor

from quietmr.data import ModelError

MAGNITUDE, COMPLEX = 1, 2
_KINDS = {MAGNITUDE: "magnitude images", COMPLEX: "complex images"}


def check_channels(
    name: str,
    in_channels: int,
    out_channels: int,
    *,
    blind: bool = True,
    told: bool = True,
    images: Sequence[int] = (MAGNITUDE, COMPLEX),
    why: str = "",
) -> None:
    """Refuse channels that a network cannot mean.

    Parameters
    ----------
    name : str
        Of the network.
    in_channels, out_channels : int
        As the user chose them.
    blind, told : bool
        Whether the network can work without, and with, a noise map.
    images : sequence of int
        Channels of the images that it takes: 1, 2.
    why : str
        Why it does not take both kinds.

    Raises
    ------
    ModelError
        In one sentence.
    """
    if out_channels not in images and out_channels in _KINDS:
        kinds = " or ".join(_KINDS[n] for n in images)
        raise ModelError(f"'{name}' is for {kinds} only ({why}): use {images[0]} channels out, got {out_channels}.")
    pairs = [(n + extra, n) for n in images for extra, can in ((0, blind), (1, told)) if can]
    if (in_channels, out_channels) not in pairs:
        choices = ", ".join(f"{a} in and {b} out" for a, b in pairs)
        raise ModelError(
            f"'{name}' has no form with {in_channels} channels in and {out_channels} out; it has {choices} "
            "(1 = magnitude, 2 = real and imaginary part, one more = the noise map)."
        )


def check_counts(name: str, least: int = 1, **counts: int) -> None:
    """Refuse widths and depths that no network has.

    Raises
    ------
    ModelError
        If one of the counts is below the least.
    """
    wrong = [f"{what} = {count}" for what, count in counts.items() if count < least]
    if wrong:
        raise ModelError(f"'{name}' needs counts of {least} at least, got {', '.join(wrong)}.")


def seen(x: Tensor, in_channels: int, out_channels: int) -> Tensor:
    """Leave away the noise map (the last channel) where a network is blind.

    Everything that trains or runs networks hands over the noise map, so that blind and told ones are exchangeable.

    Parameters
    ----------
    x : Tensor, shape (B, C, ...)
    in_channels, out_channels : int
        Of the network; equal if it is blind.

    Raises
    ------
    ModelError
        If there are other channels than those of the network and, for blind ones, the noise map.
    """
    found = x.shape[1]
    if found == in_channels:
        return x
    if in_channels == out_channels and found == in_channels + 1:
        return x[:, :in_channels]
    raise ModelError(
        f"The network takes {in_channels} channels, got {found}: give the image (1 or 2 channels) and, as the last "
        "channel, its noise map."
    )
