"""A mask on the grid of its image."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quietmr.data.errors import InputError


def mask_over(mask: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Mask (other than zero = inside) broadcast, read-only, to an image of the given shape (T, Z, Y, X).

    Raises
    ------
    InputError
        If the mask does not fit the shape.
    """
    inside = np.asarray(mask, dtype=bool)
    try:
        return np.broadcast_to(inside, shape)
    except ValueError:
        raise InputError(
            f"The mask has shape {inside.shape}, which does not fit the image {shape} (T, Z, Y, X): "
            "give a mask on the grid of the image."
        ) from None
