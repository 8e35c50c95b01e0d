"""DICOM out for images that quietmr reconstructed from raw data: a new series of classic MR images."""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import generate_uid
from pydicom.valuerep import format_number_as_ds

from quietmr.data import Acquired, Image, OutputError, Storage
from quietmr.io.atomic import replacing
from quietmr.io.dicom.acquired_header import place_picture, real_world_value, series_dataset
from quietmr.io.dicom.derive import NewSeries
from quietmr.io.dicom.encoding import encoded
from quietmr.io.dicom.guard import refusing_header, third_party_silent
from quietmr.io.dicom.pixel_tags import set_window
from quietmr.io.storage import encode

_LARGEST = 65535
_MOST_SAMPLES = 2**20
_FILE_SUFFIXES = (".dcm", ".ima")


def write_acquired(image: Image, path: Path) -> None:
    r"""Write a reconstructed magnitude image as a new series: MR Image Storage, 16 bit, one file for each picture.

    ImageType is DERIVED\PRIMARY\M and DerivationDescription tells the history. All pictures share one RescaleSlope, a
    power of two as fine as 16 bits allow, and so keep their units; for SNR units a real world value mapping says the
    same. Patient, study, scanner and protocol come from the header of the raw file; what it does not say stays empty.

    Parameters
    ----------
    image : Image
        Real values; ``meta.header`` is `quietmr.data.Acquired`.
    path : Path
        New folder, or a name with suffix for a single picture.

    Raises
    ------
    OutputError
        If the image is complex, holds NaN or infinities, needs a folder and gets a file name, or cannot be written.
    """
    acquired = image.meta.header
    if not isinstance(acquired, Acquired):
        raise OutputError("A new DICOM series is made of images that were reconstructed from raw data: write .nii.gz.")
    _check(image, path)
    storage = storage_for(image.data)
    series = NewSeries(image.history)
    is_file = path.suffix.lower() in _FILE_SUFFIXES
    with third_party_silent(), replacing(path) as temporary:
        if not is_file:
            temporary.mkdir()
        with refusing_header(path.name):
            shared = series_dataset(image, acquired, series)
            _describe(shared, image, storage)
        for t, z in np.ndindex(image.shape[:2]):
            with refusing_header(path.name):
                content = _picture(shared, image, (t, z), storage)
            name = f"{t * image.shape[1] + z + 1:06d}.dcm"
            (temporary if is_file else temporary / name).write_bytes(content)


def _check(image: Image, path: Path) -> None:
    if image.is_complex:
        raise OutputError("DICOM MR images have no complex pixels: take the magnitude first, or write .nii.gz or .h5.")
    if not np.isfinite(image.data).all():
        raise OutputError(
            f"{np.count_nonzero(~np.isfinite(image.data))} voxels are NaN or infinite, which DICOM cannot store: "
            "replace them first, or write .nii.gz."
        )
    n_pictures = image.shape[0] * image.shape[1]
    if n_pictures > 1 and path.suffix.lower() in _FILE_SUFFIXES:
        raise OutputError(
            f"The image has {n_pictures} pictures and becomes a folder of as many files: give a folder name instead of "
            f"{path.name}."
        )


def storage_for(data: NDArray[np.float32]) -> Storage:
    """Choose slope (a power of two) and intercept of 16-bit unsigned pixels that hold all values."""
    low, high = min(float(data.min()), 0.0), max(float(data.max()), 0.0)
    span = high - low or 1.0
    # one step is kept for rounding the intercept
    slope = _as_written(2.0 ** math.ceil(math.log2(span / (_LARGEST - 1))))
    return Storage("<u2", slope, _as_written(slope * math.floor(low / slope)))


def _as_written(number: float) -> float:
    return float(format_number_as_ds(number))


def _describe(shared: Dataset, image: Image, storage: Storage) -> None:
    shared.BitsAllocated, shared.BitsStored, shared.HighBit, shared.PixelRepresentation = 16, 16, 15, 0
    shared.RescaleSlope, shared.RescaleIntercept = (
        format_number_as_ds(value) for value in (storage.slope, storage.intercept)
    )
    shared.RescaleType = "US"
    if image.unit == "snr":
        item = real_world_value(storage.slope, storage.intercept, _LARGEST, "signal in SNR units")
        shared.RealWorldValueMappingSequence = Items([item])
    sample = image.data.ravel()[:: max(1, image.data.size // _MOST_SAMPLES)]
    low, high = (float(value) for value in np.percentile(sample, [1, 99]))
    set_window(shared, ((low + high) / 2, max(high - low, abs(high) * 1e-3) or 1.0))


def _picture(shared: Dataset, image: Image, place: tuple[int, int], storage: Storage) -> bytes:
    dataset = Dataset()
    dataset.update(shared)
    dataset.SOPInstanceUID = generate_uid(prefix=None)
    place_picture(dataset, image, image.meta.header, *place)
    pixels, _ = encode(image.data[place], storage)
    dataset.add_new("SmallestImagePixelValue", "US", int(pixels.min()))
    dataset.add_new("LargestImagePixelValue", "US", int(pixels.max()))
    return encoded(dataset, pixels)
