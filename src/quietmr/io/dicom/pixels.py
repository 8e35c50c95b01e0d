"""From the bytes of a file to stored integers."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.filereader import read_dataset
from pydicom.pixels.decoders.base import Decoder, get_decoder
from pydicom.tag import Tag
from pydicom.uid import UID, JPEG2000TransferSyntaxes

from quietmr.data import InputError, MissingExtraError, QuietmrWarning
from quietmr.io.dicom.elements import text, texts, whole
from quietmr.io.dicom.find import FoundFile
from quietmr.io.dicom.guard import refusing_damage

_DESCRIPTION = (
    "BitsAllocated",
    "BitsStored",
    "Columns",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "NumberOfFrames",
    "PhotometricInterpretation",
    "PixelRepresentation",
    "Rows",
    "SamplesPerPixel",
)
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_LITTLE = 2**26
_MOST_COMPRESSION = 1000
_J2K_SIZE_MARKER = b"\xff\x4f\xff\x51"


@dataclass(frozen=True)
class PixelFormat:
    """How the pixels of a file are stored.

    Parameters
    ----------
    frames, rows, columns : int
        Size of the pixel data.
    bits_allocated, bits_stored : int
        Bits that a pixel takes (8, 16 or 32) and uses.
    signed : bool
        Two's complement or not.
    """

    frames: int
    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    signed: bool

    @property
    def dtype(self) -> np.dtype[Any]:
        """Little endian type of a stored pixel."""
        return np.dtype(f"{'i' if self.signed else 'u'}{self.bits_allocated // 8}").newbyteorder("<")

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest number that the stored bits can hold."""
        if self.signed:
            return -(2 ** (self.bits_stored - 1)), 2 ** (self.bits_stored - 1) - 1
        return 0, 2**self.bits_stored - 1

    @property
    def n_bytes(self) -> int:
        """Size of the decoded pixels."""
        return self.frames * self.rows * self.columns * self.bits_allocated // 8


def pixel_format(dataset: Dataset, path: Path) -> PixelFormat:
    """Check that a file is an MR image as quietmr understands it, and tell how its pixels are stored.

    Raises
    ------
    InputError
        If it is a screenshot, in color, inverted, of another modality, or of an unusual bit layout.
    ValueError
        If an element holds what it must not.
    """
    _check_kind(dataset, path)
    layout = PixelFormat(
        frames=whole(dataset, "NumberOfFrames", default=1),
        rows=whole(dataset, "Rows"),
        columns=whole(dataset, "Columns"),
        bits_allocated=whole(dataset, "BitsAllocated"),
        bits_stored=whole(dataset, "BitsStored"),
        signed=bool(whole(dataset, "PixelRepresentation", default=0)),
    )
    if min(layout.frames, layout.rows, layout.columns) < 1:
        raise ValueError(f"{layout.frames} frames of {layout.rows} x {layout.columns}")
    high_bit = whole(dataset, "HighBit", default=layout.bits_stored - 1)
    if layout.bits_allocated not in (8, 16, 32) or not 1 <= layout.bits_stored <= layout.bits_allocated:
        raise InputError(
            f"{path} stores {layout.bits_stored} of {layout.bits_allocated} bits a pixel; "
            "allowed are pixels of 8, 16 or 32 bits: convert it first."
        )
    if high_bit != layout.bits_stored - 1:
        raise InputError(
            f"{path} keeps its {layout.bits_stored} bits a pixel below bit {high_bit} instead of at the low end, "
            "as no current DICOM does: convert it first."
        )
    _check_size(dataset, layout, path)
    return layout


def _check_kind(dataset: Dataset, path: Path) -> None:
    sop_class = text(dataset, "SOPClassUID")
    if sop_class.startswith(_SECONDARY_CAPTURE) and sop_class[len(_SECONDARY_CAPTURE) :][:1] in ("", "."):
        raise InputError(f"{path} is a screenshot (secondary capture), not a scan: give the original MR series.")
    modality = text(dataset, "Modality")
    if modality not in ("MR", ""):
        raise InputError(f"{path} is of modality {modality}; quietmr knows the noise of MR only: give an MR series.")
    colors = texts(dataset, "PhotometricInterpretation")
    if colors[:1] == ("MONOCHROME1",):
        raise InputError(
            f"{path} is stored inverted (MONOCHROME1), so that its values are no magnitudes: "
            "convert it to MONOCHROME2 first."
        )
    if colors[:1] != ("MONOCHROME2",) or whole(dataset, "SamplesPerPixel", default=1) != 1:
        raise InputError(
            f"{path} is a color image ({' '.join(colors) or 'unnamed colors'}); allowed is MONOCHROME2: "
            "give the original MR series."
        )
    if dataset.get("ModalityLUTSequence"):
        raise InputError(
            f"{path} maps its pixels through a lookup table (ModalityLUTSequence), whose values are no "
            "magnitudes: give the original MR series."
        )


def _check_size(dataset: Dataset, layout: PixelFormat, path: Path) -> None:
    # before anything is allocated: a damaged size must not ask for all memory
    size = path.stat().st_size
    if not _transfer_syntax(dataset).is_compressed:
        if layout.n_bytes > size:
            raise InputError(
                f"{path} announces {layout.frames} frames of {layout.rows} x {layout.columns} pixels and is only "
                f"{size} bytes long: it is cut off or damaged, export or copy it again."
            )
    elif layout.n_bytes > max(_LITTLE, _MOST_COMPRESSION * size):
        raise InputError(
            f"{path} announces {layout.n_bytes} bytes of pixels in a compressed file of {size} bytes, which is not "
            "believable: it is damaged, export or copy it again."
        )


def _transfer_syntax(dataset: Dataset) -> UID:
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if not isinstance(syntax, UID) or not syntax.is_transfer_syntax:
        raise ValueError(f"its transfer syntax is {syntax}")
    return syntax


def stored_frames(found: FoundFile, layout: PixelFormat) -> NDArray[Any]:
    """Decode the pixels of a file.

    Parameters
    ----------
    found : FoundFile
        DICOM file with its header.
    layout : PixelFormat
        What the header announced.

    Returns
    -------
    array, shape (frames, rows, columns), integer
        Stored numbers; unused high bits (overlays) are masked, signs extended.

    Raises
    ------
    InputError
        If there are no pixels, or they are cut off, damaged or in an unknown compression.
    MissingExtraError
        If the library for this compression is not installed.
    """
    with refusing_damage(found.path):
        syntax = _transfer_syntax(found.dataset)
        decoder = _decoder(syntax, found.path)
        pixels = _pixel_element(found, syntax)
        if syntax in JPEG2000TransferSyntaxes:
            _check_codestreams(pixels, layout)
        stored, _ = decoder.as_array(pixels, raw=True)
        return stored.reshape(layout.frames, layout.rows, layout.columns)


def _pixel_element(found: FoundFile, syntax: UID) -> Dataset:
    # the header is parsed already: go on where it stopped
    with found.path.open("rb") as stream:
        stream.seek(found.pixel_offset)
        pixels = read_dataset(stream, syntax.is_implicit_VR, syntax.is_little_endian, specific_tags=[Tag("PixelData")])
    if "PixelData" not in pixels:
        raise InputError(f"{found.path} has no pixels: give an MR image series, or export it again.")
    for keyword in _DESCRIPTION:
        if keyword in found.dataset:
            pixels.add(found.dataset[keyword])
    # the decoder asks for it; quietmr refused anything else before
    pixels.SamplesPerPixel = 1
    pixels.file_meta = found.dataset.file_meta
    return pixels


def _decoder(syntax: UID, path: Path) -> Decoder:
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise InputError(
            f"{path} is compressed as {syntax.name}, which quietmr cannot unpack: convert it to uncompressed DICOM."
        ) from None
    if not decoder.is_available:
        raise MissingExtraError(
            f"{path} is compressed as {syntax.name}, and the library that unpacks it is not installed: "
            "run pip install 'quietmr[dicom]', or convert the file to uncompressed DICOM."
        )
    return decoder


def _check_codestreams(dataset: Dataset, layout: PixelFormat) -> None:
    # the JPEG 2000 library believes the size in the codestream and allocates it
    for frame in generate_frames(dataset.PixelData, number_of_frames=layout.frames):
        start = frame.find(_J2K_SIZE_MARKER)
        if start < 0:
            raise ValueError("a JPEG 2000 frame has no size")
        fields = [int.from_bytes(frame[start + at : start + at + 4], "big") for at in range(8, 24, 4)]
        columns, rows = fields[0] - fields[2], fields[1] - fields[3]
        if (rows, columns) != (layout.rows, layout.columns):
            raise ValueError(f"a JPEG 2000 frame is {rows} x {columns}, not {layout.rows} x {layout.columns}")


def warn_if_lossy(dataset: Dataset, path: Path) -> None:
    """Say that lossy compression has changed the noise."""
    if text(dataset, "LossyImageCompression") == "01":
        warnings.warn(
            f"{path} was compressed with losses once, which changes noise in ways that no noise model here knows: "
            "prefer the original.",
            QuietmrWarning,
            stacklevel=2,
        )
