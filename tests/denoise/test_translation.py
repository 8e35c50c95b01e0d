"""Generative networks on whole images: units, planes, what is left alone, and the warning."""

import hashlib
import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from quietmr.data import Image, InputError, ModelError, NoiseMap, QuietmrWarning
from quietmr.denoise import create_denoiser, denoise
from quietmr.denoise.translation import TranslationDenoiser, brightest_tissue
from quietmr.models import build_architecture, create_model, load_card
from quietmr.phantoms import Mixture, draw_scene

ARGUMENTS = {"width": 4, "blocks": 1}
WHITE = 1.5
quietly = pytest.mark.filterwarnings("ignore::quietmr.data.QuietmrWarning")


def write_model(folder, **changes):
    with torch.random.fork_rng():
        torch.manual_seed(4)
        network = build_architecture("cyclegan", **ARGUMENTS)
    path = folder / "tiny.safetensors"
    save_file(network.state_dict(), path)
    card = asdict(load_card("quiet-fast")) | {
        "name": "tiny",
        "label": "faithful",
        "architecture": "cyclegan",
        "arguments": ARGUMENTS,
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "recipe": {"step": "gan", "gan": {"white": WHITE}},
    }
    path.with_suffix(".json").write_text(json.dumps(card | changes))
    return str(path)


@pytest.fixture
def model(tmp_path):
    return write_model(tmp_path)


def scan(shape=(1, 3, 40, 36), sigma=0.05, seed=0):
    rng = np.random.default_rng(seed)
    clean = draw_scene((shape[1], 64, 64), Mixture(dynamic=0), rng)[None, :, : shape[2], : shape[3]]
    clean = np.broadcast_to(clean, shape)
    noise = sigma * rng.standard_normal((2, *shape))
    return Image(np.hypot(clean + noise[0], noise[1]).astype(np.float32), noise=NoiseMap(np.array(sigma)))


def test_it_warns_that_it_may_invent_and_says_where_to_look(model):
    with pytest.warns(QuietmrWarning, match=r"'tiny' is a generative network .* not in the scan.*--removed"):
        result = denoise(scan(), model)
    assert result.history[-1].parameters["generative"] is True


def test_ordinary_models_do_not_warn(model, recwarn):
    assert not load_card("quiet-fast").is_generative
    assert isinstance(create_denoiser(model), TranslationDenoiser)
    denoise(scan(), "quiet-fast")
    assert not [w for w in recwarn if "generative" in str(w.message)]


@quietly
def test_planes_are_those_of_the_network_in_units_of_the_brightest_tissue(model):
    image = scan((2, 3, 40, 36))
    result = TranslationDenoiser(model, voxels=2 * 40 * 36)(image)
    unit = WHITE * brightest_tissue(image.data, 0.05)
    assert result.history[-1].parameters["white"] == pytest.approx(unit)
    network = create_model(model).eval()
    for t, z in ((0, 0), (1, 2)):
        plane = torch.from_numpy(image.data[t, z] / np.float32(unit)).clamp(0, 1)[None, None, None]
        with torch.no_grad():
            expected = unit * network(plane)[0, 0, 0].numpy()
        inside = image.data[t, z] <= unit
        np.testing.assert_allclose(result.data[t, z][inside], expected[inside], rtol=1e-4, atol=1e-5)


@quietly
@pytest.mark.parametrize("factor", [1e-9, 1e9])
def test_any_unit_of_intensity_gives_the_same(model, factor):
    image = scan()
    scaled = Image(image.data * np.float32(factor), noise=NoiseMap(np.array(0.05 * factor, np.float32)))
    one, other = (TranslationDenoiser(model)(x).data for x in (image, scaled))
    np.testing.assert_allclose(other / np.float32(factor), one, rtol=1e-3, atol=1e-4)


@quietly
def test_what_is_brighter_than_white_stays(model):
    image = scan()
    data = image.data.copy()
    data[0, 1, 10, 10] = 50.0
    result = TranslationDenoiser(model)(image.replace(data=data))
    assert result.data[0, 1, 10, 10] == 50.0
    assert (result.data[0, 1, 10, 11]) < 5.0


@quietly
@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (1, 1, 9, 31), (2, 3, 17, 16)])
def test_any_shape_and_always_the_same(model, shape):
    image = scan(shape)
    one, two = (TranslationDenoiser(model)(image).data for _ in range(2))
    assert one.shape == shape
    np.testing.assert_array_equal(one, two)
    assert np.isfinite(one).all()


@pytest.mark.parametrize("sigma", [0.02, 0.1, 0.2, 0.3])
def test_the_brightest_tissue_is_found_under_noise(sigma):
    rng = np.random.default_rng(3)
    y, x = np.mgrid[-1:1:96j, -1:1:96j]
    head = np.where(x**2 + y**2 < 0.3, 1.0, np.where(x**2 + y**2 < 0.7, 0.6, 0.0))
    clean = np.broadcast_to(head, (1, 8, 96, 96))
    noisy = np.hypot(clean + sigma * rng.standard_normal(clean.shape), sigma * rng.standard_normal(clean.shape))
    # Noise left after means over 3 x 3 pixels widens the tissue: its 99th percentile moves by 2.3 sigma / 3 at most.
    assert 0.97 < brightest_tissue(noisy, sigma) < 1.03 + 2.4 * sigma / 3


def test_what_cannot_be_done_is_told(model, tmp_path):
    image = scan()
    with pytest.raises(InputError, match="complex"):
        TranslationDenoiser(model)(image.replace(data=image.data.astype(np.complex64)))
    with pytest.raises(InputError, match="no noise level"):
        TranslationDenoiser(model)(image.replace(noise=None))
    with pytest.raises(InputError, match="brighter than its noise"):
        TranslationDenoiser(model)(image.replace(data=np.zeros_like(image.data)))
    with pytest.raises(ModelError, match="white"):
        TranslationDenoiser(write_model(tmp_path, recipe={"step": "gan"}))(image)
    assert replace(load_card(model), recipe={}).is_generative is False
