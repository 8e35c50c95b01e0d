"""Whatever bytes are damaged: an image or one refusal, never another error, a hang or a flood of memory."""

import warnings

import pydicom
import pytest
from pydicom.uid import RLELossless

from quietmr.data import Image, InputError, QuietmrError, QuietmrWarning
from quietmr.io.dicom import read, write


@pytest.fixture(params=["plain", "rle", "mosaic", "enhanced"])
def sound(request, shared, scan, save, tmp_path, rng):
    """A sound small file of each kind."""
    if request.param == "mosaic":
        return next(shared("dcm_qa_siemens_mosaic_epi/axasc35").iterdir())
    if request.param == "enhanced":
        return shared("dcm_qa_enh_siemens_xa10/6_1.dcm")
    dataset = scan.picture(rng.integers(0, 4000, (16, 16), dtype="<u2"), RescaleSlope="2", WindowCenter="9")
    path = save(dataset, tmp_path / "plain.dcm")
    if request.param == "rle":
        packed = pydicom.dcmread(path)
        packed.compress(RLELossless)
        packed.save_as(path)
    return path


def try_bytes(raw, path):
    path.write_bytes(raw)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", QuietmrWarning)
        try:
            image = read(path)
            assert isinstance(image, Image)
            out = path.with_name("out.dcm")
            write(image, out)
        except QuietmrError as refusal:
            assert len(str(refusal)) > 20
            return False
    return True


@pytest.mark.parametrize("rounds", [50, pytest.param(1000, marks=[pytest.mark.nightly, pytest.mark.timeout(3600)])])
def test_flipped_bytes(sound, tmp_path, rng, rounds):
    raw = sound.read_bytes()
    head = len(raw) - len(pydicom.dcmread(sound).PixelData)
    for _ in range(rounds):
        damaged = bytearray(raw)
        for place in rng.integers(0, head, rng.integers(1, 6)):
            damaged[place] = rng.integers(0, 256)
        try_bytes(bytes(damaged), tmp_path / "damaged.dcm")
    assert try_bytes(raw, tmp_path / "damaged.dcm")


def test_cut_off(sound, tmp_path, rng):
    raw = sound.read_bytes()
    # the last bytes may be padding; a pixel lost must show
    for length in rng.integers(0, len(raw) - 300, 25):
        assert not try_bytes(raw[:length], tmp_path / "cut.dcm")


def test_unknown_type_in_the_file_head(scan, save, ramp, tmp_path):
    raw = save(scan.picture(ramp()), tmp_path / "a.dcm").read_bytes()
    broken = raw.replace(b"\x02\x00\x02\x00UI", b"\x02\x00\x02\x00U\x00", 1)
    assert broken != raw
    try_bytes(broken, tmp_path / "damaged.dcm")


def test_compressed_frames_that_are_not_there(scan, save, ramp, tmp_path):
    dataset = scan.picture(ramp())
    # a basic offset table and the end, no frame between
    dataset.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    dataset["PixelData"].is_undefined_length = True
    assert not try_bytes(save(dataset, tmp_path / "a.dcm", RLELossless).read_bytes(), tmp_path / "damaged.dcm")


@pytest.mark.shared
def test_size_inside_a_jpeg_2000_frame_is_not_believed(shared, tmp_path):
    raw = bytearray(shared("pydicom_mr_samples/emri_small_jpeg_2k_lossless.dcm").read_bytes())
    size = raw.index(b"\xff\x4f\xff\x51") + 8
    raw[size : size + 8] = b"\x00\x0f\xff\xff" * 2
    path = tmp_path / "huge.dcm"
    path.write_bytes(raw)
    with pytest.raises(InputError, match="JPEG 2000 frame is 1048575 x 1048575, not 64 x 64"):
        read(path)
