"""g-factor and SNR maps as Parametric Maps: values, places and meaning, as pydicom and highdicom read them."""

import sys

import numpy as np
import pydicom
import pytest
from pydicom.uid import ParametricMapStorage

from quietmr.data import Image, MissingExtraError, NoiseMap, OutputError
from quietmr.io import write
from quietmr.io.dicom import read
from quietmr.io.dicom.parametric_map import write_parametric_map

highdicom = pytest.importorskip("highdicom", reason="highdicom is an extra")


def values(dataset):
    shape = (int(dataset.NumberOfFrames), dataset.Rows, dataset.Columns)
    return np.frombuffer(dataset.FloatPixelData, "<f4").reshape(shape)


def places(dataset):
    frames = dataset.PerFrameFunctionalGroupsSequence
    return np.array([frame.PlanePositionSequence[0].ImagePositionPatient for frame in frames], float)


@pytest.mark.parametrize("shape", [{"t": 1, "z": 1}, {"t": 3, "z": 4}, {"t": 1, "z": 5, "volume": True}])
def test_values_places_and_meaning(acquired, tmp_path, shape):
    image = acquired(**shape)
    write_parametric_map(image, tmp_path / "g.dcm", "g-factor")
    dataset = pydicom.dcmread(tmp_path / "g.dcm")
    assert dataset.SOPClassUID == ParametricMapStorage
    lps = np.diag([-1, -1, 1, 1]) @ image.geometry.affine
    known = np.array([(lps @ [0, 0, z, 1])[:3] for z in range(image.shape[1])])
    found = places(dataset)
    order = [int(np.argmin(np.linalg.norm(known - place, axis=1))) for place in found]
    assert sorted(order) == list(range(image.shape[1]))
    assert found == pytest.approx(known[order], abs=1e-4)
    assert np.array_equal(values(dataset), image.noise.sigma[0][order])
    shared = dataset.SharedFunctionalGroupsSequence[0]
    x, y, _ = image.geometry.voxel_size
    assert shared.PixelMeasuresSequence[0].PixelSpacing == pytest.approx([y, x])
    directions = shared.PlaneOrientationSequence[0].ImageOrientationPatient
    assert directions == pytest.approx([*lps[:3, 0] / x, *lps[:3, 1] / y])
    holder = shared if "RealWorldValueMappingSequence" in shared else dataset.PerFrameFunctionalGroupsSequence[0]
    mapping = holder.RealWorldValueMappingSequence[0]
    unit = mapping.MeasurementUnitsCodeSequence[0]
    assert (unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning) == ("1", "UCUM", "no units")
    assert (mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept) == (1, 0)
    assert mapping.QuantityDefinitionSequence[0].ConceptCodeSequence[0].CodeMeaning == "g-factor"


def test_highdicom_reads_it_back(acquired, tmp_path):
    image = acquired(t=1, z=4)
    write_parametric_map(image, tmp_path / "g.dcm", "g-factor")
    made = highdicom.imread(tmp_path / "g.dcm")
    volume = made.get_volume(apply_real_world_transform=True)
    # highdicom counts (slice, row, column) and gives LPS
    corners = np.array([[z, y, x, 1] for z in (0, 3) for y in (0, 14) for x in (0, 19)])
    ours = np.diag([-1, -1, 1, 1]) @ image.geometry.affine
    back = np.linalg.inv(ours) @ volume.affine @ corners.T
    for (z, y, x, _), (i, j, k, _) in zip(corners, np.rint(back.T).astype(int), strict=True):
        assert volume.array[z, y, x] == image.noise.sigma[0, k, j, i]
    assert np.abs(back - np.rint(back)).max() < 1e-4


def test_snr_maps_of_frames_are_one_file_each(acquired, tmp_path):
    image = acquired(t=3, z=2)
    write_parametric_map(image, tmp_path / "snr", "SNR")
    found = [pydicom.dcmread(file) for file in sorted((tmp_path / "snr").iterdir())]
    assert len(found) == 3
    assert len({one.SeriesInstanceUID for one in found}) == 1
    for t, one in enumerate(found):
        wanted = np.abs(image.data[t]) / image.noise.sigma[0]
        got = values(one)
        assert np.array_equal(got, wanted) or np.array_equal(got, wanted[::-1])
        assert one.InstanceNumber == t + 1


def test_map_and_image_share_study_and_frame_of_reference(acquired, tmp_path):
    image = acquired(t=1, z=2)
    write(image, tmp_path / "image")
    write_parametric_map(image, tmp_path / "g.dcm", "g-factor")
    picture, made = pydicom.dcmread(tmp_path / "image" / "000001.dcm"), pydicom.dcmread(tmp_path / "g.dcm")
    assert picture.StudyInstanceUID == made.StudyInstanceUID
    assert picture.FrameOfReferenceUID == made.FrameOfReferenceUID
    assert picture.SeriesInstanceUID != made.SeriesInstanceUID


def test_a_map_of_a_dicom_series_refers_to_it(scan, ramp, tmp_path):
    image = read(scan.volume(tmp_path / "in", ramp(3, 6, 8), StudyID="", AccessionNumber="", StudyDate="",
                             StudyTime="", PatientBirthDate="", PatientSex="", ReferringPhysicianName="",
                             PositionReferenceIndicator=""))  # fmt: skip
    sigma = 1 + np.arange(3 * 48, dtype=np.float32).reshape(3, 6, 8)
    write_parametric_map(image.replace(noise=NoiseMap(sigma)), tmp_path / "snr.dcm", "SNR")
    made = pydicom.dcmread(tmp_path / "snr.dcm")
    order = [int(np.argmin([np.linalg.norm(scan.position(z) - place) for z in range(3)])) for place in places(made)]
    assert sorted(order) == [0, 1, 2]
    assert np.array_equal(values(made), (image.data[0] / sigma)[order])
    assert places(made) == pytest.approx(np.array([scan.position(z) for z in order]))
    instances = {item.ReferencedSOPInstanceUID for item in made.ReferencedSeriesSequence[0].ReferencedInstanceSequence}
    assert instances == {file.dataset.SOPInstanceUID for file in image.meta.header.files}
    assert made.PatientID == "17"


def test_without_highdicom_the_extra_is_named(acquired, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'quietmr\[dicom\]'"):
        write_parametric_map(acquired(), tmp_path / "g.dcm", "g-factor")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "quantity", "message"),
    [
        (lambda image: image.replace(noise=None), "SNR", "unknown"),
        (lambda image: image.replace(unit="stored"), "g-factor", "SNR units"),
        (lambda image: image.replace(data=image.data * np.nan), "SNR", "NaN"),
        (lambda image: Image(image.data, noise=image.noise), "SNR", "from memory"),
        (lambda image: image, "T1", "'T1'"),
    ],
)
def test_refusals_leave_nothing(acquired, tmp_path, change, quantity, message):
    with pytest.raises(OutputError, match=message):
        write_parametric_map(change(acquired()), tmp_path / "g", quantity)
    assert list(tmp_path.iterdir()) == []
