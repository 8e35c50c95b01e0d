"""Derived series: read(write(x)) = x, a new identity, and a header that stays true."""

import hashlib
import shutil

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.config import disable_value_validation, strict_reading
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from quietmr.data import Geometry, Image, InputError, Meta, OutputError, QuietmrWarning, Step
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
    return sorted(file for file in path.rglob("*") if is_dicom(file)) if path.is_dir() else [path]


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


@pytest.fixture
def one(scan, save, tmp_path):
    """Write a picture with the elements given, read it, write it with other values, and read that."""

    def run(stored, values=None, syntax=ExplicitVRLittleEndian, unit="stored", history=(DENOISE,), **elements):
        image = read(save(scan.picture(stored, **elements), tmp_path / "in.dcm", syntax))
        data = image.data if values is None else np.asarray(values, np.float32).reshape(image.shape)
        write(image.replace(data=data, history=history, unit=unit), tmp_path / "out.dcm")
        return image, read(tmp_path / "out.dcm"), pydicom.dcmread(tmp_path / "out.dcm")

    return run


def test_rounded_values_keep_the_old_type_and_scale(one, ramp):
    values = np.linspace(0, 4000, 48) + 0.3
    _, back, written = one(ramp() * 80, values, BitsStored=12, HighBit=11, RescaleSlope="2", RescaleIntercept="-5")
    assert (written.BitsStored, written.PixelRepresentation) == (12, 0)
    assert (written.RescaleSlope, written.RescaleIntercept) == (2, -5)
    assert np.abs(back.data.ravel() - values).max() <= 1.0 + 1e-3
    assert written.pixel_array.max() < 4096


def test_values_above_twelve_bits_get_sixteen(one, ramp):
    _, back, written = one(ramp() * 80, ramp() * 100, BitsStored=12, HighBit=11)
    assert (written.BitsStored, written.HighBit) == (16, 15)
    assert "RescaleSlope" not in written
    assert np.array_equal(back.data[0, 0], ramp() * 100.0)


def test_negative_values_of_unsigned_pixels(one, ramp, rng):
    removed = rng.normal(0, 30, 48).astype(np.float32)
    _, back, written = one(ramp() * 80, removed, history=(Step("removed"),), PixelPaddingValue=0)
    assert written.PixelRepresentation == 0
    assert written.RescaleIntercept <= removed.min()
    assert written.RescaleSlope <= 1
    assert np.abs(back.data.ravel() - removed).max() <= written.RescaleSlope / 2 * 1.001
    assert written.SeriesDescription == "t1 small removed"
    # counted in old stored values
    assert "PixelPaddingValue" not in written


def test_negative_values_of_signed_pixels_keep_their_type(one, ramp):
    stored = ramp(dtype="<i2") * 80 - 2000
    _, back, written = one(stored, -stored)
    assert (written.PixelRepresentation, written.get("RescaleSlope")) == (1, None)
    assert np.array_equal(back.data[0, 0], -stored)


def test_values_in_snr_units_are_not_rounded_to_old_steps(one, ramp, rng):
    values = rng.uniform(0, 300, 48)
    _, back, written = one(ramp() * 80, values, unit="snr")
    assert written.RescaleSlope < 0.01
    assert np.abs(back.data.ravel() - values).max() <= written.RescaleSlope / 2 * 1.001


def test_too_wide_a_range_is_said(one, ramp):
    with pytest.warns(QuietmrWarning, match="times coarser"):
        _, back, written = one(ramp(), np.linspace(-1e6, 1e6, 48))
    assert np.abs(back.data.ravel() - np.linspace(-1e6, 1e6, 48)).max() <= written.RescaleSlope / 2 * 1.01


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    slope=st.sampled_from([1.0, 3.774114, 0.25, 1e-3, -2.0]),
    intercept=st.sampled_from([0.0, 6.1e-05, -1024.0]),
    center=st.floats(-500, 500),
    spread=st.floats(1e-3, 300),
    signed=st.booleans(),
)
def test_quantization_is_never_coarser_than_the_source(one, ramp, rng, slope, intercept, center, spread, signed):
    stored = ramp(dtype="<i2" if signed else "<u2") * 100
    values = intercept + slope * (center + rng.normal(0, spread, 48))
    image, back, _ = one(stored, values, RescaleSlope=f"{slope:g}", RescaleIntercept=f"{intercept:g}")
    float32 = np.abs(values).max() * 2.0**-23
    assert np.abs(back.data.ravel() - values).max() <= abs(slope) / 2 * 1.001 + float32
    assert back.geometry.affine == pytest.approx(image.geometry.affine)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    slope=st.floats(1e-4, 1e3),
    intercept=st.floats(-1e3, 1e3),
    dtype=st.sampled_from(["|u1", "<u2", "<i2"]),
    seed=st.integers(0, 99),
)
def test_untouched_integers_are_identical(one, slope, intercept, dtype, seed):
    info = np.iinfo(dtype)
    stored = np.random.default_rng(seed).integers(info.min, info.max, (3, 5), dtype=dtype, endpoint=True)
    _, _, written = one(stored, RescaleSlope=f"{slope:.9g}", RescaleIntercept=f"{intercept:.9g}")
    assert np.array_equal(written.pixel_array, stored)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite_is_refused(one, ramp, value, tmp_path):
    values = ramp().astype(float)
    values[0, 0] = value
    with pytest.raises(OutputError, match="1 voxels are NaN or infinite"):
        one(ramp(), values)
    assert not (tmp_path / "out.dcm").exists()


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_other_encodings_come_out_little_and_explicit(scan, save, ramp, tmp_path, syntax):
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    overlay = np.arange(6, dtype=f"{order}u2").tobytes()
    dataset = scan.picture(ramp(), SmallestImagePixelValue=0, LargestImagePixelValue=47, AcquisitionMatrix=[0, 8, 6, 0])
    dataset.PixelData = ramp(dtype=f"{order}u2").tobytes()
    dataset["SmallestImagePixelValue"].VR = dataset["LargestImagePixelValue"].VR = "US"
    dataset.add_new((0x6000, 0x0102), "US", 0)
    dataset.add_new((0x6000, 0x3000), "OW", overlay)
    item = scan.picture(ramp(), PixelData=None)
    item.add_new((0x6000, 0x3000), "OW", overlay)
    dataset.ReferencedImageSequence = [item]
    image = read(save(dataset, tmp_path / "in.dcm", syntax))
    write(image, tmp_path / "out.dcm")
    with strict_reading():
        written = pydicom.dcmread(tmp_path / "out.dcm")
        str(written)
    assert np.array_equal(written.pixel_array, ramp())
    assert written.AcquisitionMatrix == [0, 8, 6, 0]
    assert (written.SmallestImagePixelValue, written.LargestImagePixelValue) == (0, 47)
    assert written[0x6000, 0x3000].value == np.arange(6, dtype="<u2").tobytes()
    assert written.ReferencedImageSequence[0][0x6000, 0x3000].value == np.arange(6, dtype="<u2").tobytes()
    assert_same_image(read(tmp_path / "out.dcm"), image)


def test_extreme_values_and_window_follow_the_pixels(one, ramp, rng):
    elements = {"LargestImagePixelValue": 470, "WindowCenter": ["20", "30"], "WindowWidth": ["40", "50"]}
    _, _, kept = one(ramp() * 10, ramp() * 9.03, **elements)
    assert kept.WindowCenter == [20, 30]
    assert kept.LargestImagePixelValue == kept.pixel_array.max() == 424
    _, back, changed = one(ramp() * 50, rng.normal(0, 3, 48), WindowCenterWidthExplanation=["A", "B"], **elements)
    low, high = (changed.WindowCenter + sign * changed.WindowWidth / 2 for sign in (-1, 1))
    assert back.data.min() - 1 <= low < high <= back.data.max() + 1
    assert "WindowCenterWidthExplanation" not in changed


def test_overlays_in_pixel_bits_go_and_others_stay(scan, save, ramp, tmp_path):
    dataset = scan.picture(ramp() | 0x8000, BitsStored=12, HighBit=11)
    for group, bit in ((0x6000, 15), (0x6002, 0)):
        dataset.add_new((group, 0x0010), "US", 6)
        dataset.add_new((group, 0x0100), "US", 16 if bit else 1)
        dataset.add_new((group, 0x0102), "US", bit)
    dataset.add_new((0x6002, 0x3000), "OW", b"\1\0" * 3)
    write(read(save(dataset, tmp_path / "in.dcm")), tmp_path / "out.dcm")
    written = pydicom.dcmread(tmp_path / "out.dcm")
    assert not [element for element in written if element.tag.group == 0x6000]
    assert written[0x6002, 0x3000].value == b"\1\0" * 3
    assert np.array_equal(written.pixel_array, ramp())


def test_what_shows_or_signs_old_pixels_is_left_out(scan, save, ramp, tmp_path):
    dataset = scan.picture(ramp(), IconImageSequence=[scan.picture(ramp())], LargestPixelValueInSeries=9)
    dataset.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x29, "OB", b"histogram ")
    dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x16, "DS", "0.5")
    write(read(save(dataset, tmp_path / "in.dcm")), tmp_path / "out.dcm")
    written = pydicom.dcmread(tmp_path / "out.dcm")
    assert "IconImageSequence" not in written
    assert "LargestPixelValueInSeries" not in written
    assert (0x0043, 0x1029) not in written
    assert written[0x0019, 0x1016].value == 0.5


def test_philips_scale_goes_only_when_the_scale_changes(scan, save, ramp, tmp_path):
    dataset = scan.picture(ramp() * 80, RescaleSlope="2", RescaleIntercept="0")
    dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True).add_new(0x0E, "FL", 0.01)
    image = read(save(dataset, tmp_path / "in.dcm"))
    write(image, tmp_path / "kept.dcm")
    assert (0x2005, 0x100E) in pydicom.dcmread(tmp_path / "kept.dcm")
    write(image.replace(data=-image.data), tmp_path / "changed.dcm")
    assert (0x2005, 0x100E) not in pydicom.dcmread(tmp_path / "changed.dcm")


def test_names_in_other_letters_survive(scan, save, ramp, tmp_path):
    item = pydicom.Dataset()
    item.RequestedProcedureDescription = "Schädel"
    dataset = scan.picture(
        ramp(),
        SpecificCharacterSet="ISO_IR 192",
        PatientName="Änderung^Öl",
        SeriesDescription="t1 größer " * 6,
        RequestAttributesSequence=[item],
    )
    write(read(save(dataset, tmp_path / "in.dcm")), tmp_path / "out.dcm")
    written = pydicom.dcmread(tmp_path / "out.dcm")
    assert written.PatientName == "Änderung^Öl"
    assert written.RequestAttributesSequence[0].RequestedProcedureDescription == "Schädel"
    assert written.SeriesDescription.startswith("t1 größer ")
    assert written.SeriesDescription.endswith(" copy")
    assert len(written.SeriesDescription) <= 64


def test_long_history_fits_its_elements(one, ramp):
    steps = (*[Step("filter", {"note": "ü" * 300})] * 5, Step("x" * 90))
    _, _, written = one(ramp(), history=steps)
    assert len(written.DerivationDescription) <= 1024
    assert len(written.SeriesDescription) <= 64
    assert len(written.DerivationCodeSequence[0].CodeValue) <= 16


def test_frame_scales_of_enhanced_files_change_together(enhanced_file, tmp_path):
    image = read(enhanced_file)
    write(image.replace(data=-image.data), tmp_path / "out.dcm")
    assert np.array_equal(read(tmp_path / "out.dcm").data, -image.data)
    written = pydicom.dcmread(tmp_path / "out.dcm")
    for frame, sign in zip(written.PerFrameFunctionalGroupsSequence, (1, 1), strict=True):
        transformation = frame.PixelValueTransformationSequence[0]
        assert transformation.RescaleIntercept < 0 < sign * transformation.RescaleSlope
        assert frame.FrameVOILUTSequence[0].WindowCenter == 100
    write(image.replace(data=image.data * 9, unit="snr"), tmp_path / "wide.dcm")
    frames = pydicom.dcmread(tmp_path / "wide.dcm").PerFrameFunctionalGroupsSequence
    assert len({frame.FrameVOILUTSequence[0].WindowCenter for frame in frames}) == 1
    assert frames[0].FrameVOILUTSequence[0].WindowCenter != 100


@pytest.fixture
def enhanced_file(scan, save, ramp, tmp_path):
    dataset = scan.picture(ramp(2, 6, 8), SOPClassUID="1.2.840.10008.5.1.4.1.1.4.1", ImagePositionPatient=None)
    frames = []
    for z, slope in enumerate(("1", "0.5")):
        frame = pydicom.Dataset()
        for name, elements in {
            "PlanePositionSequence": {"ImagePositionPatient": list(scan.position(z))},
            "PixelValueTransformationSequence": {"RescaleSlope": slope, "RescaleIntercept": "0", "RescaleType": "US"},
            "FrameVOILUTSequence": {"WindowCenter": "100", "WindowWidth": "200"},
        }.items():
            item = pydicom.Dataset()
            for keyword, value in elements.items():
                setattr(item, keyword, value)
            setattr(frame, name, [item])
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = frames
    return save(dataset, tmp_path / "in.dcm")


def test_concatenations_stay_together(scan, save, ramp, tmp_path):
    for z in range(2):
        dataset = scan.picture(ramp(), z, InstanceNumber=z + 1, ConcatenationUID="1.2.3")
        save(dataset, tmp_path / "in" / f"{z}.dcm")
    write(read(tmp_path / "in"), tmp_path / "out")
    uids = {pydicom.dcmread(file).ConcatenationUID for file in files_of(tmp_path / "out")}
    assert len(uids) == 1
    assert uids != {"1.2.3"}


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
