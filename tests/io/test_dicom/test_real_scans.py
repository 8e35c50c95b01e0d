"""Real scans, read in a second way: nibabel's DICOM wrappers, the vendor's protocol, and pydicom's own pixels."""

import re
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from quietmr.data import InputError, QuietmrWarning
from quietmr.io.dicom import is_dicom, read

with warnings.catch_warnings():
    # nibabel calls its DICOM part experimental on import
    warnings.simplefilter("ignore", UserWarning)
    from nibabel.nicom import csareader, dicomwrappers

pytestmark = pytest.mark.shared

MOSAICS = [
    *(f"dcm_qa_nih_siemens_phantom_pairs/mr_000{number}" for number in (3, 4, 5, 6)),
    *(f"dcm_qa_siemens_mosaic_epi/ax{order}" for order in ("asc35", "asc36", "asc36b", "desc35", "desc36")),
    *(f"dcm_qa_siemens_mosaic_epi/axint{count}" for count in (35, 36)),
]
GE = "dcm_qa_nih_ge_epi_motion"
XA10 = "dcm_qa_enh_siemens_xa10"
SAMPLES = "pydicom_mr_samples"
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def assert_same_volume(volume, affine, rows_columns_slices, lps_affine):
    """Values at the same place in the patient agree, whatever the order of the axes."""
    z, y, x = np.indices(volume.shape).reshape(3, -1)
    places = affine @ np.stack([x, y, z, np.ones_like(x)])
    exact = (np.linalg.inv(LPS_TO_RAS @ lps_affine) @ places)[:3]
    index = np.rint(exact).astype(int)
    assert np.abs(exact - index).max() < 0.01
    assert np.array_equal(rows_columns_slices[tuple(index)], volume.ravel())


@pytest.mark.parametrize("name", MOSAICS)
def test_mosaic_agrees_with_nibabel(shared, name):
    folder = shared(name)
    image = read(folder)
    files = sorted(folder.iterdir())
    assert image.shape[0] == len(files)
    assert image.frames == "time"
    for t, file in enumerate(files):
        other = dicomwrappers.wrapper_from_data(pydicom.dcmread(file))
        assert other.is_mosaic
        assert_same_volume(image.data[t], image.geometry.affine, other.get_data(), other.affine)


@pytest.mark.parametrize("name", MOSAICS)
def test_mosaic_slices_lie_where_the_protocol_put_them(shared, name):
    folder = shared(name)
    image = read(folder)
    dataset = pydicom.dcmread(next(folder.iterdir()))
    tags = csareader.read(dataset[0x0029, 0x1020].value)["tags"]
    protocol = tags["MrPhoenixProtocol"]["items"][0]
    text = protocol if isinstance(protocol, str) else protocol.decode("latin-1")
    planned = np.zeros((image.shape[1], 3))
    for index, axis, value in re.findall(r"asSlice\[(\d+)\]\.sPosition\.d(\w+)\s*=\s*(\S+)", text):
        planned[int(index), ("Sag", "Cor", "Tra").index(axis)] = float(value)
    n_z, n_y, n_x = image.shape[1:]
    middles = np.array([[n_x / 2, n_y / 2, z, 1] for z in range(n_z)]) @ image.geometry.affine.T
    # Siemens counts from the middle of the field of view, which lies between the two middle voxels
    found = middles[:, :3] * [-1, -1, 1]
    distance = np.linalg.norm(planned[:, None] - found[None], axis=2)
    assert sorted(distance.argmin(axis=1)) == list(range(n_z))
    assert distance.min(axis=1).max() < 0.01


def test_time_series_of_single_slices_agrees_with_nibabel(shared):
    folder = shared(GE)
    image = read(folder)
    assert image.shape == (10, 15, 64, 64)
    assert image.frames == "time"
    assert image.geometry.time_step == 5.0
    assert image.geometry.slice_thickness == 3.0
    assert image.geometry.voxel_size == pytest.approx((3.75, 3.75, 5.0), abs=1e-5)
    for file in sorted(folder.glob("*.dcm")):
        other = dicomwrappers.wrapper_from_file(file)
        t, z = divmod(int(other.get("InstanceNumber")) - 1, 15)
        slice_affine = image.geometry.affine.copy()
        slice_affine[:3, 3] += z * slice_affine[:3, 2]
        turned = other.affine[:, [1, 0, 2, 3]]
        # in-plane axes and origin; the third column of a single slice is only a thickness
        assert (LPS_TO_RAS @ turned)[:3, [0, 1, 3]] == pytest.approx(slice_affine[:3, [0, 1, 3]], abs=1e-3)
        assert np.array_equal(image.data[t, z], other.get_data())


def test_enhanced_files_of_one_series_agree_with_nibabel(shared):
    folder = shared(XA10)
    image = read(folder)
    assert image.shape == (4, 6, 64, 64)
    assert image.frames == "time"
    assert image.geometry.time_step == 0.5
    starts = []
    for file in sorted(folder.glob("*.dcm")):
        dataset = pydicom.dcmread(file)
        frame = dataset.PerFrameFunctionalGroupsSequence[0].FrameContentSequence[0]
        starts.append((float(frame.FrameAcquisitionDateTime), file))
    for t, (_, file) in enumerate(sorted(starts)):
        other = dicomwrappers.wrapper_from_file(file)
        assert_same_volume(image.data[t], image.geometry.affine, other.get_data(), other.affine)


def test_one_file_of_a_series_is_its_slice_at_its_place(shared):
    folder = shared(GE)
    series = read(folder)
    one = read(folder / "axial_epi_fmri_interleaved_i_to_s-00020.dcm")
    assert one.shape == (1, 1, 64, 64)
    assert np.array_equal(one.data[0, 0], series.data[1, 4])
    corner = series.geometry.affine @ [0, 0, 4, 1]
    assert one.geometry.affine[:, 3] == pytest.approx(corner, abs=1e-3)
    assert one.geometry.affine[:, :2] == pytest.approx(series.geometry.affine[:, :2])


@pytest.mark.parametrize("packed", ["emri_small_RLE.dcm", "emri_small_jpeg_2k_lossless.dcm"])
def test_compressed_twins_of_a_multi_frame_file_are_identical(shared, packed):
    with pytest.warns(QuietmrWarning, match="does not say where its slices lie"):
        plain = read(shared(f"{SAMPLES}/emri_small.dcm"))
    with pytest.warns(QuietmrWarning, match="does not say where its slices lie"):
        image = read(shared(f"{SAMPLES}/{packed}"))
    assert plain.shape == (1, 10, 64, 64)
    assert plain.geometry.voxel_size[2] == 1.2
    assert np.array_equal(image.data, plain.data)
    assert np.array_equal(plain.data[0], pydicom.dcmread(shared(f"{SAMPLES}/emri_small.dcm")).pixel_array)


def test_jpeg_2000_twin_and_rescale(shared):
    image = read(shared(f"{SAMPLES}/MR2_J2KR.dcm"))
    path = shared(f"{SAMPLES}/MR2_UNCR.dcm")
    assert np.array_equal(image.data, read(path).data)
    stored = pydicom.dcmread(path).pixel_array.astype(np.float64)
    assert np.array_equal(image.data[0, 0], (stored * 3.774114 + 0.000061).astype(np.float32))
    other = dicomwrappers.wrapper_from_file(path)
    assert_same_volume(image.data[0], image.geometry.affine, image.data[0].transpose(1, 2, 0), other.affine)


def test_axial_head_is_upright(shared):
    # the top of the head holds less signal than the middle, and the nose is in front: a flip of any axis would show
    image = read(shared("dcm_qa_siemens_mosaic_epi/axasc35"))
    assert nib.aff2axcodes(image.geometry.affine) == ("L", "P", "S")
    profile = image.data[0].mean(axis=(1, 2))
    assert profile[-1] < 0.7 * profile.max()


def test_two_series_are_refused_with_a_list(shared):
    with pytest.raises(InputError) as refusal:
        read(shared("dcm_qa_siemens_mosaic_epi"))
    message = str(refusal.value)
    assert "7 series" in message
    assert "ax_desc_36sl" in message
    assert "axdesc36/" in message
    assert "one folder (or file) per series" in message


def test_is_dicom_looks_inside(shared):
    folder = shared(GE)
    assert is_dicom(folder)
    assert is_dicom(folder / "axial_epi_fmri_interleaved_i_to_s-00001.dcm")
    assert not is_dicom(folder / "SOURCE.md")
    assert is_dicom(next(Path(shared("dcm_qa_siemens_mosaic_epi/axasc35")).iterdir()))
    assert not is_dicom(shared("lumbar_spine_png"))
