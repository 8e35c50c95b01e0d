"""How an image (T, Z, Y, X) becomes the volumes (F, Y, X) that a network sees: F is the slices or the frames."""

from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image

FrameAxis = Literal["slices", "time"]
Value = TypeVar("Value", np.float32, np.complex64)


def frame_axis(image: Image) -> FrameAxis:
    """Choose the third axis for a network.

    Neighboring frames serve when they show the same slice in time (at least four of them) and the slices are single or
    more than twice as far apart as the pixels, as in cine; otherwise the neighboring slices do.
    """
    t, z, _, _ = image.shape
    if image.frames != "time" or t < 4:
        return "slices"
    x, y, step = image.geometry.voxel_size
    return "time" if z == 1 or step > 2.0 * max(x, y) else "slices"


def to_stacks(array: NDArray[Value], axis: FrameAxis) -> NDArray[Value]:
    """View (T, Z, Y, X) as stacks (N, F, Y, X)."""
    return array if axis == "slices" else array.swapaxes(0, 1)


from_stacks = to_stacks
