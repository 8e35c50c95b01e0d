"""Scores of several images against one truth, as rows that a command can print or write."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quietmr.data import Image, InputError
from quietmr.evaluate.metrics.pair import as_four_axes, check_range, full_mask, prepare
from quietmr.evaluate.metrics.registry import METRICS

Picture = Image | NDArray[Any]

# Voxels over this part of the 99.9th percentile are the object, where no mask says better (as in the benchmarks).
_OBJECT = 0.05


@dataclass(frozen=True)
class ScoreRow:
    """Scores of one image.

    Parameters
    ----------
    name : str
        What the image is called ("untouched", "quiet", a file).
    values : mapping of str to (float or None)
        By the name of the metric; None where the metric cannot be had of these images.
    notes : tuple of str
        Why a value is missing, or that the image equals the truth; one sentence each.
    is_truth : bool
        Whether it equals the truth in every voxel that counts.
    """

    name: str
    values: Mapping[str, float | None]
    notes: tuple[str, ...] = ()
    is_truth: bool = False

    def as_record(self) -> dict[str, Any]:
        """Flat record for CSV and JSON; "inf" for the PSNR of the truth itself, which JSON has no number for."""
        values = {key: "inf" if value == float("inf") else value for key, value in self.values.items()}
        return {"image": self.name, **values, "notes": " ".join(self.notes)}


@dataclass(frozen=True)
class ScoreTable:
    """Scores of all images, with what they refer to.

    Parameters
    ----------
    rows : tuple of ScoreRow
        In the order given.
    data_range : float
        Peak of PSNR and range of SSIM, in the units of the images.
    range_origin : str
        Where that comes from, in words.
    voxels : int
        How many voxels count.
    best : mapping of str to str
        Name of the best image per metric, the truth itself left out; metrics without a value are missing.
    """

    rows: tuple[ScoreRow, ...]
    data_range: float
    range_origin: str
    voxels: int
    best: Mapping[str, str] = field(default_factory=dict)


def score_images(
    images: Mapping[str, Picture],
    truth: Picture,
    data_range: float | None = None,
    mask: ArrayLike | None = None,
    metrics: Sequence[str] = tuple(METRICS),
) -> ScoreTable:
    """Score images against their truth.

    Complex images: PSNR and NRMSE of the complex difference, everything else of magnitudes. Whether the images lie at
    the same place in the patient is not looked at (`quietmr.io.same_grid`).

    Parameters
    ----------
    images : mapping of str to Image or array, shape (T, Z, Y, X)
        By name; the untouched image belongs among them.
    truth : Image or array, same shape
    data_range : float, optional
        In the units of the images; without one, the brightest tissue of the truth (:func:`brightest_tissue`).
    mask : array, broadcastable to (T, Z, Y, X), optional
        Voxels that count (other than zero).
    metrics : sequence of str
        Names out of `quietmr.evaluate.metrics.METRICS`.

    Raises
    ------
    InputError
        If a metric is unknown, there is no image, or an image, the mask or the range cannot be used.
    """
    unknown = [name for name in metrics if name not in METRICS]
    if unknown:
        raise InputError(f"There is no metric '{unknown[0]}': use {', '.join(METRICS)}.")
    if not images:
        raise InputError("There is no image to score: give at least one.")
    true = _pixels(truth)
    origin = "given"
    if data_range is None:
        data_range = brightest_tissue(true, mask)
        origin = "99th percentile of the truth in the " + ("object" if mask is None else "mask")
    peak = check_range(data_range)
    rows = tuple(_score(name, _pixels(image), true, peak, mask, metrics) for name, image in images.items())
    voxels = int(full_mask(mask, as_four_axes(true).shape).sum())
    return ScoreTable(rows, peak, origin, voxels, {name: best for name in metrics if (best := _best(rows, name))})


def brightest_tissue(truth: Picture, mask: ArrayLike | None = None) -> float:
    """Brightness of the brightest tissue, the usual data range: 99th percentile of the magnitude where it counts.

    Parameters
    ----------
    truth : Image or array, shape (T, Z, Y, X)
    mask : array, broadcastable to it, optional
        Without one: the object, what is brighter than 5 % of the 99.9th percentile.

    Raises
    ------
    InputError
        If there is nothing but zeros, NaN or infinite values.
    """
    values = np.abs(as_four_axes(_pixels(truth), "truth"))
    finite = np.isfinite(values)
    counted = values[finite & full_mask(mask, values.shape)]
    if mask is None and counted.size:
        counted = counted[counted > _OBJECT * np.percentile(counted, 99.9)]
    top = float(np.percentile(counted, 99)) if counted.size else 0.0
    if not top > 0:
        raise InputError("The truth holds nothing but zeros where it counts: no data range can be taken from it.")
    return top


def _score(
    name: str, image: NDArray[Any], truth: NDArray[Any], peak: float, mask: ArrayLike | None, metrics: Sequence[str]
) -> ScoreRow:
    try:
        pair = prepare(image, truth, mask)
    except InputError as refusal:
        raise InputError(f"{name}: {refusal}") from refusal
    notes = []
    is_truth = np.array_equal(pair.image[pair.mask], pair.truth[pair.mask])
    if is_truth:
        notes.append("Equal to the truth in every voxel that counts.")
    values: dict[str, float | None] = {}
    for key in metrics:
        try:
            values[key] = METRICS[key](pair.image, pair.truth, peak, pair.mask)
        except InputError as refusal:
            values[key] = None
            notes.append(str(refusal))
    return ScoreRow(name, values, tuple(notes), is_truth)


def _best(rows: Sequence[ScoreRow], metric: str) -> str | None:
    found = [(value, row.name) for row in rows if (value := row.values[metric]) is not None and not row.is_truth]
    if not found:
        return None
    if METRICS[metric].better == "higher":
        return max(found, key=lambda entry: entry[0])[1]
    return min(found, key=lambda entry: abs(entry[0]))[1]


def _pixels(picture: Picture) -> NDArray[Any]:
    return picture.data if isinstance(picture, Image) else np.asarray(picture)
