"""The header of a derived series stays true: what is new, what is kept, what has to go."""

import numpy as np
import pydicom
import pytest
from pydicom.config import strict_reading
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from quietmr.data import Step
from quietmr.io.dicom import read, write


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
    assert np.array_equal(read(tmp_path / "out.dcm").data, image.data)


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


def test_concatenations_stay_together(scan, save, ramp, tmp_path):
    for z in range(2):
        dataset = scan.picture(ramp(), z, InstanceNumber=z + 1, ConcatenationUID="1.2.3")
        save(dataset, tmp_path / "in" / f"{z}.dcm")
    write(read(tmp_path / "in"), tmp_path / "out")
    uids = {pydicom.dcmread(file).ConcatenationUID for file in (tmp_path / "out").iterdir()}
    assert len(uids) == 1
    assert uids != {"1.2.3"}
