"""The front door."""

import subprocess
import sys

import numpy as np
import pytest

from quietmr.data import Image, InputError, ModelError, NoiseMap, QuietmrWarning
from quietmr.denoise import create_denoiser, denoise, list_denoisers
from quietmr.noise import estimate_noise
from quietmr.phantoms import Mixture, draw_scene

METHODS = ["quiet-fast", "gaussian"]


@pytest.fixture
def image(rng):
    clean = draw_scene((6, 48, 48), Mixture(dynamic=0, thick=0), rng)[None]
    noise = 0.1 * rng.standard_normal((2, *clean.shape))
    return Image(100 * np.hypot(clean + noise[0], noise[1]))


def used(result):
    return result.history[-1].parameters


def test_networks_come_first_and_every_name_can_be_made():
    names = list_denoisers()
    assert names[0].startswith("quiet")
    assert "median" in names
    for name in names:
        assert callable(create_denoiser(name))
    with pytest.raises(ModelError, match="known ones"):
        create_denoiser("magic")


def test_given_noise_wins_over_the_images_own_and_that_over_an_estimate(image):
    carried = image.replace(noise=NoiseMap(np.array(7.0), origin="noise-scan"))
    assert used(denoise(carried, "gaussian", noise=3.0))["sigma"] == 3.0
    assert used(denoise(carried, "gaussian"))["sigma"] == 7.0
    assert used(denoise(carried, "gaussian"))["sigma_origin"] == "noise-scan"
    estimated = denoise(image, "gaussian")
    assert used(estimated)["sigma_origin"] == "estimated"
    assert used(estimated)["sigma"] == pytest.approx(estimate_noise(image).level)


@pytest.mark.parametrize("method", METHODS)
def test_strength_blends(image, method):
    full = denoise(image, method, noise=10.0)
    half = denoise(image, method, noise=10.0, strength=0.5)
    none = denoise(image, method, noise=10.0, strength=0.0)
    np.testing.assert_allclose(half.data, (image.data + full.data) / 2, rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(none.data, image.data)


@pytest.mark.parametrize("method", METHODS)
def test_outside_the_mask_nothing_changes(image, method):
    mask = np.zeros(image.shape, bool)
    mask[..., 20:40] = True
    result = denoise(image, method, noise=10.0, mask=mask)
    np.testing.assert_array_equal(result.data[~mask], image.data[~mask])
    np.testing.assert_array_equal(result.data[mask], denoise(image, method, noise=10.0).data[mask])


@pytest.mark.parametrize("method", METHODS)
def test_one_missing_voxel_stays_one_missing_voxel(image, method):
    data = image.data.copy()
    data[0, 3, 20, 20] = np.nan
    with pytest.warns(QuietmrWarning, match="not finite"):
        result = denoise(image.replace(data=data), method, noise=10.0)
    assert np.isnan(result.data).sum() == 1
    assert np.isnan(result.data[0, 3, 20, 20])
    far = np.ones(image.shape, bool)
    far[0, :, 8:32, 8:32] = False
    change = np.abs(result.data - denoise(image, method, noise=10.0).data)
    assert change[far].max() < 0.5


@pytest.mark.parametrize("value", [0.0, 17.0])
def test_a_constant_image_comes_back_as_it_is(value):
    image = Image(np.full((1, 4, 16, 16), value))
    with pytest.warns(QuietmrWarning):
        result = denoise(image)
    np.testing.assert_array_equal(result.data, image.data)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"noise": 0.0}, "positive"),
        ({"noise": float("nan")}, "positive"),
        ({"strength": 1.5}, "strength"),
        ({"mask": np.ones((3, 3), bool)}, "mask"),
        ({"mask": np.zeros((1, 6, 48, 48), bool)}, "empty"),
        ({"noise": NoiseMap(np.ones((6, 48, 47)))}, "does not fit"),
    ],
)
def test_wrong_arguments_are_one_sentence(image, arguments, message):
    with pytest.raises(InputError, match=message):
        denoise(image, "gaussian", **arguments)


def test_geometry_units_and_meta_are_untouched(image):
    result = denoise(image, "gaussian", noise=10.0)
    assert result.geometry is image.geometry
    assert result.meta is image.meta
    assert result.unit == image.unit


def test_the_public_function_survives_an_import_of_its_package():
    """Package and function share the name quietmr.denoise: whichever came first, it can be called."""
    code = (
        "import numpy as np, quietmr.denoise.presets, quietmr; from quietmr import denoise;"
        "image = quietmr.Image(np.full((1, 1, 9, 9), 5.0), noise=quietmr.NoiseMap(np.array(1.0)));"
        "assert denoise(image, 'gaussian').shape == quietmr.denoise(image, 'gaussian').shape == (1, 1, 9, 9)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
