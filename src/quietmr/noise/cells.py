"""What larger cells of an image say about the noise in them, each read where it is flattest."""

from dataclasses import dataclass
from math import ceil, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from quietmr.noise.blocks import Blocks, Floats
from quietmr.noise.rician import rician_variance, signal_from_mean

_PER_CELL = 10  # blocks, about
_MOST_IN_PLANE, _MOST_ALONG_Z, _MOST = 12, 6, 200
_FEWEST = 4  # blocks that make a cell
_FLATTEST = 0.3  # share of the blocks of a cell that is read
_SCATTER = 0.8  # squared relative error of sigma from a median, times the number of independent values
_ALIKE = 2.5  # mean square of the ninth over that of the first tenth of the blocks of a cell of air
_AIR_ERROR = 0.08  # of the logarithm: weak signal hides in air
_LEAST_DETAIL, _MOST_DETAIL = 0.25, 1.5  # power of the top band of air over its variance: filtered, or anatomy
_WHOLE = 0.75  # share of a block that the filters must see
_SHAPE, _TAIL = pi / 4, 2.0  # of the Rayleigh law: squared mean, and fourth moment, over powers of the mean square
_STRUCTURED = 2.0  # power of the middle band over the top band, beside that of the purest cells, from which a cell is
_SOME = 0.2  # not read; and its logarithm from which doubt grows
_DOUBT = 0.3
_DARK = 0.15  # of the 95th percentile of block levels: what is darker and not Rayleigh follows no known law
_WEAK = 0.5  # error of the logarithm times what the Rician law takes from the variance
_SLOPE = 0.05  # by which a field may curve between neighbors
_NEIGHBORS, _OUTLIER = 6, 3.0  # readings this many errors above their neighbors hold anatomy


@dataclass(frozen=True)
class Cells:
    """Noise readings in cells.

    Parameters
    ----------
    place : array, shape (n, 3)
        Mean place of the blocks read, (z, y, x) in 0 ... 1 of the content.
    log_sigma : array, shape (n,)
        Logarithm of the noise SD per real channel; of what its top band says in tissue.
    error : array, shape (n,)
        Standard error of the logarithm, from counting and from what anatomy may have added.
    is_air : array of bool, shape (n,)
        Read from the mean square of Rayleigh values instead.
    """

    place: Floats
    log_sigma: Floats
    error: Floats
    is_air: NDArray[np.bool_]

    @property
    def count(self) -> int:
        """Number of cells."""
        return self.error.size


def _cell_of(place: Floats, planes: int) -> NDArray[np.int64]:
    """Tell the number of the cell in which each block lies."""
    total = min(_MOST, place.shape[0] // _PER_CELL)
    along_z = min(planes, _MOST_ALONG_Z, max(1, round(total / 100)))
    in_plane = max(1, min(_MOST_IN_PLANE, int(sqrt(total / along_z))))
    number = np.zeros(len(place), np.int64)
    for axis, parts in enumerate((along_z, in_plane, in_plane)):
        number = number * parts + np.minimum((place[:, axis] * parts).astype(np.int64), parts - 1)
    return number


def _is_rayleigh(blocks: Blocks) -> bool:
    """Tell whether every block follows the law, at about one level, and not only their sum."""
    if blocks.present.min() < _WHOLE or blocks.second.min() <= 0:
        return False
    shapes = blocks.level**2 / blocks.second
    second = float(blocks.second.mean())
    pooled, tail = float(blocks.level.mean()) ** 2 / second, float(blocks.fourth.mean()) / second**2
    alike = float(np.quantile(blocks.second, 0.9)) < _ALIKE * float(np.quantile(blocks.second, 0.1))
    detail = float(blocks.fine.mean()) / (second * (1 - _SHAPE))
    flat = _LEAST_DETAIL < detail < _MOST_DETAIL
    shaped = -0.03 < float(shapes.mean()) - _SHAPE < 0.015 and abs(pooled - _SHAPE) < 0.03
    return alike and flat and shaped and abs(tail - _TAIL) < 0.4


def read_cells(blocks: Blocks, sigma: Floats, freedom: float, side: int, *, magnitude: bool) -> Cells:
    """Read the noise of each cell where the middle band, which does not enter the reading, is weakest.

    Parameters
    ----------
    blocks : Blocks
        From `block_statistics`.
    sigma : array, one per block
        Guess of the noise level there, for the variance of a magnitude.
    freedom : float
        Independent values in the top band of a block.
    side : int
        The block size.
    magnitude : bool
        True for Rician values.

    Returns
    -------
    Cells
        Those in which noise shows; maybe none.
    """
    rows: list[tuple[float, ...]] = []
    number = _cell_of(blocks.place, np.unique(blocks.place[:, 0]).size)
    order = np.argsort(number, kind="stable")
    bounds = np.flatnonzero(np.diff(number[order])) + 1
    scale = np.ones_like(sigma)
    if magnitude:
        scale = np.asarray(rician_variance(signal_from_mean(blocks.level, sigma), sigma) / sigma**2, np.float64)
    dark = _DARK * float(np.quantile(blocks.level, 0.95)) if blocks.count else 0.0
    fine, middle = blocks.fine / scale, blocks.middle / scale
    for members in np.split(order, bounds):
        if members.size < _FEWEST:
            continue
        inside = blocks.subset(members)
        if magnitude and _is_rayleigh(inside):
            power = float(np.mean(0.5 * inside.second))
            rows.append((*inside.place.mean(axis=0), 0.5 * np.log(power), _AIR_ERROR, 0.0, 1.0))
            continue
        whole = members[blocks.whole[members] >= _WHOLE]
        if whole.size < _FEWEST or (magnitude and float(np.median(blocks.level[members])) < dark):
            continue
        flattest = whole[np.argsort(middle[whole], kind="stable")[: max(3, ceil(_FLATTEST * whole.size))]]
        power, coarser = float(np.median(fine[flattest])), float(np.median(middle[flattest]))
        if power > 0 and coarser > 0:
            weak = _WEAK * (1 - float(np.median(scale[flattest])))
            error = sqrt(_SCATTER / (freedom * flattest.size) + weak**2)
            place = blocks.place[flattest].mean(axis=0)
            rows.append((*place, 0.5 * np.log(power), error, np.log(coarser / power), 0.0))
    return _pure_ones(np.array(rows).reshape(-1, 7))


def _pure_ones(table: Floats) -> Cells:
    """Leave out cells full of anatomy and doubt those with some."""
    place, log_sigma, error, excess, is_air = table[:, :3], table[:, 3], table[:, 4], table[:, 5], table[:, 6] > 0
    if (~is_air).any():
        excess = np.where(is_air, 0.0, excess - np.quantile(excess[~is_air], 0.25))
    kept = excess < np.log(_STRUCTURED)
    error = np.hypot(error, _DOUBT * np.maximum(excess - _SOME, 0))
    return _without_outliers(Cells(place[kept], log_sigma[kept], error[kept], is_air[kept]))


def _without_outliers(cells: Cells) -> Cells:
    """Leave out cells that stand above those around them: noise varies smoothly, and anatomy only adds."""
    if cells.count <= _NEIGHBORS:
        return cells
    distance = np.sum((cells.place[:, None] - cells.place[None]) ** 2, axis=2)
    nearest = np.argsort(distance, axis=1, kind="stable")[:, 1 : _NEIGHBORS + 1]
    around = np.median(cells.log_sigma[nearest], axis=1)
    error = np.hypot(cells.error, np.median(cells.error[nearest], axis=1) / sqrt(_NEIGHBORS) + _SLOPE)
    kept = cells.log_sigma - around < _OUTLIER * error
    return Cells(cells.place[kept], cells.log_sigma[kept], cells.error[kept], cells.is_air[kept])
