"""DICOM headers of images that quietmr reconstructed: patient, study, scanner and protocol from the raw header."""

import contextlib
import hashlib
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID, MRImageStorage
from pydicom.valuerep import format_number_as_ds

from quietmr.data import Acquired, Image, OutputError
from quietmr.io.dicom.derive import NewSeries, concept, plain_ascii, processing_equipment

_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_SQUARE = 1e-3
_LONG_STRING = 64
_SEXES = {"M", "F", "O"}


@dataclass(frozen=True)
class RawFacts:
    """Texts of the header of a raw file (ISMRMRD XML); absent ones are empty."""

    xml: str

    def texts(self, path: str) -> list[str]:
        """All texts at a path like ``studyInformation/studyDate``, whatever the namespace."""
        try:
            root = ET.fromstring(self.xml) if self.xml else None
        except ET.ParseError:
            root = None
        if root is None:
            return []
        found = root.findall("/".join(f"{{*}}{part}" for part in path.split("/")))
        return [(element.text or "").strip() for element in found]

    def text(self, path: str) -> str:
        """Return the first text at a path as printable ASCII of at most 64 characters."""
        return plain_ascii(next(iter(self.texts(path)), ""))[:_LONG_STRING]

    def digits(self, path: str) -> str:
        """Return a date or time without its separators, as DICOM writes it."""
        return "".join(letter for letter in self.text(path).split(".")[0] if letter.isdigit())

    def number(self, path: str, index: int = 0) -> float | None:
        """Return the number ``index`` of several at a path (the first if there are fewer); None if there is none."""
        values = self.texts(path)
        with contextlib.suppress(ValueError, IndexError):
            value = float(values[index if index < len(values) else 0])
            return value if np.isfinite(value) else None
        return None


def series_dataset(image: Image, acquired: Acquired, series: NewSeries) -> Dataset:
    """Make the elements that all files of a reconstructed series share (PS3.3 A.4.3).

    The study and the frame of reference are those that the raw header names; without any they follow from header and
    time stamps, so that several outputs of one raw scan (image, g-factor map) end up in one study.
    """
    facts, dataset = RawFacts(acquired.xml), Dataset()
    dataset.SOPClassUID = MRImageStorage
    dataset.PatientName = facts.text("subjectInformation/patientName")
    dataset.PatientID = facts.text("subjectInformation/patientID")
    dataset.PatientBirthDate = facts.digits("subjectInformation/patientBirthdate")
    sex = facts.text("subjectInformation/patientGender").upper()
    dataset.PatientSex = sex if sex in _SEXES else ""
    dataset.StudyInstanceUID = _uid(facts.text("studyInformation/studyInstanceUID"), acquired, "study")
    dataset.StudyDate = facts.digits("studyInformation/studyDate")
    dataset.StudyTime = facts.digits("studyInformation/studyTime")
    dataset.StudyID = facts.text("studyInformation/studyID")[:16]
    dataset.AccessionNumber = facts.text("studyInformation/accessionNumber")[:16]
    dataset.ReferringPhysicianName = facts.text("studyInformation/referringPhysicianName")
    frame_of_reference = facts.text("measurementInformation/frameOfReferenceUID")
    dataset.FrameOfReferenceUID = _uid(frame_of_reference, acquired, "frame of reference")
    dataset.PositionReferenceIndicator = ""
    dataset.Modality = "MR"
    dataset.SeriesInstanceUID = series.uid
    number = facts.number("measurementInformation/initialSeriesNumber")
    dataset.SeriesNumber = int(number) if number is not None and 0 <= number < 2**30 else 1
    protocol = plain_ascii(acquired.system.protocol)
    dataset.ProtocolName = protocol[:_LONG_STRING]
    dataset.SeriesDescription = f"{protocol[:40]} {series.suffix}".strip()[:_LONG_STRING]
    dataset.PatientPosition = facts.text("measurementInformation/patientPosition")[:16]
    _add_scanner(dataset, acquired, facts)
    dataset.ImageType = ["DERIVED", "PRIMARY", "M"]
    dataset.DerivationDescription = series.description
    dataset.ContributingEquipmentSequence = Items([processing_equipment(series)])
    dataset.InstanceCreationDate = series.made.strftime("%Y%m%d")
    dataset.InstanceCreationTime = series.made.strftime("%H%M%S.%f")
    _add_matrix(dataset, image, acquired)
    return dataset


def _uid(known: str, acquired: Acquired, what: str) -> str:
    if known and UID(known).is_valid:
        return known
    digest = hashlib.sha256(what.encode() + acquired.xml.encode() + acquired.readouts.tobytes()).digest()
    # PS3.5 B.2: a UUID as UID; version 5 is that of a digest
    return f"2.25.{UUID(bytes=digest[:16], version=5).int}"


def _add_scanner(dataset: Dataset, acquired: Acquired, facts: RawFacts) -> None:
    system = acquired.system
    dataset.Manufacturer = plain_ascii(system.vendor)[:_LONG_STRING]
    dataset.ManufacturerModelName = plain_ascii(system.model)[:_LONG_STRING]
    dataset.InstitutionName = facts.text("acquisitionSystemInformation/institutionName")
    if system.field_strength is not None:
        dataset.MagneticFieldStrength = format_number_as_ds(float(system.field_strength))
    # the raw header does not say which kind of sequence it was: research mode claims nothing
    dataset.ScanningSequence, dataset.SequenceVariant, dataset.ScanOptions = "RM", "NONE", ""
    dataset.EchoTrainLength = None
    for keyword, name in (("RepetitionTime", "TR"), ("InversionTime", "TI"), ("FlipAngle", "flipAngle_deg")):
        value = facts.number(f"sequenceParameters/{name}")
        if value is not None or keyword == "RepetitionTime":
            setattr(dataset, keyword, None if value is None else format_number_as_ds(value))


def _add_matrix(dataset: Dataset, image: Image, acquired: Acquired) -> None:
    is_volume = acquired.readouts.shape[1] < image.shape[1]
    lps = _TO_LPS @ image.geometry.affine
    x, y, z = image.geometry.voxel_size
    if min(x, y, z) <= 0 or abs(lps[:3, 0] @ lps[:3, 1]) > _SQUARE * x * y:
        raise OutputError("DICOM needs perpendicular rows and columns and voxels of some size: write .nii.gz.")
    dataset.MRAcquisitionType = "3D" if is_volume else "2D"
    thickness = image.geometry.slice_thickness or (z if is_volume else acquired.fov[2])
    dataset.SliceThickness = format_number_as_ds(float(thickness))
    if image.shape[1] > 1:
        dataset.SpacingBetweenSlices = format_number_as_ds(z)
    dataset.PixelSpacing = [format_number_as_ds(y), format_number_as_ds(x)]
    directions = [*(lps[:3, 0] / x), *(lps[:3, 1] / y)]
    dataset.ImageOrientationPatient = [format_number_as_ds(float(value)) for value in directions]
    dataset.Rows, dataset.Columns = image.shape[2:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"


def place_picture(dataset: Dataset, image: Image, acquired: Acquired, t: int, z: int) -> None:
    """Set what differs between the pictures of a series: place, time, number.

    Parameters
    ----------
    dataset : Dataset
        From `series_dataset`; changed in place.
    image : Image
        The image.
    acquired : Acquired
        Its headers.
    t, z : int
        Frame and slice.
    """
    position = (_TO_LPS @ image.geometry.affine @ [0, 0, z, 1])[:3]
    dataset.ImagePositionPatient = [format_number_as_ds(float(value)) for value in position]
    n_frames, n_slices = image.shape[:2]
    dataset.InstanceNumber = t * n_slices + z + 1
    dataset.AcquisitionNumber = t + 1
    readouts = acquired.readouts
    fits = readouts.shape in ((n_frames, n_slices), (n_frames, 1))
    contrast = int(readouts[t, min(z, readouts.shape[1] - 1)]["contrast"]) if fits else 0
    echo_time = RawFacts(acquired.xml).number("sequenceParameters/TE", contrast)
    dataset.EchoTime = None if echo_time is None else format_number_as_ds(echo_time)
    dataset.EchoNumbers = contrast + 1
    if n_frames > 1:
        dataset.TemporalPositionIdentifier, dataset.NumberOfTemporalPositions = t + 1, n_frames
        if image.geometry.time_step is not None and image.frames == "time":
            milliseconds = 1000 * image.geometry.time_step
            dataset.TriggerTime = format_number_as_ds(t * milliseconds)
            dataset.TemporalResolution = format_number_as_ds(milliseconds)


def real_world_value(slope: float, intercept: float, largest: int, label: str) -> Dataset:
    """Describe what stored numbers mean in SNR units, which have no unit (PS3.3 C.7.6.16.2.11)."""
    item = Dataset()
    item.LUTExplanation = f"{label} (noise SD 1 per real channel at g-factor 1)"
    item.LUTLabel = "SNR"
    item.MeasurementUnitsCodeSequence = Items([concept("1", "UCUM", "no units")])
    item.add_new("RealWorldValueFirstValueMapped", "US", 0)
    item.add_new("RealWorldValueLastValueMapped", "US", largest)
    item.RealWorldValueIntercept = intercept
    item.RealWorldValueSlope = slope
    return item
