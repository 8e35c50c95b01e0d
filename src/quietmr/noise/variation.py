"""Does the noise vary over the image, and how: a smooth field of its logarithm, weighed against the same everywhere.

The field is a Gaussian process over the cells. Its amplitude and its reach along each axis are those of the largest
marginal likelihood; only where that beats the best uniform field clearly does the noise count as varying. (Rasmussen
and Williams, Gaussian Processes for Machine Learning, 2006, chapters 2 and 5.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import log, pi

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from quietmr.noise.blocks import Floats
from quietmr.noise.cells import Cells

_FEWEST = 12  # cells
_AMPLITUDES = (0.15, 0.4)  # SD of the logarithm of sigma
_REACHES = (0.12, 0.25, 0.5)  # of the content in plane
_ALONG_Z = (0.4, 4.0)
_SCATTERS = (0.0, 0.04, 0.1)  # further error of a cell
_EVIDENCE = 14.0  # logarithm of the factor by which a varying field must be likelier
_LEAST = 0.06  # SD of the logarithm, below which variation does not matter
_MISFIT = 1.3  # mean square of the residuals over what is expected, above which the cells do not read noise alone
_LIMIT = 0.9  # of the logarithm: no believable map goes further from its mean
_MEAN = 3.0  # prior SD of the mean logarithm
_GRID = 24  # points per axis at which the field is worked out


@dataclass(frozen=True)
class Variation:
    """Smooth field of relative noise, mean logarithm 0 over the cells.

    Parameters
    ----------
    grid : array, shape (nz, ny, nx)
        Its logarithm at equally spaced points from end to end of the content.
    """

    grid: Floats

    def at(self, place: Floats) -> Floats:
        """Relative noise at places (n, 3) in 0 ... 1."""
        from scipy.ndimage import map_coordinates

        index = [np.clip(place[:, axis], 0, 1) * (size - 1) for axis, size in enumerate(self.grid.shape)]
        return np.exp(np.asarray(map_coordinates(self.grid, index, order=1, mode="nearest"), np.float64))

    def over(self, shape: Sequence[int], box: Sequence[slice]) -> NDArray[np.float32]:
        """Relative noise in every voxel of an image (Z, Y, X) whose content lies in ``box``; constant outside it."""
        field = self.grid
        for axis, (size, span) in enumerate(zip(shape, box, strict=True)):
            middles = (np.arange(size) + 0.5 - span.start) / (span.stop - span.start)
            index = np.clip(middles, 0, 1) * (field.shape[axis] - 1)
            low = np.minimum(index.astype(np.int64), max(field.shape[axis] - 2, 0))
            high = np.minimum(low + 1, field.shape[axis] - 1)
            part = (index - low).reshape([-1 if a == axis else 1 for a in range(3)]).astype(np.float32)
            first, second = (np.take(field, place, axis=axis).astype(np.float32) for place in (low, high))
            field = first + part * (second - first)
        return np.asarray(np.exp(field), np.float32)


def _kernel(first: Floats, second: Floats, amplitude: float, reach: Sequence[float]) -> Floats:
    distance = np.zeros((len(first), len(second)))
    for axis in range(3):
        distance += ((first[:, axis, None] - second[None, :, axis]) / reach[axis]) ** 2
    return np.asarray(amplitude**2 * np.exp(-0.5 * distance))


@dataclass(frozen=True)
class _Fit:
    evidence: float
    amplitude: float
    reach: tuple[float, float, float]
    scatter: float


def _fixed(cells: Cells, offset: float) -> Floats:
    """Covariance of what all cells, and all cells of tissue, have in common."""
    tissue = np.where(cells.is_air, 0.0, offset)
    return np.asarray(_MEAN**2 + np.outer(tissue, tissue))


def _evidence(cells: Cells, covariance: Floats, scatter: float) -> float:
    covariance = covariance + np.diag(cells.error**2 + scatter**2)
    factor = cho_factor(covariance, lower=True)
    values = cells.log_sigma - np.median(cells.log_sigma)
    spread = 2 * np.log(np.diag(factor[0])).sum() + values.size * log(2 * pi)
    return float(-0.5 * (values @ cho_solve(factor, values) + spread))


def _best(cells: Cells, fixed: Floats) -> _Fit:
    best = _Fit(-np.inf, 0.0, (1.0, 1.0, 1.0), 0.0)
    depth = _ALONG_Z if np.ptp(cells.place[:, 0]) > 0 else _ALONG_Z[-1:]

    def better(amplitude: float, reach: tuple[float, float, float], scatter: float) -> _Fit:
        field = fixed + _kernel(cells.place, cells.place, amplitude, reach)
        found = _Fit(_evidence(cells, field, scatter), amplitude, reach, scatter)
        return found if found.evidence > best.evidence else best

    for z, y, x, amplitude in product(depth, _REACHES, _REACHES, _AMPLITUDES):
        best = better(amplitude, (z, y, x), _SCATTERS[1])
    for scatter in _SCATTERS:
        best = better(best.amplitude, best.reach, scatter)
    return best


def find_variation(cells: Cells, offset: float) -> Variation | None:
    """Fit the field and weigh it.

    Parameters
    ----------
    cells : Cells
    offset : float
        Prior SD of the logarithm of what a filter may have taken from the readings of tissue against those of air.

    Returns
    -------
    Variation or None
        None if the same noise everywhere explains the cells about as well.
    """
    if cells.count < _FEWEST:
        return None
    fixed = _fixed(cells, offset)
    uniform = max(_evidence(cells, fixed, scatter) for scatter in (*_SCATTERS, 0.2, 0.3))
    fit = _best(cells, fixed)
    if fit.evidence - uniform < _EVIDENCE:
        return None
    here = _kernel(cells.place, cells.place, fit.amplitude, fit.reach)
    factor = cho_factor(fixed + here + np.diag(cells.error**2 + fit.scatter**2), lower=True)
    weights = cho_solve(factor, cells.log_sigma - np.median(cells.log_sigma))
    values = here @ weights
    misfit = float((cells.log_sigma - np.median(cells.log_sigma)) @ weights) / cells.count
    if np.std(values) < _LEAST or misfit > _MISFIT:
        return None
    shape = tuple(_GRID if np.ptp(cells.place[:, axis]) > 0 else 1 for axis in range(3))
    points = np.stack(np.meshgrid(*(np.linspace(0, 1, n) for n in shape), indexing="ij"), axis=-1).reshape(-1, 3)
    field = _kernel(points, cells.place, fit.amplitude, fit.reach) @ weights - values.mean()
    return Variation(np.clip(field, -_LIMIT, _LIMIT).reshape(shape))
