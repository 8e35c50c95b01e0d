"""Where the mean was shifted: the error by tissue and by brightness of the truth."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quietmr.data import InputError
from quietmr.evaluate.metrics.pair import Mask, prepare


@dataclass(frozen=True)
class PartBias:
    """Mean error of one part of the image, in its units; the nearer to zero the better.

    Parameters
    ----------
    name : str
        Tissue, or range of brightness.
    truth : float
        Mean of the truth there.
    bias : float
        Mean of image - truth (magnitudes).
    sd : float
        SD of image - truth over the voxels: noise left, and detail lost. 0 for a single voxel.
    voxels : int
        How many there are.
    """

    name: str
    truth: float
    bias: float
    sd: float
    voxels: int

    @property
    def standard_error(self) -> float:
        """Standard error of the bias if the errors of voxels were independent (after denoising they are not)."""
        return self.sd / float(np.sqrt(self.voxels))


def bias_by_tissue(
    image: ArrayLike, truth: ArrayLike, labels: ArrayLike, names: Mapping[int, str] | None = None
) -> tuple[PartBias, ...]:
    """Mean error per label.

    Parameters
    ----------
    image, truth : array, shape (T, Z, Y, X), (Z, Y, X) or (Y, X)
    labels : array of int, broadcastable to (T, Z, Y, X)
        0 is left out.
    names : mapping of int to str, optional
        Names of the labels; without one, "label 3".

    Raises
    ------
    InputError
        If the inputs do not fit together (`prepare`) or no label is other than zero.
    """
    pair = prepare(image, truth, labels)
    full = np.broadcast_to(np.asarray(labels), pair.mask.shape)
    found, true = pair.magnitudes()
    called = dict(names or {})
    return tuple(
        _part(called.get(int(label), f"label {int(label)}"), found, true, full == label)
        for label in np.unique(full[pair.mask])
    )


def bias_by_intensity(
    image: ArrayLike, truth: ArrayLike, bins: int | ArrayLike = 8, mask: ArrayLike | None = None
) -> tuple[PartBias, ...]:
    """Mean error by brightness of the truth: Rician bias shows in the dark, lost contrast at both ends.

    Binned by the truth, never by the image: noise moves voxels between bins of the image, which looks like bias.

    Parameters
    ----------
    image, truth : array, shape (T, Z, Y, X), (Z, Y, X) or (Y, X)
    bins : int or array of float
        Number of bins with equally many voxels (fewer where many voxels are equal), or their rising edges in the units
        of the image (the last bin includes its upper edge). Empty bins are left out.
    mask : array, broadcastable to (T, Z, Y, X), optional

    Raises
    ------
    InputError
        If the inputs do not fit together (`prepare`), the edges do not rise, or all voxels lie outside them.
    """
    pair = prepare(image, truth, mask)
    found, true = pair.magnitudes()
    edges = _edges(bins, true[pair.mask])
    index = np.clip(np.searchsorted(edges, true, side="right") - 1, -1, edges.size - 1)
    index[true == edges[-1]] = edges.size - 2
    parts = []
    for number, (low, high) in enumerate(pairwise(edges)):
        where = pair.mask & (index == number)
        if where.any():
            parts.append(_part(f"{low:.4g} to {high:.4g}", found, true, where))
    if not parts:
        raise InputError("No voxel of the truth lies between the edges of the bins: choose others.")
    return tuple(parts)


def _edges(bins: int | ArrayLike, values: NDArray[np.float64]) -> NDArray[np.float64]:
    wanted = np.asarray(bins)
    if wanted.ndim == 0:
        if int(wanted) < 1:
            raise InputError(f"There must be at least one bin, got {int(wanted)}.")
        edges = np.unique(np.quantile(values, np.linspace(0, 1, int(wanted) + 1)))
        return edges if edges.size > 1 else np.repeat(edges, 2)
    edges = wanted.astype(np.float64)
    if edges.ndim != 1 or edges.size < 2 or not (np.diff(edges) > 0).all():
        raise InputError("Edges of bins must be at least two rising numbers.")
    return edges


def _part(name: str, image: NDArray[np.float64], truth: NDArray[np.float64], where: Mask) -> PartBias:
    error = (image - truth)[where]
    return PartBias(name, float(truth[where].mean()), float(error.mean()), float(error.std()), int(error.size))
