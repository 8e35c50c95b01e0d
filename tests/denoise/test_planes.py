"""Networks for intensities from 0 to 1 on whole images: units, planes, what is left alone, and the warning."""

import hashlib
import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from quietmr.data import Image, InputError, ModelError, NoiseMap, QuietmrWarning
from quietmr.denoise import NetworkDenoiser, create_denoiser, denoise
from quietmr.denoise.planes import PlaneDenoiser
from quietmr.models import ORIGINS, build_architecture, create_model, load_card
from quietmr.models.papers import PAPERS
from quietmr.models.slicewise import Slicewise

WHITE, SIGMA = 1.5, 0.05
SMALL = {
    "cyclegan": {"width": 4, "blocks": 1},
    "dncnn": {"width": 4, "layers": 4},
    "ffdnet": {"width": 4, "layers": 3},
    "das-ffdnet": {"in_channels": 2, "width": 4, "blocks": 1, "levels": 1},
    "red3d": {"widths": [4, 6]},
    "ricianet3d": {"in_channels": 2, "width": 4, "stages": 3},
}
PLANES = [name for name in SMALL if ORIGINS[name].dimensions == "2-D"]
TOLD = [name for name in SMALL if name == "ffdnet" or SMALL[name].get("in_channels") == 2]
quietly = pytest.mark.filterwarnings("ignore::quietmr.data.QuietmrWarning")


def write_model(folder, architecture="cyclegan", **changes):
    with torch.random.fork_rng():
        torch.manual_seed(4)
        network = build_architecture(architecture, **SMALL[architecture])
    path = folder / f"tiny-{architecture}.safetensors"
    save_file(network.state_dict(), path)
    is_gan = architecture == "cyclegan"
    card = asdict(load_card("quiet-fast")) | {
        "name": "tiny",
        "label": ORIGINS[architecture].label,
        "architecture": architecture,
        "arguments": SMALL[architecture],
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "recipe": {"step": "gan", "gan": {"white": WHITE}} if is_gan else {"network": {"white": WHITE}},
    }
    path.with_suffix(".json").write_text(json.dumps(card | changes))
    return str(path)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {name: write_model(folder, name) for name in SMALL}


@pytest.fixture
def model(models):
    return models["cyclegan"]


def scan(shape=(1, 3, 40, 36), sigma=SIGMA, seed=0):
    """Ellipses of three brightnesses under Rician noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : shape[2] * 1j, -1 : 1 : shape[3] * 1j]
    clean = np.select([x**2 + 2 * y**2 < 0.1, x**2 + y**2 < 0.3, x**2 + y**2 < 0.8], [1.0, 0.5, 0.8])
    noise = sigma * rng.standard_normal((2, *shape))
    return Image(np.hypot(clean + noise[0], noise[1]).astype(np.float32), noise=NoiseMap(np.array(sigma, np.float32)))


def test_gans_warn_that_they_may_invent_and_say_where_to_look(model):
    with pytest.warns(QuietmrWarning, match=r"'tiny' is a generative network .* not in the scan.*--removed"):
        result = denoise(scan(), model)
    assert result.history[-1].parameters["generative"] is True


@pytest.mark.parametrize("name", ["dncnn", "red3d"])
def test_other_networks_do_not_warn(models, name, recwarn):
    result = denoise(scan(), models[name])
    assert "generative" not in result.history[-1].parameters
    denoise(scan(), "quiet-fast")
    assert not [w for w in recwarn if "generative" in str(w.message)]


def test_who_runs_a_network_depends_on_its_card(models, tmp_path):
    for name, path in models.items():
        kind = PlaneDenoiser if name in PLANES else NetworkDenoiser
        assert type(create_denoiser(path)) is kind, name
    any_unit = write_model(tmp_path, "dncnn", recipe={"network": {"white": None}})
    assert type(create_denoiser(any_unit)) is NetworkDenoiser
    assert type(create_denoiser("quiet-fast")) is NetworkDenoiser


@pytest.mark.parametrize("name", sorted(PAPERS))
def test_two_dimensional_networks_are_those_that_run_on_frames(name):
    with torch.device("meta"):
        is_slicewise = isinstance(build_architecture(name), Slicewise)
    assert is_slicewise == (ORIGINS[name].dimensions == "2-D")


@quietly
@pytest.mark.parametrize("name", PLANES)
def test_planes_are_those_of_the_network_in_units_of_the_brightest_tissue(models, name):
    """Image and map divided by the unit, one plane by hand."""
    image = scan((2, 3, 40, 36))
    sigma = SIGMA * np.linspace(0.5, 2, 40, dtype=np.float32)[:, None] * np.ones((2, 3, 1, 36), np.float32)
    image = image.replace(noise=NoiseMap(sigma))
    result = denoise(image, models[name])
    unit = result.history[-1].parameters["white"]
    network = create_model(models[name]).eval()
    for t, z in ((0, 0), (1, 2)):
        plane = torch.from_numpy(image.data[t, z] / np.float32(unit)).clamp(0, 1)
        x = torch.stack([plane, torch.from_numpy(sigma[t, z] / np.float32(unit))])[None, :, None]
        with torch.no_grad():
            expected = unit * network(x)[0, 0, 0].numpy()
        inside = image.data[t, z] <= unit
        np.testing.assert_allclose(result.data[t, z][inside], expected[inside], rtol=1e-4, atol=1e-5)


@quietly
@pytest.mark.parametrize("name", sorted(SMALL))
def test_the_unit_is_white_times_the_brightest_tissue(models, name):
    image = scan()
    unit = denoise(image, models[name]).history[-1].parameters["white"]
    assert unit == pytest.approx(WHITE, rel=0.05)  # the brightest tissue is 1


@quietly
@pytest.mark.parametrize("name", ["cyclegan", "das-ffdnet", "dncnn"])
def test_one_plane_at_a_time_or_all_at_once(models, name):
    image = scan((2, 3, 40, 36))
    one, all_planes = (PlaneDenoiser(models[name], voxels=n)(image).data for n in (1, 10**6))
    np.testing.assert_allclose(one, all_planes, rtol=1e-4, atol=1e-5)


@quietly
@pytest.mark.parametrize("factor", [1e-9, 1e9])
@pytest.mark.parametrize("name", sorted(SMALL))
def test_any_unit_of_intensity_gives_the_same(models, name, factor):
    image = scan()
    scaled = Image(image.data * np.float32(factor), noise=NoiseMap(np.array(SIGMA * factor, np.float32)))
    one, other = (denoise(x, models[name]).data for x in (image, scaled))
    np.testing.assert_allclose(other / np.float32(factor), one, rtol=1e-3, atol=1e-4)


@quietly
@pytest.mark.parametrize("name", sorted(SMALL))
def test_what_is_brighter_than_white_stays(models, name):
    image = scan()
    data = image.data.copy()
    data[0, 1, 10, 10] = 50.0
    result = denoise(image.replace(data=data), models[name])
    assert result.data[0, 1, 10, 10] == 50.0
    assert (result.data[0, 1, 10, 11]) < 5.0


@quietly
@pytest.mark.parametrize("name", sorted(SMALL))
def test_only_networks_that_are_told_it_depend_on_the_noise_map(models, name):
    """With the same level, and so the same unit, a map that varies changes told networks, and places without noise."""
    image = scan()
    sigma = np.full(image.shape, SIGMA, np.float32)
    sigma[..., :18] /= 2
    sigma[..., 30:] *= 4
    sigma[:, 0] = 0
    sigma[0, 1, :, 18:30] = SIGMA
    varying = image.replace(noise=NoiseMap(sigma))
    varying = varying.replace(noise=NoiseMap(sigma * np.float32(SIGMA / varying.noise.level)))
    flat, other = (denoise(x, models[name]) for x in (image, varying))
    assert other.history[-1].parameters["white"] == pytest.approx(flat.history[-1].parameters["white"], rel=1e-4)
    np.testing.assert_array_equal(other.data[:, 0], image.data[:, 0])
    is_same = np.allclose(flat.data[:, 1:], other.data[:, 1:], rtol=1e-3, atol=1e-4)
    assert is_same == (name not in TOLD)


@quietly
@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (1, 1, 9, 31), (2, 3, 17, 16)])
@pytest.mark.parametrize("name", sorted(SMALL))
def test_any_shape_and_always_the_same(models, name, shape):
    image = scan(shape)
    one, two = (denoise(image, models[name]).data for _ in range(2))
    assert one.shape == shape
    np.testing.assert_array_equal(one, two)
    assert np.isfinite(one).all()


@quietly
def test_strength_is_the_part_of_the_way(models):
    image = scan()
    full, half = (denoise(image, models["dncnn"], strength=s).data for s in (1.0, 0.5))
    np.testing.assert_allclose(half, (full + image.data) / 2, rtol=1e-5, atol=1e-6)


def test_progress_ends_at_one(models):
    told = []
    PlaneDenoiser(models["dncnn"], voxels=2 * 40 * 36, progress=told.append)(scan((1, 5, 40, 36)))
    assert told == [pytest.approx(0.4), pytest.approx(0.8), 1.0]


@pytest.mark.parametrize("engine", ["openvino", "openvino-int8"])
@pytest.mark.parametrize("name", ["dncnn", "red3d"])
def test_engines_that_do_not_know_the_network_say_so(models, name, engine):
    pytest.importorskip("openvino")
    with pytest.raises(InputError, match="engine torch"):
        denoise(scan(), models[name], engine=engine)


@quietly
@pytest.mark.parametrize("name", ["cyclegan", "dncnn", "red3d"])
def test_what_cannot_be_done_is_told(models, name):
    image, path = scan(), models[name]
    refused = {
        "complex": image.replace(data=image.data.astype(np.complex64)),
        "clearly negative": image.replace(data=image.data - 0.5),
        "brighter than its noise": image.replace(data=np.zeros_like(image.data)),
    }
    for match, odd in refused.items():
        with pytest.raises(InputError, match=match):
            create_denoiser(path)(odd)
    with pytest.raises(InputError, match="no noise level"):
        create_denoiser(path)(image.replace(noise=None))
    with pytest.raises(InputError, match="noise level is zero"):
        create_denoiser(path)(image.replace(noise=NoiseMap(np.array(0.0, np.float32))))


@pytest.mark.parametrize("white", ["1.5", 0, -1, float("inf"), float("nan")])
def test_a_card_without_a_usable_white_is_refused(tmp_path, white):
    path = write_model(tmp_path, "dncnn", recipe={"network": {"white": white}})
    with pytest.raises(ModelError, match="white"):
        create_denoiser(path)


def test_a_gan_without_white_is_refused_and_others_take_any_unit(model, tmp_path):
    with pytest.raises(ModelError, match="white"):
        create_denoiser(write_model(tmp_path, recipe={"step": "gan"}))
    assert load_card(model).white == WHITE
    bare = replace(load_card(model), recipe={})
    assert bare.is_generative is False
    assert bare.white is None
