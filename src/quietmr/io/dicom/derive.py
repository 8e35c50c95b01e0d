"""The header of a derived series: what it says of its origin, and what it must no longer say."""

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.uid import generate_uid

from quietmr._version import __version__
from quietmr.data import Step
from quietmr.io.dicom.elements import items, private_tag, text, texts, whole
from quietmr.io.dicom.enhanced import is_enhanced
from quietmr.io.dicom.header import SourceFile

_SERIES_NUMBER_OFFSET = 1000
_LARGEST_INTEGER_STRING = 2**31 - 1
_LONG_STRING = 64
_SHORT_TEXT = 1024
_DONE = {"denoise": "denoised"}
# they belong to one original object, or show or sign its pixels
_OUTDATED = (
    "DigitalSignaturesSequence",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "IconImageSequence",
    "InstanceCreatorUID",
    "LargestPixelValueInSeries",
    "MACParametersSequence",
    "SmallestPixelValueInSeries",
)
_GE_HISTOGRAM = (0x0043, "GEMS_PARM_01", 0x29)


@dataclass(frozen=True, eq=False)
class NewSeries:
    """What all files of a derived series share.

    Parameters
    ----------
    history : tuple of Step
        What was done to the image.
    uid : str
        Its SeriesInstanceUID.
    made : datetime
        When it is written.
    concatenations : dict of str to str
        Old and new UIDs of the concatenations (one frame set over several files) met so far.
    """

    history: tuple[Step, ...]
    uid: str = field(default_factory=lambda: str(generate_uid(prefix=None)))
    made: datetime = field(default_factory=datetime.now)
    concatenations: dict[str, str] = field(default_factory=dict)

    @property
    def suffix(self) -> str:
        """What the series description ends with: ``denoised``, the name of the last step, or ``copy``."""
        names = [step.name for step in self.history]
        if not names:
            return "copy"
        return _DONE.get(names[-1], names[-1])

    @property
    def description(self) -> str:
        """What was done, with which parameters, by which version."""
        steps = [f"{step.name} {json.dumps(dict(step.parameters), default=str)}" for step in self.history]
        return plain_ascii(f"quietmr {__version__}: {'; '.join(steps) or 'copy, pixels unchanged'}")[:_SHORT_TEXT]


def derived_header(source: SourceFile, series: NewSeries) -> Dataset:
    """Make the header of the file that replaces ``source`` in the derived series.

    Patient, study, geometry, timing and protocol stay, private elements too; new are the identity (UIDs, series number
    and description), the image type, and the record of the derivation (PS3.3 C.7.6.1.1.3, C.12.4, C.7.6.16.2.6).

    Parameters
    ----------
    source : SourceFile
        A file of the source series; not changed.
    series : NewSeries
        The derived series.

    Returns
    -------
    Dataset
        Header without pixels.
    """
    dataset = _copy(source.dataset)
    for keyword in _OUTDATED:
        if keyword in dataset:
            delattr(dataset, keyword)
    histogram = private_tag(dataset, *_GE_HISTOGRAM)
    if histogram is not None:
        del dataset[histogram]
    reference = _reference(dataset)
    _rename(dataset, series)
    _set_type(dataset)
    dataset.DerivationDescription = series.description
    dataset.DerivationCodeSequence = [_code(series)]
    dataset.SourceImageSequence = [reference]
    dataset.ContributingEquipmentSequence = [
        *items(dataset, "ContributingEquipmentSequence"),
        processing_equipment(series),
    ]
    if is_enhanced(dataset):
        _derive_frames(dataset, reference, series)
        evidence = _evidence(source.dataset, reference)
        dataset.SourceImageEvidenceSequence = [*items(dataset, "SourceImageEvidenceSequence"), evidence]
    return dataset


def _copy(dataset: Dataset) -> Dataset:
    # deepcopy takes longer than reading and writing together; elements that are not parsed yet never change
    elements: dict[BaseTag, DataElement | RawDataElement] = {}
    for tag in dataset.keys():  # noqa: SIM118
        element = dataset.get_item(tag)
        if isinstance(element, DataElement):
            value = [_copy(item) for item in element.value] if element.VR == "SQ" else element.value
            element = DataElement(element.tag, element.VR, value, already_converted=element.VR != "SQ")
        elements[element.tag] = element
    encoding = dataset.original_character_set
    twin = Dataset(elements, parent_encoding=encoding)
    is_implicit, is_little_endian = dataset.original_encoding
    twin.set_original_encoding(is_implicit, is_little_endian, encoding)
    return twin


def _rename(dataset: Dataset, series: NewSeries) -> None:
    dataset.SeriesInstanceUID = series.uid
    dataset.SOPInstanceUID = generate_uid(prefix=None)
    number = whole(dataset, "SeriesNumber", default=0) + _SERIES_NUMBER_OFFSET
    dataset.SeriesNumber = min(number, _LARGEST_INTEGER_STRING)
    ending = plain_ascii(series.suffix).replace("\\", " ")[: _LONG_STRING // 2]
    start = text(dataset, "SeriesDescription")[: _LONG_STRING - len(ending) - 1]
    dataset.SeriesDescription = f"{start} {ending}".strip()
    dataset.InstanceCreationDate = series.made.strftime("%Y%m%d")
    dataset.InstanceCreationTime = series.made.strftime("%H%M%S.%f")
    for keyword in ("ConcatenationUID", "SOPInstanceUIDOfConcatenationSource"):
        if keyword in dataset:
            new = series.concatenations.setdefault(text(dataset, keyword), str(generate_uid(prefix=None)))
            setattr(dataset, keyword, new)


def _set_type(dataset: Dataset) -> None:
    # PS3.3 C.8.16.1.2 leaves enhanced images no other second value than PRIMARY
    second = "PRIMARY" if is_enhanced(dataset) else "SECONDARY"
    dataset.ImageType = ["DERIVED", second, *texts(dataset, "ImageType")[2:]]


def _reference(dataset: Dataset) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = dataset.get("SOPClassUID", "")
    item.ReferencedSOPInstanceUID = dataset.get("SOPInstanceUID", "")
    item.PurposeOfReferenceCodeSequence = [
        concept("121322", "DCM", "Source image for image processing operation"),
    ]
    return item


def _code(series: NewSeries) -> Dataset:
    # CID 7203 knows smoothing and filters of many kinds, but no noise reduction
    name = plain_ascii(series.history[-1].name) if series.history else "copy"
    return concept(name.upper()[:16].strip(), "99QUIETMR", name[:_LONG_STRING])


def processing_equipment(series: NewSeries) -> Dataset:
    """Describe quietmr as contributing equipment (PS3.3 C.12.1)."""
    item = Dataset()
    item.Manufacturer = "quietmr"
    item.ManufacturerModelName = "quietmr"
    item.SoftwareVersions = __version__
    item.ContributionDateTime = series.made.strftime("%Y%m%d%H%M%S.%f")
    item.ContributionDescription = series.description
    item.PurposeOfReferenceCodeSequence = [concept("109102", "DCM", "Processing Equipment")]
    return item


def concept(value: str, scheme: str, meaning: str) -> Dataset:
    """Make the item of a code sequence."""
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = meaning
    return item


def _derive_frames(dataset: Dataset, reference: Dataset, series: NewSeries) -> None:
    frames = items(dataset, "PerFrameFunctionalGroupsSequence")
    shared = items(dataset, "SharedFunctionalGroupsSequence")[:1]
    for group in (*frames, *shared):
        for frame_type in items(group, "MRImageFrameTypeSequence"):
            frame_type.FrameType = ["DERIVED", "PRIMARY", *texts(frame_type, "FrameType")[2:]]
    # a functional group stands with the frames or with what they share, never with both
    holders = frames if not shared or _any_has(frames, "DerivationImageSequence") else shared
    for group in holders:
        step = Dataset()
        step.DerivationDescription = series.description
        step.DerivationCodeSequence = [_code(series)]
        step.SourceImageSequence = [copy.deepcopy(reference)]
        group.DerivationImageSequence = [*items(group, "DerivationImageSequence"), step]


def _any_has(groups: Sequence[Dataset], keyword: str) -> bool:
    return any(keyword in group for group in groups)


def _evidence(source: Dataset, reference: Dataset) -> Dataset:
    instance = Dataset()
    instance.ReferencedSOPClassUID = reference.ReferencedSOPClassUID
    instance.ReferencedSOPInstanceUID = reference.ReferencedSOPInstanceUID
    series = Dataset()
    series.SeriesInstanceUID = source.get("SeriesInstanceUID", "")
    series.ReferencedSOPSequence = [instance]
    study = Dataset()
    study.StudyInstanceUID = source.get("StudyInstanceUID", "")
    study.ReferencedSeriesSequence = [series]
    return study


def plain_ascii(sentence: str) -> str:
    """Replace what is not printable ASCII by question marks."""
    # every character set of DICOM holds printable ASCII
    return "".join(letter if " " <= letter <= "~" else "?" for letter in sentence)
