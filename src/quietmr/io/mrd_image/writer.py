"""MRD images out: one series of pictures, with its noise and SNR maps as series of their own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from quietmr.data import READOUT, Acquired, Image, OutputError, Storage
from quietmr.io.atomic import replacing
from quietmr.io.mrd_image.attributes import attribute_text
from quietmr.io.mrd_image.disk import hdf5_to
from quietmr.io.mrd_image.layout import (
    COMPLEX,
    DATA_TYPES,
    G_FACTOR_ROLE,
    GROUP,
    IMAGE_HEADER,
    IMAGE_ROLE,
    MAGNITUDE,
    NOISE_ROLE,
    READOUT_NAME,
    RECORD_NAME,
    ROLE_NAMES,
    SNR_ROLE,
    UNIT_NAME,
    VERSION,
    file_type,
)
from quietmr.io.mrd_image.placement import place
from quietmr.io.mrd_image.record import readout_text, record_text
from quietmr.io.storage import encode, warn_clipped

_MOST = 2**16 - 1
_MOST_SAMPLES = 2**20
_SAME_MM = 1e-3
_COPIED = ("position", "read_dir", "phase_dir", "slice_dir")


@dataclass(frozen=True, eq=False)
class _Series:
    """One series: pixels (T, P, z, y, x), the headers (T, P) of its pictures, and what its attributes say."""

    data: NDArray[Any]
    headers: NDArray[np.void]
    storage: Storage
    role: str
    description: str
    attributes: dict[str, list[str]]
    readouts: NDArray[np.void] | None = None


def write(image: Image, path: Path) -> None:
    """Write an image as ISMRMRD (MRD 1) HDF5, as ``ismrmrd.Dataset.append_image`` lays it down.

    Group ``/dataset``: ``xml`` (header of the raw file, if there is one), ``image_1`` (the image), ``image_2`` (noise
    SD: the g-factor map of an image in SNR units) and ``image_3`` (SNR map, ``|image| / sigma``), each with ``header``,
    ``attributes`` and ``data`` (N, 1, z, y, x). One picture for each frame and slice, frames outermost, or one for each
    frame of a 3-D scan. Complex images stay complex; real ones are float32, or the integers that they were read as.

    Parameters
    ----------
    image : Image
        What to write; if ``meta.header`` is `quietmr.data.Acquired`, pictures carry its time stamps and counters.
    path : Path
        File to make or to replace, .h5 or .mrd.

    Raises
    ------
    OutputError
        If MRD has no place for the image (more than 65535 pictures, sheared pixels), or the disk refuses.
    """
    series = _series(image)
    header = image.meta.header
    xml = header.xml.split("\0", 1)[0] if isinstance(header, Acquired) else ""
    with replacing(path) as temporary, hdf5_to(temporary) as file:
        group = file.create_group(GROUP)
        if xml:
            group.create_dataset("xml", data=[xml.encode()], dtype=h5py.special_dtype(vlen=bytes), maxshape=(1,))
        for index, one in enumerate(series, start=1):
            _write_series(group.create_group(f"image_{index}"), one, index)


def _series(image: Image) -> list[_Series]:
    acquired = _acquired(image)
    depth = image.shape[1] if acquired is not None and acquired.readouts.shape[1] < image.shape[1] else 1
    t, z, y, x = image.shape
    if t * z // depth > _MOST or max(depth, y, x) > _MOST:
        raise OutputError(
            f"MRD counts pictures and voxels along an axis up to {_MOST}, and this image is {image.shape}: "
            "write .nii.gz, or split it."
        )
    headers, readouts = _headers(image, acquired, depth)
    record = {RECORD_NAME: [record_text(image, acquired)]}
    storage = _storage(image)
    pictures = (-1, z // depth, depth, y, x)
    data = image.data.reshape(pictures)
    out = [_Series(data, headers, storage, IMAGE_ROLE, "quietmr", _shared(image, record), readouts)]
    if image.noise is not None:
        n_maps = image.noise.sigma.shape[0]
        sigma = np.broadcast_to(image.noise.sigma, (n_maps, z, y, x))
        with np.errstate(all="ignore"):
            snr = np.where(sigma > 0, np.abs(image.data) / sigma, np.float32(0)).astype(np.float32)
        name = (G_FACTOR_ROLE, "g-factor") if image.unit == "snr" else (NOISE_ROLE, "noise SD")
        plain = Storage("<f4")
        out.append(_Series(sigma.reshape(pictures), headers[:n_maps], plain, *name, _shared(image, {})))
        out.append(_Series(snr.reshape(pictures), headers, plain, SNR_ROLE, "SNR", _shared(image, {})))
    return out


def _acquired(image: Image) -> Acquired | None:
    header = image.meta.header
    if not isinstance(header, Acquired):
        return None
    # of an image whose frames or slices were joined or cut, the headers say nothing any more
    return header if header.readouts.shape in (image.shape[:2], (image.shape[0], 1)) else None


def _storage(image: Image) -> Storage:
    own = image.meta.storage
    if image.is_complex:
        return Storage("<c8")
    if own is None or image.meta.format != "mrd" or image.unit != "stored":
        return Storage("<f4")
    is_whole = np.dtype(own.dtype).kind in "iu" and own.dtype in DATA_TYPES
    return own if is_whole and own == Storage(own.dtype) else Storage("<f4")


def _headers(image: Image, acquired: Acquired | None, depth: int) -> tuple[NDArray[np.void], NDArray[np.void] | None]:
    t, z, y, x = image.shape
    headers = np.zeros((t, z // depth), IMAGE_HEADER)
    headers["version"], headers["channels"] = VERSION, 1
    headers["matrix_size"] = x, y, depth
    readouts = None if acquired is None else acquired.readouts
    if readouts is None:
        headers["slice"] = np.arange(z // depth)
        headers["contrast" if image.frames == "echo" else "repetition"] = np.arange(t)[:, np.newaxis]
    else:
        for name in set(READOUT.names or ()) & set(IMAGE_HEADER.names or ()) - {"flags"}:
            headers[name] = readouts[name]
    place(headers, image.geometry, (depth, y, x), _thickness(image, acquired))
    if acquired is not None:
        _copy_same_places(headers, acquired)
    headers["image_index"] = np.arange(1, headers.size + 1).reshape(headers.shape)
    return headers, readouts


def _thickness(image: Image, acquired: Acquired | None) -> float | None:
    if image.geometry.slice_thickness is not None or acquired is None:
        return image.geometry.slice_thickness
    return acquired.fov[2]


def _copy_same_places(headers: NDArray[np.void], acquired: Acquired) -> None:
    # the affine comes from these numbers and gives them back to the last digit but one: keep the scanner's own
    for name in _COPIED:
        same = np.abs(headers[name].astype(np.float64) - acquired.readouts[name]).max(axis=-1) <= _SAME_MM
        headers[name][same] = acquired.readouts[name][same]
    if np.allclose(headers["field_of_view"], acquired.fov, rtol=0, atol=_SAME_MM):
        headers["field_of_view"] = acquired.fov


def _shared(image: Image, more: dict[str, list[str]]) -> dict[str, list[str]]:
    return {
        "ImageProcessingHistory": ["quietmr", *(step.name for step in image.history)],
        "Keep_image_geometry": ["1"],
        UNIT_NAME: [image.unit],
        **more,
    }


def _write_series(group: Any, series: _Series, index: int) -> None:
    n, size = series.headers.size, series.data.shape[2:]
    dtype = np.dtype(series.storage.dtype)
    headers = series.headers.reshape(-1).copy()
    headers["image_series_index"] = index
    headers["image_index"] = np.arange(1, n + 1)
    headers["data_type"] = DATA_TYPES[dtype.str]
    headers["image_type"] = COMPLEX if dtype.kind == "c" else MAGNITUDE
    texts = _attribute_texts(series, headers)
    headers["attribute_string_len"] = [len(text) for text in texts]
    group.create_dataset("header", data=headers, maxshape=(None,), chunks=(n,))
    text_type = h5py.special_dtype(vlen=str)
    group.create_dataset("attributes", data=texts, dtype=text_type, maxshape=(None,), chunks=(n,))
    data = group.create_dataset(
        "data", (n, 1, *size), file_type(dtype), maxshape=(None, 1, *size), chunks=(1, 1, 1, *size[1:])
    )
    n_clipped = 0
    for number, picture in enumerate(series.data.reshape(n, *size)):
        stored, clipped = encode(picture, series.storage)
        data[number, 0] = np.ascontiguousarray(stored).view(file_type(dtype))
        n_clipped += clipped
    warn_clipped(series.storage, n_clipped, series.data.size)


def _attribute_texts(series: _Series, headers: NDArray[np.void]) -> list[str]:
    center, width = _window(series.data)
    attributes = {
        **{name: [series.role] for name in ROLE_NAMES},
        "SeriesDescription": [series.description],
        "SequenceDescriptionAdditional": [series.description],
        "WindowCenter": [f"{center:.6g}"],
        "WindowWidth": [f"{width:.6g}"],
        **series.attributes,
    }
    if series.readouts is None:
        return [attribute_text(attributes)] * len(headers)
    return [
        attribute_text({**attributes, READOUT_NAME: [readout_text(readout, header)]})
        for readout, header in zip(series.readouts.reshape(-1), headers, strict=True)
    ]


def _window(data: NDArray[Any]) -> tuple[float, float]:
    sample = np.abs(data.ravel()[:: max(1, data.size // _MOST_SAMPLES)])
    sample = sample[np.isfinite(sample)]
    low, high = np.percentile(sample, [1, 99]).tolist() if sample.size else (0.0, 1.0)
    return (low + high) / 2, max(high - low, abs(high) * 1e-3) or 1.0
