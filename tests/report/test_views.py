"""The picture hangs the right way up, whatever the order and direction of the axes in the file."""

from itertools import permutations, product

import numpy as np
import pytest

from quietmr.data import Geometry, Image, Meta
from quietmr.report.views import middle_view

ORIENTATIONS = [(order, signs) for order in permutations(range(3)) for signs in product((1, -1), repeat=3)]


def marked(order, signs, shape=(11, 13, 12), size=(1.0, 1.0, 1.0)):
    """Make a volume with patient axes ``order`` along x, y, z, and marks far right (1), in front (2) and on top (3)."""
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = 0, 5
    for voxel_axis, patient_axis in enumerate(order):
        affine[patient_axis, voxel_axis] = signs[voxel_axis] * size[voxel_axis]
    xyz = np.zeros([shape[axis] for axis in order], dtype=np.float32)
    middle = [n // 2 for n in xyz.shape]
    for patient_axis, mark in enumerate((1.0, 2.0, 3.0)):
        voxel_axis = order.index(patient_axis)
        place = list(middle)
        place[voxel_axis] = xyz.shape[voxel_axis] - 1 if signs[voxel_axis] > 0 else 0
        xyz[tuple(place)] = mark
    return Image(xyz.transpose(2, 1, 0)[None], Geometry(affine))


@pytest.mark.parametrize(("order", "signs"), ORIENTATIONS)
def test_axial_slice_has_front_on_top_and_the_patients_right_at_the_left(order, signs):
    image = marked(order, signs)
    view = middle_view(image)
    picture = view.cut(image.data[0])
    assert view.letters == ("R", "L", "A", "P")
    assert picture.shape == (13, 11)
    assert abs(np.argwhere(picture == 1.0)[0] - [6, 0]).max() <= 1
    assert np.argwhere(picture == 1.0)[0][1] == 0
    assert np.argwhere(picture == 2.0)[0][0] == 0
    assert not (picture == 3.0).any()


@pytest.mark.parametrize(
    ("thick", "letters", "marks"),
    [
        (0, ("A", "P", "S", "I"), (2.0, 3.0)),
        (1, ("R", "L", "S", "I"), (1.0, 3.0)),
        (2, ("R", "L", "A", "P"), (1.0, 2.0)),
    ],
)
@pytest.mark.parametrize(("order", "signs"), ORIENTATIONS[::5])
def test_thick_slices_are_looked_at_in_their_plane(order, signs, thick, letters, marks):
    size = [5.0 if axis == thick else 1.0 for axis in order]
    view = middle_view(image := marked(order, signs, size=size))
    picture = view.cut(image.data[0])
    assert view.letters == letters
    assert view.pixel_size == (1.0, 1.0)
    assert np.argwhere(picture == marks[0])[0][1] == 0
    assert np.argwhere(picture == marks[1])[0][0] == 0


def test_few_slices_are_looked_at_in_their_plane_even_if_thin():
    shape = (3, 30, 30)
    assert middle_view(marked((0, 1, 2), (1, 1, 1), shape=shape)).letters == ("A", "P", "S", "I")


def test_oblique_slices_take_the_nearest_letters():
    angle = np.deg2rad(20)
    affine = np.eye(4)
    affine[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    image = Image(np.zeros((1, 20, 20, 20), np.float32), Geometry(affine))
    assert middle_view(image).letters == ("R", "L", "A", "P")


@pytest.mark.parametrize(
    ("geometry", "meta"),
    [(Geometry(), Meta()), (Geometry(np.diag([0.3, 0.3, 1, 1])), Meta(format="png"))],
)
def test_pictures_without_a_patient_are_shown_as_they_lie_in_the_file(geometry, meta, rng):
    image = Image(rng.standard_normal((1, 1, 8, 9)).astype(np.float32), geometry, meta=meta)
    view = middle_view(image)
    assert view.letters is None
    np.testing.assert_array_equal(view.cut(image.data[0]), image.data[0, 0])
