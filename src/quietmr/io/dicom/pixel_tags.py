"""Elements that describe pixels, made true for new ones."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.valuerep import format_number_as_ds

from quietmr.io.dicom.elements import items, private_tag
from quietmr.io.dicom.enhanced import is_enhanced
from quietmr.io.dicom.header import DicomHeader
from quietmr.io.dicom.quantize import Quantization

# they count in stored values, and their meaning moves with the scale
_SCALE_BOUND = (
    "PixelPaddingRangeLimit",
    "PixelPaddingValue",
    "RealWorldValueMappingSequence",
    "VOILUTSequence",
)
_PHILIPS_SCALE = ((0x2005, "Philips MR Imaging DD 001", 0x0D), (0x2005, "Philips MR Imaging DD 001", 0x0E))
_OVERLAYS = range(0x6000, 0x6100, 2)
_OVERLAY_BIT, _OVERLAY_DATA = 0x0102, 0x3000
_MOST_SAMPLES = 2**20
_SAME_RANGE = 2.0

Window = tuple[float, float]


def describe_pixels(
    dataset: Dataset, places: Sequence[tuple[int, int]], stored_as: Quantization, pixels: NDArray[Any]
) -> None:
    """Set bit layout, extreme values and scale of a derived file, and drop what would lie.

    Parameters
    ----------
    dataset : Dataset
        Header of the derived file, changed in place.
    places : sequence of (int, int)
        Frame and slice number in the image of each of its frames.
    stored_as : Quantization
        How pixels are stored.
    pixels : array
        The stored pixels of the file.
    """
    dataset.BitsAllocated = stored_as.bits_allocated
    dataset.BitsStored = stored_as.bits_stored
    dataset.HighBit = stored_as.bits_stored - 1
    dataset.PixelRepresentation = int(stored_as.signed)
    for keyword, value in (("SmallestImagePixelValue", pixels.min()), ("LargestImagePixelValue", pixels.max())):
        if keyword in dataset:
            del dataset[keyword]
            if stored_as.bits_allocated <= 16:
                dataset.add_new(keyword, "SS" if stored_as.signed else "US", int(value))
    _drop_overlays(dataset)
    if stored_as.keeps_scale:
        return
    for part in _all_items(dataset):
        _drop_scale(part)
    scales = [(float(stored_as.slope[place]), float(stored_as.intercept[place])) for place in places]
    if is_enhanced(dataset):
        _set_frame_scales(dataset, scales)
    else:
        _set_scale(dataset, scales[0])


def _all_items(dataset: Dataset) -> Iterator[Dataset]:
    yield dataset
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from _all_items(item)


def _drop_scale(dataset: Dataset) -> None:
    for keyword in _SCALE_BOUND:
        if keyword in dataset:
            del dataset[keyword]
    for group, creator, element in _PHILIPS_SCALE:
        tag = private_tag(dataset, group, creator, element)
        if tag is not None:
            del dataset[tag]


def _set_scale(dataset: Dataset, scale: tuple[float, float]) -> None:
    dataset.RescaleSlope = format_number_as_ds(scale[0])
    dataset.RescaleIntercept = format_number_as_ds(scale[1])
    if "RescaleType" not in dataset:
        dataset.RescaleType = "US"


def _set_frame_scales(dataset: Dataset, scales: Sequence[tuple[float, float]]) -> None:
    for keyword in ("RescaleSlope", "RescaleIntercept", "RescaleType"):
        if keyword in dataset:
            del dataset[keyword]
    for shared in items(dataset, "SharedFunctionalGroupsSequence"):
        if "PixelValueTransformationSequence" in shared:
            del shared["PixelValueTransformationSequence"]
    frames = items(dataset, "PerFrameFunctionalGroupsSequence")
    for frame, scale in zip(frames, scales, strict=True):
        transformation = Dataset()
        for old in items(frame, "PixelValueTransformationSequence")[:1]:
            transformation.update(old)
        _set_scale(transformation, scale)
        frame.PixelValueTransformationSequence = [transformation]


def _drop_overlays(dataset: Dataset) -> None:
    # an overlay without data of its own lives in bits of the pixels, which are gone
    for group in _OVERLAYS:
        bit = dataset.get((group, _OVERLAY_BIT))
        if bit is not None and bit.value and (group, _OVERLAY_DATA) not in dataset:
            for tag in [tag for tag in dataset.keys() if Tag(tag).group == group]:  # noqa: SIM118
                del dataset[tag]


def new_window(data: NDArray[np.float32], header: DicomHeader) -> Window | None:
    """Choose a display window, or None where the source's windows still serve.

    They serve if the values span about the range of the source, within a factor of two. A removed-noise image, a noise
    map, or an image in SNR units gets a window from its 1st to its 99th percentile.

    Parameters
    ----------
    data : array, shape (T, Z, Y, X)
        Values of the derived series.
    header : DicomHeader
        The source.

    Returns
    -------
    (float, float) or None
        Center and width.
    """
    old = header.value_range[1] - header.value_range[0]
    new = float(data.max()) - float(data.min())
    if old / _SAME_RANGE <= new <= old * _SAME_RANGE:
        return None
    sample = data.ravel()[:: max(1, data.size // _MOST_SAMPLES)]
    low, high = (float(value) for value in np.percentile(sample, [1, 99]))
    return (low + high) / 2, max(high - low, abs(high) * 1e-3) or 1.0


def set_window(dataset: Dataset, window: Window) -> None:
    """Replace the display windows of a file, of all frames if it has many."""
    enhanced = is_enhanced(dataset)
    for part in _all_items(dataset):
        if (part is dataset and not enhanced) or "WindowCenter" in part:
            part.WindowCenter, part.WindowWidth = (format_number_as_ds(value) for value in window)
            for keyword in ("WindowCenterWidthExplanation", "VOILUTSequence"):
                if keyword in part:
                    del part[keyword]
