"""The speed benchmark: patches as the reference cuts them, and equal data for both networks of the race."""

import numpy as np
import pytest
from complex_patches import PATCH, corners, denoise_by_patches, patches
from complex_race import NETWORKS, recipe_of
from complex_speed import SERIES, Way, table
from meter import Cost


def test_the_series_takes_48_patches_as_in_the_reference():
    assert len(corners(SERIES)) == 48
    voxels = len(corners(SERIES)) * np.prod(PATCH)
    assert voxels / np.prod(SERIES) == pytest.approx(3.56, abs=0.005)


@pytest.mark.parametrize("shape", [(1, 40, 30), (16, 64, 64), (20, 100, 65), (32, 192, 144)])
def test_a_network_that_does_nothing_gives_the_image_back(rng, shape):
    image = rng.standard_normal((2, *shape)).astype(np.float32)
    assert {patch.shape[1:] for patch in patches(image)} == {PATCH}
    np.testing.assert_allclose(denoise_by_patches(lambda patch: patch, image), image, atol=1e-5)


def test_results_blend_linearly_over_the_overlap():
    number = iter(range(2))
    made = denoise_by_patches(lambda patch: np.full_like(patch, next(number)), np.zeros((1, 1, 96, 40), np.float32))
    along = made[0, 0, :, 0]
    # The second patch begins 48 rows after the first, which begins 16 rows (the overlap) before the image.
    np.testing.assert_allclose(along[32:48], np.arange(1, 17) / 17, atol=1e-6)
    np.testing.assert_array_equal(along[[0, 31, 48, 95]], [0, 0, 1, 1])


def test_counted_up_seconds_and_ratios():
    ours, other = Way("ours", "float32", print), Way("other", "float32", print, parts=24)
    found = {"a": [(ours, Cost(1.0, 2.0, 5.0)), (ours, Cost(3.0, 4.0, 6.0))], "b": [(other, Cost(10.0, 20.0, 7.0))]}
    assert "| other | float32 | 240.0 | 480.0 | 120 | 160 | 7 |" in table(found)


def test_both_networks_of_the_race_learn_from_the_same_data():
    ours, large = (recipe_of(name, 10) for name in NETWORKS)
    for section in ("scenes", "mr", "seed", "loss", "scans", "channels", "start_from"):
        assert getattr(ours, section) == getattr(large, section)
    assert ours.network != large.network
