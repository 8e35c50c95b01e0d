"""Damaged files: every one gives an image or one sentence, in little time, and nothing else.

A quick sample runs always, ten thousand cases with ``pytest -m nightly``. Each case is made from its number alone, so a
failure names the number to repeat it with.
"""

import gzip
import io
import struct
import time
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import PIL.Image
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from quietmr.data import Image, QuietmrError, QuietmrWarning
from quietmr.io import format_of, read, write

SECONDS = 2.0
MOST_WARNINGS = 3
QUICK, NIGHTLY = 12, 600


def pixels(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    return (np.random.default_rng(7).random(shape) * 200).astype(dtype)


def nifti(dtype: str, shape: tuple[int, ...], order: str = "<", version: int = 1) -> bytes:
    kind = {1: nibabel.Nifti1Header, 2: nibabel.Nifti2Header}[version]
    header = kind(endianness=order)
    header.set_data_shape(shape)
    header.set_data_dtype(np.dtype(order + dtype))
    header.set_sform(np.diag([2, 3, 4, 1]), code=1)
    header.set_qform(np.diag([2, 3, 4, 1]), code=1)
    header["vox_offset"] = header.single_vox_offset
    if dtype == "i2":
        header.set_slope_inter(0.5, -7)
    return header.binaryblock + bytes(4) + pixels(order + dtype, shape).tobytes()


def picture(kind: str, dtype: str, shape: tuple[int, ...], pages: int = 1, **options: Any) -> bytes:
    stream = io.BytesIO()
    made = [PIL.Image.fromarray(pixels(dtype, shape)) for _ in range(pages)]
    if pages > 1:
        options |= {"save_all": True, "append_images": made[1:]}
    made[0].save(stream, format=kind, **options)
    return stream.getvalue()


def turned(kind: str) -> bytes:
    exif = PIL.Image.Exif()
    exif[274] = 6
    return picture(kind, "u1", (9, 12), exif=exif, dpi=(100, 200))


def palette() -> bytes:
    stream = io.BytesIO()
    PIL.Image.fromarray(pixels("u1", (9, 12, 3))).quantize(16).save(stream, format="PNG", transparency=3)
    return stream.getvalue()


def dicom(syntax: UID) -> bytes:
    dataset = Dataset()
    dataset.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.4")
    dataset.SOPInstanceUID = dataset.SeriesInstanceUID = dataset.StudyInstanceUID = UID("1.2.3")
    dataset.Modality, dataset.PatientName, dataset.PatientID = "MR", "Nobody", "0"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 6, 5, 1
    dataset.PhotometricInterpretation, dataset.PixelRepresentation = "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelSpacing, dataset.SliceThickness = [1.5, 2], 3
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [1, 2, 3], [1, 0, 0, 0, 1, 0]
    dataset.ImageType, dataset.InstanceNumber, dataset.EchoTime = ["ORIGINAL", "PRIMARY"], 1, 20
    dataset.PixelData = pixels("u2", (6, 5)).tobytes()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


SEEDS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "nifti-int16-4d": (".nii", lambda: nifti("i2", (4, 5, 3, 2))),
    "nifti-float-big-endian": (".nii", lambda: nifti("f4", (4, 5, 3), ">")),
    "nifti-complex": (".nii", lambda: nifti("c8", (4, 5, 3))),
    "nifti-2": (".nii", lambda: nifti("f8", (4, 5, 3), version=2)),
    "nifti-packed": (".nii.gz", lambda: gzip.compress(nifti("u1", (4, 5, 3)))),
    "nifti-damaged-before-packing": (".nii.gz", lambda: nifti("u4", (4, 5, 3))),
    "png-8": (".png", lambda: picture("PNG", "u1", (9, 12), dpi=(100, 100))),
    "png-16": (".png", lambda: picture("PNG", "u2", (9, 12))),
    "png-color": (".png", lambda: picture("PNG", "u1", (9, 12, 4))),
    "png-palette": (".png", palette),
    "png-turned": (".png", lambda: turned("PNG")),
    "tiff-8": (".tif", lambda: picture("TIFF", "u1", (9, 12), dpi=(100, 100))),
    "tiff-float-pages": (".tif", lambda: picture("TIFF", "f4", (9, 12), pages=3)),
    "tiff-lzw": (".tif", lambda: picture("TIFF", "u2", (9, 12), compression="tiff_lzw")),
    "tiff-deflate": (".tif", lambda: picture("TIFF", "u1", (9, 12, 3), compression="tiff_adobe_deflate")),
    "tiff-turned": (".tif", lambda: turned("TIFF")),
    "bmp": (".bmp", lambda: picture("BMP", "u1", (9, 12))),
    "jpeg-gray": (".jpg", lambda: picture("JPEG", "u1", (9, 12), dpi=(100, 100))),
    "jpeg-color-turned": (".jpg", lambda: turned("JPEG")),
    "dicom-explicit": (".dcm", lambda: dicom(ExplicitVRLittleEndian)),
    "dicom-implicit": ("", lambda: dicom(ImplicitVRLittleEndian)),
}


def damage(content: bytes, rng: np.random.Generator) -> bytes:
    """Flip, overwrite, cut, drop, repeat or put in bytes; headers are hit more often than pixels."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 5))):
        if not data:
            break
        reach = min(len(data), 400) if rng.random() < 0.6 else len(data)
        place, length = int(rng.integers(reach)), int(rng.integers(1, 9))
        match int(rng.integers(7)):
            case 0:
                data[place] ^= 1 << int(rng.integers(8))
            case 1:
                data[place] = int(rng.choice([0, 1, 127, 128, 255]))
            case 2:
                data[place : place + length] = rng.bytes(length)
            case 3:
                data[place:place] = rng.bytes(length)
            case 4:
                del data[place : place + length]
            case 5:
                data[place:place] = data[place : place + 4 * length]
            case 6:
                del data[int(rng.integers(len(data))) :]
    return bytes(data)


def with_valid_checksums(content: bytes) -> bytes:
    """Repair the checksums of PNG chunks, so that the damage gets past them."""
    parts, place = [content[:8]], 8
    while place + 12 <= len(content):
        (length,) = struct.unpack(">I", content[place : place + 4])
        end = place + 8 + length
        if end + 4 > len(content):
            break
        parts += [content[place:end], struct.pack(">I", zlib.crc32(content[place + 4 : end]))]
        place = end + 4
    return b"".join([*parts, content[place:]])


def make_case(seed: str, number: int, folder: Path) -> Path:
    suffix, make = SEEDS[seed]
    rng = np.random.default_rng([number, *seed.encode()])
    content = damage(make(), rng)
    if suffix == ".png" and rng.random() < 0.7:
        content = with_valid_checksums(content)
    if seed == "nifti-damaged-before-packing":
        content = gzip.compress(content, 1)
    path = folder / f"case{suffix}"
    path.write_bytes(content)
    return path


def check(path: Path) -> bool:
    """Hold the reader, and the writer of what it gave, to the contract; True if the file was readable."""
    image: Image | None = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        start = time.process_time()
        try:
            image = read(path)
            assert isinstance(image, Image)
            assert image.data.dtype in (np.float32, np.complex64)
        except QuietmrError as error:
            assert str(error)
            assert "\n" not in str(error)
        assert time.process_time() - start < SECONDS
        assert len(caught) <= MOST_WARNINGS, [str(entry.message) for entry in caught]
        if image is not None and path.suffix and not format_of(path).read_only:
            try:
                write(image, path.with_name(f"back{''.join(path.suffixes)}"), force=True)
            except QuietmrError as error:
                assert "\n" not in str(error)
    assert all(issubclass(entry.category, QuietmrWarning) for entry in caught), [str(e.message) for e in caught]
    return image is not None


@pytest.mark.parametrize("seed", SEEDS)
def test_the_undamaged_file_is_read(tmp_path: Path, seed: str) -> None:
    suffix, make = SEEDS[seed]
    content = gzip.compress(make()) if seed == "nifti-damaged-before-packing" else make()
    path = tmp_path / f"whole{suffix}"
    path.write_bytes(content)
    assert check(path)


@pytest.mark.parametrize("seed", SEEDS)
def test_damaged_files_quick(tmp_path: Path, seed: str) -> None:
    for number in range(QUICK):
        check(make_case(seed, number, tmp_path))


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", SEEDS)
def test_damaged_files_at_length(tmp_path: Path, seed: str) -> None:
    readable = sum(check(make_case(seed, number, tmp_path)) for number in range(QUICK, QUICK + NIGHTLY))
    # damage that is never noticed would mean that the test tests nothing
    assert readable < NIGHTLY
