"""Images as the channels that a network sees, and back."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from quietmr.models import Card

# float32 (magnitude) or complex64.
Picture: TypeAlias = NDArray[Any]


def is_for_complex(card: Card) -> bool:
    """Whether a model takes (real, imaginary, noise map) and gives (real, imaginary); else magnitude and noise map."""
    return bool(card.arguments.get("out_channels", 1) == 2)


def to_channels(picture: Picture, sigma: NDArray[np.float32]) -> NDArray[np.float32]:
    """Stack an image (F, Y, X) and its noise map: (2, F, Y, X), or (3, F, Y, X) if complex.

    Negative magnitudes count as 0.
    """
    if np.iscomplexobj(picture):
        return np.stack([picture.real, picture.imag, sigma]).astype(np.float32, copy=False)
    return np.stack([np.maximum(picture, np.float32(0.0)), sigma]).astype(np.float32, copy=False)


def from_channels(output: NDArray[np.float32]) -> Picture:
    """Make an image (F, Y, X) of what a network gave: (1, F, Y, X) a magnitude, never below 0, (2, F, Y, X) complex."""
    if len(output) == 1:
        return np.asarray(np.maximum(output[0], np.float32(0.0)))
    return np.asarray(output[0] + 1j * output[1], dtype=np.complex64)
