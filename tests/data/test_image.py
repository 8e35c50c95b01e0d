import dataclasses

import numpy as np
import pytest

from quietmr.data import Geometry, Image, InputError, NoiseMap, Step


def test_integers_become_float32_without_rescaling(rng):
    stored = rng.integers(-30000, 30000, (2, 3, 8, 9), dtype=np.int16)
    image = Image(stored)
    assert image.data.dtype == np.float32
    np.testing.assert_array_equal(image.data, stored)


def test_complex_double_becomes_complex_single():
    image = Image(np.full((1, 1, 8, 8), 1 + 2j))
    assert image.data.dtype == np.complex64
    assert image.is_complex


@pytest.mark.parametrize("shape", [(8, 8), (1, 8, 8), (1, 1, 1, 8, 8), (1, 0, 8, 8)])
def test_only_four_nonempty_axes(shape):
    with pytest.raises(InputError, match="four non-empty axes"):
        Image(np.zeros(shape))


def test_text_is_not_an_image():
    with pytest.raises(InputError, match="numbers"):
        Image(np.full((1, 1, 8, 8), "x"))


def test_frozen():
    image = Image(np.zeros((1, 1, 8, 8)))
    with pytest.raises(dataclasses.FrozenInstanceError):
        image.unit = "snr"


def test_noise_map_must_fit_the_image():
    with pytest.raises(InputError, match="does not fit"):
        Image(np.zeros((1, 4, 8, 8)), noise=NoiseMap(np.ones((4, 8, 9))))


def test_after_appends_history_and_forgets_the_noise():
    image = Image(np.ones((1, 1, 8, 8)), noise=NoiseMap(np.array(0.1)), history=(Step("recon"),))
    result = image.after(Step("denoise", {"method": "x"}), image.data * 2)
    assert [step.name for step in result.history] == ["recon", "denoise"]
    assert result.noise is None
    assert image.noise is not None
    assert result.geometry is image.geometry


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_noise_level_is_finite_and_not_negative(bad):
    with pytest.raises(InputError, match="finite and not negative"):
        NoiseMap(np.array([1.0, bad]))


def test_noise_level_is_the_median_of_positive_values():
    assert NoiseMap(np.array([0.0, 0.0, 1.0, 2.0, 3.0])).level == 2.0
    assert NoiseMap(np.zeros(4)).level == 0.0


def test_noise_map_broadcasts_without_copy():
    noise = NoiseMap(np.ones((1, 8, 8)))
    assert noise.over((5, 3, 8, 8)).shape == (5, 3, 8, 8)
    assert np.shares_memory(noise.over((5, 3, 8, 8)), noise.sigma)


def test_voxel_size_of_an_oblique_affine(rng):
    rotation, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = rotation * [0.5, 0.7, 4.0]
    geometry = Geometry(affine, slice_thickness=3.0)
    np.testing.assert_allclose(geometry.voxel_size, [0.5, 0.7, 4.0])
    assert geometry.slice_gap == pytest.approx(1.0)


@pytest.mark.parametrize("affine", [np.eye(3), np.full((4, 4), np.nan), np.ones((4, 4))])
def test_broken_affines_are_refused(affine):
    with pytest.raises(InputError, match="affine"):
        Geometry(affine)


def test_affine_cannot_be_changed_behind_our_back():
    mine = np.eye(4)
    geometry = Geometry(mine)
    mine[0, 3] = 99
    assert geometry.affine[0, 3] == 0
    with pytest.raises(ValueError, match="read-only"):
        geometry.affine[0, 0] = 2
