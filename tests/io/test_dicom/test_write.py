"""Derived series: read(write(x)) = x, a new identity, and a header that stays true."""

import hashlib
import shutil

import numpy as np
import pydicom
import pytest
from pydicom.config import disable_value_validation, strict_reading
from pydicom.uid import ExplicitVRLittleEndian

from quietmr.data import Geometry, Image, InputError, Meta, OutputError, Step
from quietmr.io.dicom import is_dicom, read, write

DENOISE = Step("denoise", {"method": "quiet-fast", "model": "snraware", "strength": 1.0})
REAL = [
    "dcm_qa_nih_ge_epi_motion",  # two volumes of it
    "dcm_qa_enh_siemens_xa10",
    "dcm_qa_enh_siemens_xa10/6_3.dcm",
    "dcm_qa_nih_siemens_phantom_pairs/mr_0003",
    "dcm_qa_siemens_mosaic_epi/axdesc35",
    "pydicom_mr_samples/MR2_J2KR.dcm",
    "pydicom_mr_samples/MR-SIEMENS-DICOM-WithOverlays.dcm",
]
# identity, derivation, equipment, and what follows from the pixels; all else must stay
NEW = {
    "ContributingEquipmentSequence",
    "DerivationCodeSequence",
    "DerivationDescription",
    "ImageType",
    "InstanceCreationDate",
    "InstanceCreationTime",
    "InstanceCreatorUID",
    "PixelData",
    "SOPInstanceUID",
    "SeriesDescription",
    "SeriesInstanceUID",
    "SeriesNumber",
    "SourceImageSequence",
    "SourceImageEvidenceSequence",
    "PerFrameFunctionalGroupsSequence",
    "SharedFunctionalGroupsSequence",
    "IconImageSequence",
    "DataSetTrailingPadding",
}


def files_of(path):
    return sorted(file for file in path.rglob("*") if file.is_file() and is_dicom(file)) if path.is_dir() else [path]


def digest(path):
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files_of(path)]


@pytest.fixture
def real(shared, tmp_path):
    """A real series; of the long one only the first two volumes, in names and folders of their own."""

    def find(name):
        path = shared(name)
        if name != REAL[0]:
            return path
        files = sorted(path.glob("*.dcm"))[:30]
        for number, file in enumerate(files):
            copy = tmp_path / "in" / f"volume {number // 15}" / f"IM{number:04d}"
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)
        return tmp_path / "in"

    return find


def assert_same_image(image, other):
    assert np.array_equal(image.data, other.data)
    assert image.geometry.affine == pytest.approx(other.geometry.affine, abs=1e-9)
    assert image.geometry.slice_thickness == other.geometry.slice_thickness
    assert image.geometry.time_step == other.geometry.time_step
    assert image.frames == other.frames


@pytest.mark.shared
@pytest.mark.parametrize("name", REAL)
def test_untouched_real_series_keeps_integers_and_header(real, tmp_path, name):
    source = real(name)
    before = digest(source)
    image = read(source)
    target = tmp_path / "out"
    write(image, target)
    assert digest(source) == before
    assert_same_image(read(target), image)
    for old_file, new_file in zip(files_of(source), files_of(target), strict=True):
        old, new = pydicom.dcmread(old_file), pydicom.dcmread(new_file)
        if target.is_dir():
            assert new_file.relative_to(target) == old_file.relative_to(source)
        assert np.array_equal(old.pixel_array, new.pixel_array)
        assert old.pixel_array.dtype == new.pixel_array.dtype
        for element in old:
            if element.tag.element == 0 or (element.keyword or "private") in NEW or element.tag == (0x0043, 0x1029):
                continue
            assert new[element.tag] == element


@pytest.mark.shared
@pytest.mark.parametrize("name", REAL)
def test_identity_of_a_real_derived_series(real, tmp_path, name):
    source = real(name)
    image = read(source)
    write(image.after(DENOISE, image.data), tmp_path / "out")
    pairs = list(zip(files_of(source), files_of(tmp_path / "out"), strict=True))
    series, instances = set(), set()
    for old_file, new_file in pairs:
        with strict_reading():
            new = pydicom.dcmread(new_file)
            str(new)
        old = pydicom.dcmread(old_file)
        assert new.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert new.file_meta.MediaStorageSOPInstanceUID == new.SOPInstanceUID
        assert new.file_meta.MediaStorageSOPClassUID == new.SOPClassUID == old.SOPClassUID
        assert new.StudyInstanceUID == old.StudyInstanceUID
        assert new.FrameOfReferenceUID == old.FrameOfReferenceUID
        assert new.SeriesNumber == old.SeriesNumber + 1000
        assert new.SeriesDescription.endswith("denoised")
        assert len(new.SeriesDescription) <= 64
        enhanced = "PerFrameFunctionalGroupsSequence" in new
        assert list(new.ImageType[:2]) == ["DERIVED", "PRIMARY" if enhanced else "SECONDARY"]
        assert new.ImageType[2:] == old.ImageType[2:]
        assert new.SourceImageSequence[0].ReferencedSOPInstanceUID == old.SOPInstanceUID
        assert new.SourceImageSequence[0].ReferencedSOPClassUID == old.SOPClassUID
        assert "quiet-fast" in new.DerivationDescription
        assert new.ContributingEquipmentSequence[-1].Manufacturer == "quietmr"
        assert new.get("Manufacturer") == old.get("Manufacturer")
        series.add(new.SeriesInstanceUID)
        instances.add(new.SOPInstanceUID)
        instances.add(old.SOPInstanceUID)
    assert len(series) == 1
    assert series != {old.SeriesInstanceUID}
    assert len(instances) == 2 * len(pairs)


@pytest.mark.shared
def test_frames_of_an_enhanced_file_say_where_they_come_from(shared, tmp_path):
    source = shared("dcm_qa_enh_siemens_xa10/6_1.dcm")
    image = read(source)
    write(image.after(DENOISE, image.data), tmp_path / "out.dcm")
    old, new = pydicom.dcmread(source), pydicom.dcmread(tmp_path / "out.dcm")
    (step,) = new.SharedFunctionalGroupsSequence[0].DerivationImageSequence
    assert step.SourceImageSequence[0].ReferencedSOPInstanceUID == old.SOPInstanceUID
    evidence = new.SourceImageEvidenceSequence[0].ReferencedSeriesSequence[0]
    assert evidence.SeriesInstanceUID == old.SeriesInstanceUID
    assert evidence.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == old.SOPInstanceUID
    pairs = zip(old.PerFrameFunctionalGroupsSequence, new.PerFrameFunctionalGroupsSequence, strict=True)
    for old_frame, new_frame in pairs:
        assert list(new_frame.MRImageFrameTypeSequence[0].FrameType) == ["DERIVED", "PRIMARY", "M", "NONE"]
        for keyword in (
            "FrameContentSequence",
            "PlanePositionSequence",
            "FrameVOILUTSequence",
            "PixelMeasuresSequence",
        ):
            assert new_frame[keyword] == old_frame[keyword]


@pytest.mark.shared
@pytest.mark.parametrize("name", ["dcm_qa_siemens_mosaic_epi/axasc35", "dcm_qa_enh_siemens_xa10"])
def test_each_frame_goes_back_to_its_own_file(shared, tmp_path, name):
    image = read(shared(name))
    marked = image.data.copy()
    for t in range(len(marked)):
        for z in range(marked.shape[1]):
            marked[t, z] = 40 * t + z
    write(image.after(DENOISE, marked), tmp_path / "out")
    assert np.array_equal(read(tmp_path / "out").data, marked)
    for new_file, old_file in zip(files_of(tmp_path / "out"), files_of(shared(name)), strict=True):
        new, old = pydicom.dcmread(new_file), pydicom.dcmread(old_file)
        assert new.get("AcquisitionTime") == old.get("AcquisitionTime")
        assert set(np.unique(new.pixel_array)) <= set(range(80 * 40))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda image: image.replace(data=image.data[:, :, :, 1:]), "no longer lies on the grid"),
        (lambda image: image.replace(data=image.data[:, 1:]), "no longer lies on the grid"),
        (lambda image: image.replace(geometry=Geometry(image.geometry.affine @ np.diag([2, 1, 1, 1]))), "grid"),
        (lambda image: image.replace(data=image.data.astype(np.complex64)), "no complex pixels"),
        (lambda image: image.replace(meta=Meta()), r"comes from memory.*\.nii\.gz"),
        (lambda image: Image(image.data, meta=Meta(format="nifti")), "comes from nifti"),
    ],
)
def test_images_without_a_place_in_dicom_are_refused(scan, ramp, tmp_path, change, message):
    image = read(scan.volume(tmp_path / "in", ramp(3, 6, 8)))
    with pytest.raises(OutputError, match=message):
        write(change(image), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("target", "message"), [("in", "never replaced"), (".", "never replaced"), ("o.dcm", "folder")]
)
def test_sources_and_file_names_are_no_targets(scan, ramp, tmp_path, target, message):
    folder = scan.volume(tmp_path / "in", ramp(3, 6, 8))
    before = digest(folder)
    with pytest.raises(OutputError, match=message):
        write(read(folder), tmp_path / target)
    assert digest(folder) == before


def test_a_failed_write_leaves_nothing(scan, ramp, tmp_path):
    folder = scan.volume(tmp_path / "in", ramp(3, 6, 8))
    image = read(folder)
    # the last of the files cannot be encoded
    with disable_value_validation():
        image.meta.header.files[2].dataset.add_new((0x0009, 0x1001), "US", "no number")
    with pytest.raises(OutputError, match=r"header of 002\.dcm .* cannot be written"):
        write(image, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


def test_source_header_is_untouched_by_writing(scan, ramp, tmp_path):
    image = read(scan.volume(tmp_path / "in", ramp(2, 6, 8)))
    before = [str(file.dataset) for file in image.meta.header.files]
    write(image.after(DENOISE, -image.data), tmp_path / "out")
    assert [str(file.dataset) for file in image.meta.header.files] == before
    # and so a second derived series does not sit on the first
    write(image, tmp_path / "again")
    assert {pydicom.dcmread(file).SeriesDescription for file in files_of(tmp_path / "again")} == {"t1 small copy"}
    with pytest.raises(InputError, match="3 series"):
        read(tmp_path)


def test_derived_series_of_a_derived_series(scan, ramp, tmp_path):
    write(read(scan.volume(tmp_path / "in", ramp(2, 6, 8))), tmp_path / "once")
    write(read(tmp_path / "once"), tmp_path / "twice")
    written = pydicom.dcmread(tmp_path / "twice" / "000.dcm")
    once = pydicom.dcmread(tmp_path / "once" / "000.dcm")
    assert [item.ReferencedSOPInstanceUID for item in written.SourceImageSequence] == [once.SOPInstanceUID]
    assert len(written.ContributingEquipmentSequence) == 2
    assert written.SeriesNumber == 2005
