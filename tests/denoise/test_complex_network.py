"""Networks for complex images on whole images; random weights keep every law that trained ones keep."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from quietmr.data import Geometry, Image, InputError, ModelError, NoiseMap
from quietmr.denoise import NetworkDenoiser, create_denoiser, denoise, takes_complex
from quietmr.denoise.presets import PRESETS
from quietmr.denoise.second_stage import GuidedDenoiser
from quietmr.models import list_models
from quietmr.phantoms import Mixture, draw_scene


def complex_image(shape, rng, sigma=0.1, **fields):
    noise = rng.standard_normal((2, *shape))
    y = np.linspace(0, 3, shape[2])[:, None]
    data = np.exp(1j * y) + sigma * (noise[0] + 1j * noise[1])
    return Image(data.astype(np.complex64), noise=NoiseMap(np.array(sigma), "complex"), **fields)


@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (1, 1, 9, 31), (1, 5, 16, 17), (2, 6, 20, 21), (1, 1, 2, 3)])
def test_a_complex_image_stays_complex(complex_model, shape, rng):
    image = complex_image(shape, rng)
    before = image.data.copy()
    result = NetworkDenoiser(complex_model)(image)
    assert (result.shape, result.data.dtype) == (shape, np.complex64)
    assert np.isfinite(result.data).all()
    assert not np.allclose(result.data, before)
    np.testing.assert_array_equal(image.data, before)


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 7, 12])
def test_any_number_of_frames(complex_model, frames, rng):
    spaced = Geometry(np.diag([1.0, 1.0, 8.0, 1.0]))
    image = complex_image((frames, 1, 24, 22), rng, frames="time", geometry=spaced)
    result = NetworkDenoiser(complex_model)(image)
    assert result.shape == image.shape
    assert result.history[-1].parameters["third_axis"] == ("time" if frames >= 4 else "slices")


@pytest.mark.parametrize("factor", [1e-9, 1e-3, 1e9])
def test_scale_equivariance(complex_model, factor, rng):
    image = complex_image((1, 6, 40, 36), rng)
    factor = np.float32(factor)
    scaled = Image(image.data * factor, noise=NoiseMap(image.noise.sigma * factor, "complex"))
    reference = NetworkDenoiser(complex_model)(image).data
    assert np.abs(NetworkDenoiser(complex_model)(scaled).data / factor - reference).max() < 2e-4


def test_the_network_sees_real_and_imaginary_part_and_map(complex_model, rng):
    from quietmr.models import create_model

    image = complex_image((1, 4, 24, 20), rng)
    sigma = (0.05 + 0.1 * rng.random((4, 24, 20))).astype(np.float32)
    # Bright enough that the network is run in float32.
    image = Image(1e6 * image.data, noise=NoiseMap(sigma[None], "complex"))
    x = torch.from_numpy(np.stack([image.data[0].real, image.data[0].imag, sigma]))[None]
    with torch.inference_mode():
        real, imaginary = create_model(complex_model)(x)[0].numpy()
    result = NetworkDenoiser(complex_model)(image).data[0]
    scale = np.abs(result).max()
    np.testing.assert_allclose(result.real / scale, real / scale, atol=1e-5)
    np.testing.assert_allclose(result.imag / scale, imaginary / scale, atol=1e-5)


SHIPPED = "quiet-complex"
shipped = pytest.mark.skipif(SHIPPED not in list_models(), reason="its weights are not here yet")


@shipped
@pytest.mark.parametrize("model", [SHIPPED, "quiet", "quiet-best"])
def test_what_ships_removes_complex_noise(model, rng):
    clean = draw_scene((1, 48, 48), Mixture(dynamic=0), rng) * np.exp(1j * np.linspace(0, 3, 48))[:, None]
    noise = 0.1 * rng.standard_normal((2, 8, 1, 48, 48))
    image = Image((clean + noise[0] + 1j * noise[1]).astype(np.complex64), frames="time")
    result = denoise(image, model, noise=0.1)
    assert np.mean(np.abs(result.data - clean) ** 2) < 0.3 * np.mean(np.abs(image.data - clean) ** 2)


def test_voxels_without_noise_are_left_alone(complex_model, rng):
    image = complex_image((1, 4, 32, 32), rng)
    sigma = np.full(image.shape, 0.1, np.float32)
    sigma[..., :10] = 0
    result = NetworkDenoiser(complex_model)(image.replace(noise=NoiseMap(sigma, "complex")))
    np.testing.assert_array_equal(result.data[..., :10], image.data[..., :10])
    assert not np.allclose(result.data[..., 12:], image.data[..., 12:])


def test_the_front_door_takes_complex_images(complex_model, rng):
    image = complex_image((1, 3, 16, 16), rng)
    result = denoise(image, complex_model, strength=0.5)
    full = denoise(image, complex_model)
    np.testing.assert_allclose(result.data, 0.5 * (image.data + full.data), atol=1e-6)
    assert result.history[-1].parameters["noise_kind"] == "complex"


def test_images_and_networks_of_two_kinds_do_not_mix(complex_model, rng):
    with pytest.raises(InputError, match="complex images, got a magnitude: choose quiet or quiet-fast"):
        NetworkDenoiser(complex_model)(Image(np.ones((1, 1, 8, 8), np.float32), noise=NoiseMap(np.array(1.0))))
    with pytest.raises(InputError, match="magnitude images, got a complex one: choose quiet or quiet-complex"):
        NetworkDenoiser("quiet-fast")(complex_image((1, 1, 8, 8), rng))


def preset_for(complex_model, **changes):
    return replace(PRESETS["quiet"], complex_network=complex_model, **changes)


def test_a_preset_takes_the_network_that_suits_the_image(complex_model, rng):
    preset = GuidedDenoiser("mine", preset_for(complex_model, complex_passes=0))
    image = complex_image((1, 3, 20, 18), rng)
    result = preset(image)
    np.testing.assert_array_equal(result.data, NetworkDenoiser(complex_model)(image).data)
    used = result.history[-1].parameters
    assert (used["method"], used["network"], used["passes"]) == ("mine", complex_model, 0)
    magnitude = Image(np.abs(image.data), noise=NoiseMap(np.array(0.1)))
    np.testing.assert_array_equal(preset(magnitude).data, create_denoiser("quiet")(magnitude).data)


def test_passes_for_complex_images_depend_on_the_third_axis(complex_model, rng):
    preset = preset_for(complex_model, passes=3, complex_passes=2, complex_passes_time=1)
    still = complex_image((1, 5, 8, 8), rng)
    moving = complex_image((5, 1, 8, 8), rng, frames="time")
    assert preset.steps_for(still) == (complex_model, False, 2)
    assert preset.steps_for(moving) == (complex_model, True, 1)
    assert preset.steps_for(Image(np.ones((1, 1, 8, 8)))) == ("quiet-fast", False, 3)


def test_who_takes_complex_images(complex_model):
    assert takes_complex("quiet")
    assert takes_complex("gaussian")
    assert takes_complex(complex_model)
    assert not takes_complex("quiet-fast")
    with pytest.raises(ModelError, match="magic"):
        takes_complex("magic")


def test_the_float_engine_of_openvino_gives_the_same(complex_model, rng):
    pytest.importorskip("openvino")
    image = complex_image((1, 4, 32, 30), rng)
    torch_made = NetworkDenoiser(complex_model)(image).data
    # Both may compute in bfloat16, which keeps 8 bits of values up to 1.5.
    assert np.abs(NetworkDenoiser(complex_model, engine="openvino")(image).data - torch_made).max() < 0.02
    with pytest.raises(InputError, match="openvino-int8"):
        NetworkDenoiser(complex_model, engine="openvino-int8")(image)
