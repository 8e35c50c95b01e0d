"""Patches and batches cut from scenes."""

import numpy as np
import pytest
import torch

from quietmr.data import InputError
from quietmr.training.patches import cut_patch, fitting_patches
from quietmr.training.recipe import Patch, Recipe
from quietmr.training.scenes import SceneBatches


def scene_recipe():
    return Recipe.model_validate({"name": "x", "scenes": {"shape": [4, 24, 24]}, "patches": [{"shape": [4, 16, 16]}]})


def test_ranks_and_restarts_never_draw_the_same_scenes(quick_scenes):
    settings = [(0, 0), (0, 1), (0, 2), (4, 0)]
    firsts = [next(iter(SceneBatches(scene_recipe(), start, rank)))[0] for start, rank in settings]
    for i, one in enumerate(firsts):
        assert all(not torch.equal(one, other) for other in firsts[:i])


def test_frames_of_a_patch_stay_together(rng):
    volume = rng.random((6, 30, 34)).astype(np.float32)
    pair = cut_patch(np.stack([volume, 10 + volume]), Patch(shape=(4, 16, 16)), rng)
    np.testing.assert_allclose(pair[1] - pair[0], 10, atol=1e-5)


def test_patches_that_fit_nowhere_are_left_out_and_none_is_an_error():
    scenes = [np.zeros((5, 40, 40), np.float32)]
    fitting, large = Patch(shape=(4, 32, 32)), Patch(shape=(8, 16, 16))
    assert fitting_patches(scenes, (fitting, large)) == [fitting]
    with pytest.raises(InputError, match="No patch"):
        fitting_patches(scenes, (large, Patch(shape=(1, 24, 24), zoom=2)))


def test_complex_patches_keep_their_phase(rng):
    from quietmr.signal.kspace import crop_kspace

    y, x = np.meshgrid(np.arange(32), np.arange(48), indexing="ij")
    turning = np.exp(2j * np.pi * (3 * y / 32 - 5 * x / 48)).astype(np.complex64)
    half = crop_kspace(turning[None], (1, 16, 24))
    assert half.dtype == np.complex64
    np.testing.assert_allclose(half[0], turning[::2, ::2], atol=1e-5)
    patch = cut_patch(turning[None], Patch(shape=(1, 16, 16)), rng)
    assert patch.dtype == np.complex64
    np.testing.assert_allclose(np.abs(patch), 1, atol=1e-5)


def test_the_center_of_kspace_keeps_the_mean_and_low_frequencies():
    from quietmr.signal.kspace import crop_kspace

    y, x = np.meshgrid(np.arange(32), np.arange(48), indexing="ij")
    wave = 2.0 + np.cos(2 * np.pi * (3 * y / 32 + 5 * x / 48))
    half = crop_kspace(wave[None].astype(np.float32), (1, 16, 24))
    np.testing.assert_allclose(half[0], wave[::2, ::2], atol=1e-5)
    fine = 2.0 + np.cos(2 * np.pi * 14 * x / 48)
    np.testing.assert_allclose(crop_kspace(fine[None].astype(np.float32), (1, 16, 24)), 2.0, atol=1e-5)
