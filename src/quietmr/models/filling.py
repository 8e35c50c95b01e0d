"""Images of any size for networks that halve them: filled up, and cut off again by the caller."""

from torch import Tensor
from torch.nn import functional


def fill(x: Tensor, step: int, least: int = 1) -> Tensor:
    """Repeat the last row and column until Y and X are multiples.

    Parameters
    ----------
    x : Tensor, shape (..., Y, X), with four or five axes
    step : int
        What Y and X become multiples of.
    least : int
        Smallest Y and X wanted.

    Returns
    -------
    Tensor, shape (..., Y', X')
        The image itself where nothing is missing.
    """
    rows, columns = (max(least + -least % step, n + -n % step) - n for n in x.shape[-2:])
    if not (rows or columns):
        return x
    return functional.pad(x, (0, columns, 0, rows, *(0,) * (2 * (x.ndim - 4))), mode="replicate")
