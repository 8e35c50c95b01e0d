"""Where slices lie: closed-form affines of made series."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian
from scipy.spatial.transform import Rotation

from quietmr.data import InputError, QuietmrWarning
from quietmr.io.dicom import read


def test_affine_and_values_of_a_stack(scan, tmp_path, ramp):
    stored = ramp(4, 6, 8)
    image = read(scan.volume(tmp_path, stored))
    assert image.shape == (1, 4, 6, 8)
    assert np.array_equal(image.data[0], stored)
    assert image.geometry.affine == pytest.approx(scan.affine(), abs=1e-9)
    assert image.geometry.voxel_size == pytest.approx((1.5, 2.0, 4.0))
    assert image.geometry.slice_thickness == 3.0
    assert image.geometry.slice_gap == pytest.approx(1.0)
    assert image.geometry.time_step is None


angle = st.floats(-np.pi, np.pi)
length = st.floats(0.2, 9.0)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    angles=st.tuples(angle, angle, angle),
    origin=st.tuples(*[st.floats(-300, 300)] * 3),
    sizes=st.tuples(length, length, length),
    order=st.permutations(range(3)),
)
def test_any_orientation_and_any_file_order(make, ramp, tmp_path_factory, angles, origin, sizes, order):
    turn = Rotation.from_euler("xyz", angles).as_matrix()
    scan = make(
        row=turn[:, 0],
        column=turn[:, 1],
        origin=origin,
        row_spacing=sizes[0],
        column_spacing=sizes[1],
        step=sizes[2],
        thickness=sizes[2],
    )
    stored = ramp(3, 6, 8)
    folder = scan.volume(tmp_path_factory.mktemp("oblique"), stored, names=[f"f{number}" for number in order])
    image = read(folder)
    assert np.array_equal(image.data[0], stored)
    assert image.geometry.affine == pytest.approx(scan.affine(), abs=2e-6)
    # a right-handed patient system stays right-handed: x along rows, y along columns, z along their cross product
    assert np.linalg.det(image.geometry.affine[:3, :3]) > 0


def test_slices_written_against_the_normal_come_back_in_its_direction(make, ramp, tmp_path):
    stored = ramp(3, 6, 8)
    downward = make(step=-4.0)
    image = read(downward.volume(tmp_path, stored))
    assert np.array_equal(image.data[0], stored[::-1])
    lowest = np.diag([-1, -1, 1]) @ downward.position(2)
    assert image.geometry.affine[:3, 3] == pytest.approx(lowest)
    assert image.geometry.affine[:3, 2] == pytest.approx([0, 0, 4])


def test_slice_step_is_measured_not_believed(scan, ramp, tmp_path):
    image = read(scan.volume(tmp_path, ramp(3, 6, 8), SpacingBetweenSlices="99", SliceThickness="7"))
    assert image.geometry.voxel_size[2] == pytest.approx(4.0)
    assert image.geometry.slice_thickness == 7.0


def test_single_slice_takes_the_step_from_its_header(scan, save, ramp, tmp_path):
    one = save(scan.picture(ramp(), z=3, SpacingBetweenSlices="-4.5"), tmp_path / "one.dcm")
    image = read(one)
    assert image.shape == (1, 1, 6, 8)
    assert image.geometry.voxel_size[2] == pytest.approx(4.5)
    assert image.geometry.affine[:3, 3] == pytest.approx(np.diag([-1, -1, 1]) @ scan.position(3))


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_other_encodings_hold_the_same_image(scan, save, ramp, tmp_path, syntax):
    stored = ramp()
    plain = read(save(scan.picture(stored), tmp_path / "a.dcm"))
    dataset = scan.picture(stored)
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = stored.astype(">u2").tobytes()
    image = read(save(dataset, tmp_path / "b.dcm", syntax))
    assert np.array_equal(image.data, plain.data)
    assert np.array_equal(image.geometry.affine, plain.geometry.affine)
    assert image.geometry.slice_thickness == 3.0


def test_names_and_other_files_do_not_matter(scan, ramp, tmp_path):
    stored = ramp(3, 6, 8)
    scan.volume(tmp_path, stored, names=["z/IM000", "a/1.2.840.113", "a/2.txt"])
    (tmp_path / "SOURCE.md").write_text("not DICOM")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / ".hidden.dcm").write_bytes(b"\0" * 128 + b"DICM")
    assert np.array_equal(read(tmp_path).data[0], stored)


def test_missing_slice_is_named(scan, ramp, tmp_path):
    folder = scan.volume(tmp_path, ramp(5, 6, 8))
    (folder / "002.dcm").unlink()
    with pytest.raises(InputError, match=r"lacks 1 slice between 34 and 42 mm .* 4 mm apart"):
        read(folder)


def test_uneven_slices_are_refused(scan, save, ramp, tmp_path):
    for index, height in enumerate((0.0, 4.0, 9.0)):
        dataset = scan.picture(ramp(), ImagePositionPatient=[0, 0, height])
        save(dataset, tmp_path / f"{index}.dcm")
    with pytest.raises(InputError, match=r"unevenly spaced slices \(4 to 5 mm apart\)"):
        read(tmp_path)


def test_slices_beside_the_line_are_refused(scan, save, ramp, tmp_path):
    for index, x in enumerate((0.0, 3.0, 0.0)):
        save(scan.picture(ramp(), ImagePositionPatient=[x, 0, 4 * index]), tmp_path / f"{index}.dcm")
    with pytest.raises(InputError, match="do not lie on one line"):
        read(tmp_path)


def test_sheared_stack_keeps_its_shear(scan, save, ramp, tmp_path):
    # slices on one slanted line are no upright box, but an affine holds them exactly
    for index in range(3):
        save(scan.picture(ramp(), ImagePositionPatient=[0.5 * index, 0, 4 * index]), tmp_path / f"{index}.dcm")
    assert read(tmp_path).geometry.affine[:3, 2] == pytest.approx([-0.5, 0, 4])


@pytest.mark.parametrize(
    ("elements", "message"),
    [
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0, 1]}, "mixes orientations: 1 of 2"),
        ({"PixelSpacing": [2.0, 1.6]}, "mixes pixel spacings: 1 of 2"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]}, r"magnitude \(1 frames\), phase \(1 frames\)"),
        ({"ImagePositionPatient": None}, "do not say where their slices lie"),
    ],
)
def test_mixtures_are_refused(scan, save, ramp, tmp_path, elements, message):
    save(scan.picture(ramp()), tmp_path / "a.dcm")
    save(scan.picture(ramp(), z=1, **elements), tmp_path / "b.dcm")
    with pytest.raises(InputError, match=message):
        read(tmp_path)


def test_mixed_sizes_are_refused(scan, save, ramp, tmp_path):
    save(scan.picture(ramp(6, 8)), tmp_path / "a.dcm")
    save(scan.picture(ramp(8, 6), z=1), tmp_path / "b.dcm")
    with pytest.raises(InputError, match=r"mixes matrix sizes: 6 x 8 \(1 frames\), 8 x 6 \(1 frames\)"):
        read(tmp_path)


def test_moving_slice_is_refused(scan, save, ramp, tmp_path):
    save(scan.picture(ramp(), InstanceNumber=1), tmp_path / "a.dcm")
    save(scan.picture(ramp(), InstanceNumber=2, ImagePositionPatient=[-4, -20, 30]), tmp_path / "b.dcm")
    with pytest.raises(InputError, match="one slice at places up to 6 mm apart"):
        read(tmp_path)


def test_no_spacing_is_read_with_a_warning(scan, save, ramp, tmp_path):
    path = save(scan.picture(ramp(), PixelSpacing=None), tmp_path / "a.dcm")
    with pytest.warns(QuietmrWarning, match="no PixelSpacing"):
        image = read(path)
    assert image.geometry.voxel_size[:2] == (1.0, 1.0)


@pytest.mark.parametrize("cosines", [[1, 0, 0, 1, 0, 0], [2, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0]])
def test_impossible_orientation_is_refused(scan, save, ramp, tmp_path, cosines):
    path = save(scan.picture(ramp(), ImageOrientationPatient=cosines), tmp_path / "a.dcm")
    with pytest.raises(InputError, match="two perpendicular unit vectors"):
        read(path)
