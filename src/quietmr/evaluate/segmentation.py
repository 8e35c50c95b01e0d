"""Tissue segmentation before and after denoising: what a later step of an analysis makes of the image.

Segments with the hidden Markov random field of DIPY (Zhang et al., IEEE TMI 20 (2001) 45), extra ``compare``. Traps of
the library that are met here:

- It scales an image by its maximum, which noise raises: here the brightness is divided by 1.25 times a given range and
  cut there, which leaves room for the noise of the brightest tissue.
- A voxel that is exactly zero counts as background, which is filled with noise of a generator of its own, but only
  after its spread was measured (zero, which fails on clean images): here a weak fixed noise fills it beforehand, and
  voxels inside the mask are never darker than that. So results are the same in every run.
- Classes come in the order of their brightness: their names must be given in that order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import find_objects

from quietmr.data import Image, InputError
from quietmr.denoise.classical.optional import optional_library
from quietmr.evaluate.metrics.pair import check_range, full_mask

T1_TISSUES = ("CSF", "GM", "WM")
"""Tissues of a T1-weighted head, dark to bright."""

_FLOOR = 1e-3
_ROOM = 1.25
_LEAST = 100  # voxels of a mask in which tissues can be told apart at all


@dataclass(frozen=True, eq=False)
class TissueMap:
    """Tissues of one volume.

    Parameters
    ----------
    names : tuple of str, length C
        Tissues, dark to bright.
    labels : array of uint8, shape (Z, Y, X)
        0 outside the mask, else 1 + index of the tissue.
    probability : array of float32, shape (C, Z, Y, X)
        Of each tissue, sum 1 inside the mask.
    voxel_ml : float
        Volume of a voxel in ml.
    """

    names: tuple[str, ...]
    labels: NDArray[np.uint8]
    probability: NDArray[np.float32]
    voxel_ml: float

    @property
    def volumes(self) -> Mapping[str, float]:
        """Volume of each tissue in ml, whole voxels."""
        return {
            name: float(np.count_nonzero(self.labels == 1 + index)) * self.voxel_ml
            for index, name in enumerate(self.names)
        }

    @property
    def overlap(self) -> float:
        """Part of the mask (0 to 1) where two tissues or more have a probability over 0.1."""
        inside = self.labels > 0
        return float(np.mean((self.probability[:, inside] > 0.1).sum(axis=0) > 1))


@dataclass(frozen=True, eq=False)
class RepeatMaps:
    """Tissue probability over repeats, arrays of shape (C, Z, Y, X).

    Parameters
    ----------
    mean, sd : array
        SD with n - 1.
    cvar : array
        SD / mean; 0 where the mean is below one percent, as a ratio of almost nothing says nothing.
    """

    mean: NDArray[np.float32]
    sd: NDArray[np.float32]
    cvar: NDArray[np.float32]


def segment_tissue(
    image: Image,
    mask: ArrayLike,
    data_range: float,
    names: Sequence[str] = T1_TISSUES,
    beta: float = 0.1,
    iterations: int = 100,
) -> TissueMap:
    """Segment a volume by brightness and neighbourhood.

    Parameters
    ----------
    image : Image
        One frame; of complex images the magnitude.
    mask : array, broadcastable to (1, Z, Y, X)
        The brain (other than zero): with skull and scalp in it the classes mean nothing.
    data_range : float
        Brightness of the brightest tissue, the same for all images that are compared
        (`quietmr.evaluate.score_table.brightest_tissue` of the clean one). Voxels brighter than 1.25 times it are cut.
    names : sequence of str
        Tissues, dark to bright; their number is the number of classes.
    beta : float
        Weight of the neighbours; 0.1 as in the library's tutorial. Larger values smooth the map, and hide noise.
    iterations : int
        At most; the library stops earlier where nothing changes.

    Raises
    ------
    InputError
        If there are several frames, fewer than two tissues, a mask of fewer than 100 voxels, or NaN inside it; if the
        brightness leaves one of the tissues empty.
    MissingExtraError
        If DIPY is not installed.
    """
    if image.shape[0] != 1:
        raise InputError(f"Tissue is segmented in one frame, the image has {image.shape[0]}: choose one.")
    if len(names) < 2:
        raise InputError(f"Segmenting needs the names of at least two tissues, dark to bright, got {len(names)}.")
    inside = full_mask(mask, image.shape)[0]
    if np.count_nonzero(inside) < _LEAST:
        raise InputError(f"The mask holds {np.count_nonzero(inside)} voxels, segmenting needs at least {_LEAST}.")
    values = np.abs(image.data[0]).astype(np.float64) / (_ROOM * check_range(data_range))
    if not np.isfinite(values[inside]).all():
        raise InputError("The image holds NaN or infinite values inside the mask: fill them first.")
    box = find_objects(inside.astype(np.uint8))[0]
    found = _classify(np.where(inside, np.clip(values, _FLOOR, 1.0), 0.0)[box], len(names), beta, iterations)
    return _tissue_map(tuple(names), found, inside, box, image.geometry.affine)


def dice(found: TissueMap, reference: TissueMap) -> Mapping[str, float]:
    """Overlap of each tissue with a reference (0 to 1), ``2 |A and B| / (|A| + |B|)``; higher is better. Dice (1945).

    NaN for a tissue that neither has.

    Raises
    ------
    InputError
        If shapes or tissues differ.
    """
    if found.names != reference.names or found.labels.shape != reference.labels.shape:
        raise InputError("Two segmentations can be compared only if their grids and tissues are the same.")
    values = {}
    for index, name in enumerate(found.names):
        a, b = found.labels == 1 + index, reference.labels == 1 + index
        total = np.count_nonzero(a) + np.count_nonzero(b)
        values[name] = 2 * np.count_nonzero(a & b) / total if total else float("nan")
    return values


def repeat_maps(maps: Sequence[TissueMap]) -> RepeatMaps:
    """Mean, SD and coefficient of variation of tissue probability over repeats of one scan.

    Raises
    ------
    InputError
        If there are fewer than two, or their grids or tissues differ.
    """
    if len(maps) < 2:
        raise InputError(f"The spread over repeats needs at least two segmentations, got {len(maps)}.")
    if len({(one.names, one.labels.shape) for one in maps}) > 1:
        raise InputError("Repeats can be compared only if their grids and tissues are the same.")
    values = np.stack([one.probability for one in maps])
    mean, sd = values.mean(axis=0), values.std(axis=0, ddof=1)
    cvar = np.where(mean > 0.01, sd / np.maximum(mean, 0.01), 0)
    return RepeatMaps(mean, sd.astype(np.float32), cvar.astype(np.float32))


def _classify(volume: NDArray[np.float64], classes: int, beta: float, iterations: int) -> NDArray[np.float32]:
    """Probabilities, shape (z, y, x, C), of a volume with background zero, of which the library needs some."""
    hmrf = optional_library("dipy.segment.tissue", "compare").TissueClassifierHMRF(verbose=False)
    room = 0 if (volume == 0).any() else 1
    padded = np.pad(volume, room)
    air = np.random.default_rng(0).normal(_FLOOR, _FLOOR / 10, padded.shape)  # a fixed draw: the same in every run
    with np.errstate(divide="ignore", invalid="ignore"):
        _, _, found = hmrf.classify(np.where(padded == 0, air, padded), classes, beta, max_iter=iterations)
    inner = np.asarray(found, np.float32)[tuple(slice(room, room + n) for n in volume.shape)]
    if not np.isfinite(inner).all():
        raise InputError(
            f"The brightness inside the mask does not fall into {classes} tissues (the library starts from equal steps "
            "of brightness, and one of them is empty): check the mask, or name fewer tissues."
        )
    return inner


def _tissue_map(
    names: tuple[str, ...],
    found: NDArray[np.float32],
    inside: NDArray[np.bool_],
    box: tuple[slice, ...],
    affine: NDArray[np.float64],
) -> TissueMap:
    """Put the probabilities of the box, shape (z, y, x, C), back on the grid, without the share of the background."""
    share = np.maximum(np.moveaxis(found, -1, 0), 0)
    total = share.sum(axis=0)
    # a voxel that the library gave to the background is as dark as can be: the darkest tissue
    share[0][total <= 0] = 1
    probability = np.zeros((len(names), *inside.shape), np.float32)
    probability[(slice(None), *box)] = share / share.sum(axis=0)
    probability *= inside
    labels = np.where(inside, 1 + probability.argmax(axis=0), 0).astype(np.uint8)
    return TissueMap(names, labels, probability, abs(float(np.linalg.det(affine[:3, :3]))) / 1000)
