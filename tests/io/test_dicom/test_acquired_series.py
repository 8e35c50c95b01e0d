"""Images that quietmr reconstructed become a DICOM series: values, places, times, and what the header says."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.config import strict_reading
from pydicom.uid import MRImageStorage

from quietmr.data import Geometry, OutputError
from quietmr.io import read, write

XML = """<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
<subjectInformation><patientName>Phantom^Small</patientName><patientID>17</patientID>
<patientBirthdate>1970-02-03</patientBirthdate><patientGender>O</patientGender></subjectInformation>
<studyInformation><studyDate>2026-11-21</studyDate><studyTime>08:15:30.5</studyTime>
<studyInstanceUID>1.2.3.4</studyInstanceUID></studyInformation>
<measurementInformation><patientPosition>HFS</patientPosition><frameOfReferenceUID>1.2.3.5</frameOfReferenceUID>
</measurementInformation>
<sequenceParameters><TR>3.2</TR><TE>1.5</TE><TE>4.5</TE><flipAngle_deg>50</flipAngle_deg></sequenceParameters>
</ismrmrdHeader>"""


def files(folder: Path) -> list[pydicom.Dataset]:
    with strict_reading():
        return [pydicom.dcmread(file) for file in sorted(folder.iterdir())]


@pytest.mark.parametrize(
    "shape", [{}, {"t": 1, "z": 1}, {"t": 1, "z": 5}, {"t": 4, "z": 1}, {"t": 2, "z": 6, "volume": True}]
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_written_is_read_where_it_was(acquired, tmp_path, shape, seed):
    image = acquired(**shape, seed=seed)
    write(image, tmp_path / "out")
    again = read(tmp_path / "out")
    step = float(files(tmp_path / "out")[0].RescaleSlope)
    assert np.abs(again.data - image.data).max() <= step / 2 * 1.001
    # far below the noise, whose SD is 1
    assert step <= 2 * image.data.max() / 65534
    n_slices = image.shape[1]
    known = image.geometry.affine.copy()
    if n_slices == 1:
        # of one slice DICOM tells the thickness only
        known[:3, 2] *= 6 / 8
    assert again.geometry.affine == pytest.approx(known, abs=1e-4)
    assert again.frames == ("time" if image.shape[0] > 1 else "unknown")
    if image.shape[0] > 1:
        assert again.geometry.time_step == pytest.approx(0.0325)


def test_header_of_a_new_series(acquired, tmp_path):
    image = acquired(t=2, z=3, xml=XML)
    write(image, tmp_path / "out")
    found = files(tmp_path / "out")
    assert len(found) == 6
    assert len({one.SOPInstanceUID for one in found}) == 6
    assert len({one.SeriesInstanceUID for one in found}) == 1
    for index, one in enumerate(found):
        assert one.SOPClassUID == one.file_meta.MediaStorageSOPClassUID == MRImageStorage
        assert list(one.ImageType) == ["DERIVED", "PRIMARY", "M"]
        assert one.InstanceNumber == index + 1
        assert one.TemporalPositionIdentifier == index // 3 + 1
        assert float(one.TriggerTime) == pytest.approx(32.5 * (index // 3))
        assert (one.StudyInstanceUID, one.FrameOfReferenceUID) == ("1.2.3.4", "1.2.3.5")
        assert (one.PatientName, one.PatientID, one.PatientBirthDate, one.PatientSex) == (
            "Phantom^Small",
            "17",
            "19700203",
            "O",
        )
        assert (one.StudyDate, one.StudyTime, one.PatientPosition) == ("20261121", "081530", "HFS")
        assert (float(one.RepetitionTime), float(one.EchoTime), float(one.FlipAngle)) == (3.2, 1.5, 50)
        assert (one.SliceThickness, one.SpacingBetweenSlices) == (6, 8)
        assert float(one.MagneticFieldStrength) == 1.5
        assert "recon" in one.DerivationDescription
        assert '"r": 2' in one.DerivationDescription
        mapping = one.RealWorldValueMappingSequence[0]
        real = one.pixel_array * mapping.RealWorldValueSlope + mapping.RealWorldValueIntercept
        assert np.abs(real - image.data[index // 3, index % 3]).max() <= mapping.RealWorldValueSlope / 2 * 1.001
        assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "1"


def test_two_outputs_of_one_scan_share_study_and_frame_of_reference(acquired, tmp_path):
    image = acquired(t=1, z=2)
    for name in ("a", "b"):
        write(image, tmp_path / name)
    first, second = (files(tmp_path / name)[0] for name in ("a", "b"))
    assert first.StudyInstanceUID == second.StudyInstanceUID
    assert first.FrameOfReferenceUID == second.FrameOfReferenceUID
    assert first.SeriesInstanceUID != second.SeriesInstanceUID
    write(acquired(t=1, z=2, seed=9), tmp_path / "c")
    assert files(tmp_path / "c")[0].StudyInstanceUID != first.StudyInstanceUID


def test_one_picture_may_be_one_file(acquired, tmp_path):
    image = acquired(t=1, z=1)
    write(image, tmp_path / "out.dcm")
    assert read(tmp_path / "out.dcm").data == pytest.approx(image.data, abs=400 / 65534)


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 1, 1e9, -1, 0])
def test_any_size_of_values(acquired, tmp_path, scale):
    image = acquired(t=1, z=2)
    image = image.replace(data=(image.data - 1) * np.float32(scale))
    write(image, tmp_path / "out")
    span = float(np.ptp(np.append(image.data, 0)))
    assert np.abs(read(tmp_path / "out").data - image.data).max() <= span / 65534 * 1.001


@pytest.mark.parametrize(
    ("change", "target", "message"),
    [
        (lambda image: image.replace(data=image.data.astype(np.complex64)), "out", "no complex pixels"),
        (lambda image: image.replace(data=image.data * np.nan), "out", "NaN"),
        (lambda image: image, "out.dcm", "folder"),
        (lambda image: image.replace(geometry=Geometry(np.diag([1, 0, 1, 1.0]))), "out", "perpendicular"),
    ],
)
def test_refusals_leave_nothing(acquired, tmp_path, change, target, message):
    with pytest.raises(OutputError, match=message):
        write(change(acquired()), tmp_path / target)
    assert list(tmp_path.iterdir()) == []
