"""Windows as large as the patches of a training, for networks whose gates pool over the whole plane."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from quietmr.models.gates import pools_over_planes
from quietmr.signal.tiling import blend, plan_tiles

Array = NDArray[np.float32]


def window_of(network: nn.Module, recipe: Mapping[str, Any]) -> int | None:
    """Rows and columns that a network should see at a time; None: whole planes.

    Pools over a plane that is larger than all that training has shown give gates that training has not shown: a
    DenoiseNet trained on patches of up to 112 x 112 pixels lost 1.2 dB on a head of 217 x 181, less on smaller ones.

    Parameters
    ----------
    network : nn.Module
    recipe : mapping
        Recipe of the training, as a card holds it.
    """
    sizes = [min(patch["shape"][1:]) for patch in recipe.get("patches") or ()]
    return max(sizes) if sizes and pools_over_planes(network) else None


def over_windows(run: Callable[[Array], Array], channels: Array, window: int | None, step: int) -> Array:
    """Run a network on planes, window by window with an overlap of a quarter.

    Parameters
    ----------
    run : callable
        Maps (C, N, Y, X) to (1, N, Y, X).
    channels : array, shape (C, N, Y, X)
    window : int or None
        Rows and columns of a window; None runs whole planes.
    step : int
        Corners of windows are multiples of it.

    Returns
    -------
    array, shape (N, Y, X)
    """
    n, height, width = channels.shape[1:]
    if window is None or max(height, width) <= window:
        return np.asarray(run(channels)[0])
    tiles = plan_tiles((n, height, width), (n, window, window), (0, window // 8, window // 8), (1, step, step))

    def results() -> Iterator[Array]:
        for tile in tiles:
            yield run(np.ascontiguousarray(channels[:, *tile.where]))[0]

    return blend((n, height, width), tiles, results())
