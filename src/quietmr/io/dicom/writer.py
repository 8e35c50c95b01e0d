"""DICOM out: a new series with the pixels of an image and the headers of the files that it was read from."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Acquired, Image, OutputError
from quietmr.io.atomic import replacing
from quietmr.io.dicom.acquired_series import write_acquired
from quietmr.io.dicom.derive import NewSeries, derived_header
from quietmr.io.dicom.encoding import encoded
from quietmr.io.dicom.guard import refusing_header, third_party_silent
from quietmr.io.dicom.header import DicomHeader, SourceFile
from quietmr.io.dicom.mosaic import join, tiles_a_side
from quietmr.io.dicom.pixel_tags import describe_pixels, new_window, set_window
from quietmr.io.dicom.quantize import Quantization, quantize
from quietmr.io.dicom.swap import to_little_endian
from quietmr.io.storage import encode

_SAME_PLACE_MM = 1e-3


def write(image: Image, path: Path) -> None:
    """Write an image that was read from DICOM, or reconstructed from raw data, as a new, derived series.

    One file for each file of the source, with the same name; a single file if the source was one. Uncompressed,
    explicit VR little endian. The source is not touched; whoever calls asks before replacing ``path``.

    Kept: patient, study, frame of reference, geometry, timing, protocol, private elements, overlays of their own, and,
    where the values fit, the stored type and scale (`quantize`). New: series and instance UIDs, series number + 1000,
    description, ImageType, references to the source, processing equipment. Left out, since they would lie of the new
    pixels: signatures, icons, overlays in unused bits of the pixels, GE histograms, and, where the scale changed,
    everything that counts in old stored values.

    An image that quietmr reconstructed from raw data becomes a new series (`acquired_series`).

    Parameters
    ----------
    image : Image
        Same grid and frames as read; real values.
    path : Path
        New file, or new folder for a series of several files.

    Raises
    ------
    OutputError
        If the image came neither from DICOM nor from raw data, is complex, lies on another grid, holds NaN, or cannot
        be written.
    """
    if isinstance(image.meta.header, Acquired):
        write_acquired(image, path)
        return
    with third_party_silent():
        header = _header(image)
        _check_target(image, header, path)
        series = NewSeries(image.history)
        stored_as = quantize(image.data, header, same_unit=image.unit == "stored")
        window = new_window(image.data, header)
        with replacing(path) as temporary:
            for index, file in enumerate(header.files):
                with refusing_header(file.name):
                    dataset = derived_header(file, series)
                    to_little_endian(dataset)
                    places = header.places(index)
                    pixels = _stored(image.data, places, file, stored_as)
                    describe_pixels(dataset, places, stored_as, pixels)
                    if window is not None:
                        set_window(dataset, window)
                    content = encoded(dataset, pixels)
                target = temporary / PurePosixPath(file.name) if header.is_folder else temporary
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)


def _header(image: Image) -> DicomHeader:
    header = image.meta.header
    if image.meta.format != "dicom" or not isinstance(header, DicomHeader):
        origin = f"from {image.meta.format}" if image.meta.format else "from memory"
        raise OutputError(
            f"This image comes {origin}, and a DICOM series needs the headers of a DICOM source: "
            "write .nii.gz, or start from DICOM."
        )
    if image.is_complex:
        raise OutputError("DICOM MR images have no complex pixels: take the magnitude first, or write .nii.gz.")
    return header


def _check_target(image: Image, header: DicomHeader, path: Path) -> None:
    first = header.files[0]
    side = tiles_a_side(first.n_tiles) if first.n_tiles else 1
    expected = (*header.file.shape, first.layout.rows // side, first.layout.columns // side)
    if image.shape != expected or not np.allclose(image.geometry.affine, header.affine, rtol=0, atol=_SAME_PLACE_MM):
        raise OutputError(
            f"The image {image.shape} no longer lies on the grid {expected} of its DICOM source, whose headers it "
            "would get: write .nii.gz."
        )
    if header.is_folder and path.suffix.lower() in (".dcm", ".ima"):
        raise OutputError(
            f"The source is a folder of {len(header.files)} files and becomes a folder: give a folder name instead of "
            f"{path.name}."
        )
    source = image.meta.source
    if source is not None and path.exists() and source.exists() and _touches(path.resolve(), source.resolve()):
        raise OutputError(f"{path} is the source of the image itself, which is never replaced: give another name.")


def _touches(path: Path, source: Path) -> bool:
    return path == source or path in source.parents


def _stored(
    data: NDArray[np.float32], places: Sequence[tuple[int, int]], file: SourceFile, stored_as: Quantization
) -> NDArray[Any]:
    slices = np.stack([encode(data[t, z], stored_as.storage(t, z))[0] for t, z in places])
    if not file.n_tiles:
        return slices
    # empty tiles hold the stored number 0 of the source
    background = np.array([file.background], dtype=np.float32)
    return join(slices, encode(background, stored_as.storage(*places[0]))[0][0])
