"""Networks for complex images on whole images; random weights keep every law that trained ones keep."""

import hashlib
import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from quietmr.data import Geometry, Image, InputError, NoiseMap
from quietmr.denoise import NetworkDenoiser, denoise
from quietmr.models import build_architecture, load_card

ARGUMENTS = {"in_channels": 3, "out_channels": 2, "widths": [8, 8], "n_blocks": [1, 1], "slope": 0.02}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A complex network with random weights, its last layer weak, as a file with a card."""
    torch.manual_seed(4)
    network = build_architecture("unet3d", **ARGUMENTS)
    network.head.weight.data *= 0.3
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_file(network.state_dict(), path)
    card = asdict(load_card("quiet-fast")) | {
        "name": "tiny",
        "arguments": ARGUMENTS,
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    path.with_suffix(".json").write_text(json.dumps(card))
    return str(path)


def complex_image(shape, rng, sigma=0.1, **fields):
    noise = rng.standard_normal((2, *shape))
    y = np.linspace(0, 3, shape[2])[:, None]
    data = np.exp(1j * y) + sigma * (noise[0] + 1j * noise[1])
    return Image(data.astype(np.complex64), noise=NoiseMap(np.array(sigma), "complex"), **fields)


@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (1, 1, 9, 31), (1, 5, 16, 17), (2, 6, 20, 21), (1, 1, 2, 3)])
def test_a_complex_image_stays_complex(model, shape, rng):
    image = complex_image(shape, rng)
    before = image.data.copy()
    result = NetworkDenoiser(model)(image)
    assert (result.shape, result.data.dtype) == (shape, np.complex64)
    assert np.isfinite(result.data).all()
    assert not np.allclose(result.data, before)
    np.testing.assert_array_equal(image.data, before)


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 7, 12])
def test_any_number_of_frames(model, frames, rng):
    spaced = Geometry(np.diag([1.0, 1.0, 8.0, 1.0]))
    image = complex_image((frames, 1, 24, 22), rng, frames="time", geometry=spaced)
    result = NetworkDenoiser(model)(image)
    assert result.shape == image.shape
    assert result.history[-1].parameters["third_axis"] == ("time" if frames >= 4 else "slices")


@pytest.mark.parametrize("factor", [1e-9, 1e-3, 1e9])
def test_scale_equivariance(model, factor, rng):
    image = complex_image((1, 6, 40, 36), rng)
    factor = np.float32(factor)
    scaled = Image(image.data * factor, noise=NoiseMap(image.noise.sigma * factor, "complex"))
    reference = NetworkDenoiser(model)(image).data
    assert np.abs(NetworkDenoiser(model)(scaled).data / factor - reference).max() < 2e-4


def test_the_network_sees_real_and_imaginary_part_and_map(model, rng):
    from quietmr.models import create_model

    image = complex_image((1, 4, 24, 20), rng)
    sigma = (0.05 + 0.1 * rng.random((4, 24, 20))).astype(np.float32)
    # Bright enough that the network is run in float32.
    image = Image(1e6 * image.data, noise=NoiseMap(sigma[None], "complex"))
    x = torch.from_numpy(np.stack([image.data[0].real, image.data[0].imag, sigma]))[None]
    with torch.inference_mode():
        real, imaginary = create_model(model)(x)[0].numpy()
    result = NetworkDenoiser(model)(image).data[0]
    scale = np.abs(result).max()
    np.testing.assert_allclose(result.real / scale, real / scale, atol=1e-5)
    np.testing.assert_allclose(result.imag / scale, imaginary / scale, atol=1e-5)


@pytest.mark.parametrize("shape", [(70, 40, 40), (6, 150, 140)])
def test_tiled_equals_whole(model, shape, rng):
    image = complex_image((1, *shape), rng)
    whole = NetworkDenoiser(model)(image).data
    tiled = NetworkDenoiser(model, tile_voxels=150_000 if shape[0] < 50 else 80_000)(image).data
    assert np.abs(tiled - whole).max() < 1e-3 * 0.1


def test_voxels_without_noise_are_left_alone(model, rng):
    image = complex_image((1, 4, 32, 32), rng)
    sigma = np.full(image.shape, 0.1, np.float32)
    sigma[..., :10] = 0
    result = NetworkDenoiser(model)(image.replace(noise=NoiseMap(sigma, "complex")))
    np.testing.assert_array_equal(result.data[..., :10], image.data[..., :10])
    assert not np.allclose(result.data[..., 12:], image.data[..., 12:])


def test_the_front_door_takes_complex_images(model, rng):
    image = complex_image((1, 3, 16, 16), rng)
    result = denoise(image, model, strength=0.5)
    full = denoise(image, model)
    np.testing.assert_allclose(result.data, 0.5 * (image.data + full.data), atol=1e-6)
    assert result.history[-1].parameters["noise_kind"] == "complex"


def test_images_and_networks_of_two_kinds_do_not_mix(model, rng):
    with pytest.raises(InputError, match="complex"):
        NetworkDenoiser(model)(Image(np.ones((1, 1, 8, 8), np.float32), noise=NoiseMap(np.array(1.0))))
    with pytest.raises(InputError, match="magnitude"):
        NetworkDenoiser("quiet-fast")(complex_image((1, 1, 8, 8), rng))


def test_the_float_engine_of_openvino_gives_the_same(model, rng):
    pytest.importorskip("openvino")
    image = complex_image((1, 4, 32, 30), rng)
    torch_made = NetworkDenoiser(model)(image).data
    # Both may compute in bfloat16, which keeps 8 bits of values up to 1.5.
    assert np.abs(NetworkDenoiser(model, engine="openvino")(image).data - torch_made).max() < 0.02
    with pytest.raises(InputError, match="openvino-int8"):
        NetworkDenoiser(model, engine="openvino-int8")(image)
