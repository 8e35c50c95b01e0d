"""Models made of runs: what is rounded and what is not, and what their cards say."""

import json
from itertools import pairwise

import pytest
import torch
from torch import nn

from quietmr.data import ModelError
from quietmr.models import build_architecture, create_model
from quietmr.training.adoption import publish_trained
from quietmr.training.gan.card import gan_texts
from quietmr.training.paper_card import HOMOGENEOUS, is_usable, noise_convention, paper_texts
from quietmr.training.parent import adapted, load_parent
from quietmr.training.publish import rounded
from quietmr.training.recipe import Recipe
from quietmr.training.run_folder import BEST, LOG, RECIPE, write_text, write_weights

SMALL = {
    "dncnn": {"width": 8, "layers": 5},
    "das-ffdnet-small": {"width": 8, "blocks": 1, "levels": 1},
}


def recipe_of(architecture, arguments=None, white=1.5, **entries):
    network = {"architecture": architecture, "arguments": arguments or {}, "white": white}
    return Recipe.model_validate({"name": "mine", "network": network} | entries)


def trained_like(architecture, variance):
    """A network whose normalizations have seen features of a variance, with convolutions that make such features."""
    torch.manual_seed(1)
    network = build_architecture(architecture, **SMALL[architecture]).eval()
    for norm in (layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)):
        norm.running_var.fill_(variance).mul_(torch.rand(norm.num_features) + 0.5)
        norm.running_mean.normal_(0, variance**0.5 / 10)
        norm.weight.data.uniform_(0.5, 1.5)
        norm.bias.data.normal_(0, 0.1)
        norm.num_batches_tracked.fill_(123_457)
    for layer in (part for part in network.modules() if isinstance(part, nn.Sequential)):
        for convolution, norm in pairwise(layer):
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                convolution.weight.data *= variance**0.5
                if convolution.bias is not None:
                    convolution.bias.data *= variance**0.5
    return network


def written(network, recipe, folder):
    """The run folder of a finished training."""
    folder.mkdir()
    write_weights(folder / BEST, network.state_dict())
    write_text(folder / RECIPE, recipe.model_dump_json())
    write_text(folder / LOG, json.dumps({"step": 1, "gain_db": 1.0, "minutes": 0.1, "loss": 1.0}) + "\n")
    return folder


@pytest.mark.parametrize("variance", [1e-10, 1e-6, 1.0, 1e5, 1e10])
@pytest.mark.parametrize("architecture", sorted(SMALL))
def test_a_model_gives_what_the_trained_network_gave(tmp_path, architecture, variance):
    """As near as weights rounded to float16 allow: 2^-11 for each, in double precision, whatever features measure."""
    network = trained_like(architecture, variance)
    recipe = recipe_of(architecture, SMALL[architecture])
    card = publish_trained(recipe, written(network, recipe, tmp_path / "run"))
    loaded = create_model(str(tmp_path / "run" / card.file)).eval()
    x = torch.rand(1, 1, 2, 24, 24, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        one, other = (n.double()(x.double()) - x for n in (network, loaded))
    assert (one - other).norm() < 2**-9 * one.norm()
    counts = [value for key, value in loaded.state_dict().items() if key.endswith("num_batches_tracked")]
    assert counts
    assert all(value.dtype == torch.int64 and int(value) == 123_457 for value in counts)


def test_what_is_measured_stays_and_what_is_trained_is_rounded():
    network = trained_like("dncnn", 1.0)
    weights = network.state_dict()
    stored = rounded(weights, network)
    trained = dict(network.named_parameters())
    for name, value in stored.items():
        assert value.dtype == (torch.float16 if name in trained else weights[name].dtype), name
        if name not in trained:
            assert torch.equal(value, weights[name])


def test_weights_outside_the_range_of_float16_are_not_rounded():
    layer = nn.Linear(4, 4)
    for scale in (1e-7, 1e5):
        nn.init.constant_(layer.weight, scale)
        assert rounded(layer.state_dict(), layer)["weight"].dtype == torch.float32


def test_models_stored_all_in_float16_still_load(tmp_path):
    """As they were written before normalizations were kept apart."""
    import hashlib

    from safetensors.torch import save_file

    network = trained_like("dncnn", 1.0)
    network.get_buffer("network.network.3.num_batches_tracked").fill_(100)
    recipe = recipe_of("dncnn", SMALL["dncnn"])
    card = publish_trained(recipe, written(network, recipe, tmp_path / "run"))
    path = tmp_path / "run" / card.file
    halves = {key: value.half() for key, value in network.state_dict().items() if "num_batches" not in key}
    save_file(halves | {k: torch.tensor(100.0).half() for k in network.state_dict() if "num_batches" in k}, path)
    content = json.loads(path.with_suffix(".json").read_text())
    content["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".json").write_text(json.dumps(content))
    loaded = create_model(str(path)).state_dict()
    assert loaded["network.network.3.num_batches_tracked"] == 100
    assert loaded["network.network.0.weight"].dtype == torch.float32


@pytest.mark.parametrize(("name", "arguments"), [("unet3d", {"widths": [8, 8], "n_blocks": [1, 1]}), ("drunet", {"width": 8, "blocks": 1}), ("dncnn", {"in_channels": 2, "width": 8, "layers": 4})])  # fmt: skip  # noqa: E501
def test_homogeneous_networks_are_those_that_cards_call_so(name, arguments):
    torch.manual_seed(0)
    network = build_architecture(name, **arguments).eval()
    for key, weight in network.named_parameters():
        if key.endswith("bias"):
            # As after a training: many biases start at zero.
            torch.nn.init.normal_(weight, std=0.1)
    x = torch.rand(1, 2, 4, 16, 16)
    with torch.no_grad():
        one, other = network(x), network(1000 * x) / 1000
    assert torch.allclose(one, other, rtol=1e-4, atol=1e-5) == (name in HOMOGENEOUS)
    assert ("homogeneous of degree one" in noise_convention(recipe_of(name, arguments, None))) == (name in HOMOGENEOUS)


@pytest.mark.parametrize(
    ("architecture", "arguments", "is_told"),
    [("dncnn", {}, False), ("dncnn", {"in_channels": 2}, True), ("ffdnet", {}, True), ("das-ffdnet-small", {}, False)],
)
def test_the_convention_tells_unit_and_what_is_told(architecture, arguments, is_told):
    text = noise_convention(recipe_of(architecture, arguments))
    assert ("The last input channel is sigma" in text) == is_told
    assert ("Blind" in text) == (not is_told)
    assert "1.5 times the brightest tissue" in text
    assert "brighter stays as it is" in text


def test_the_texts_of_a_published_architecture():
    scans = {"folder": "/home/me/brains", "files": ["a.nii.gz"], "share": 0.6, "license": "CC BY"}
    noise = {"lowest": 0.02, "highest": 0.2, "filtered": 0, "varying": 0}
    texts = paper_texts(recipe_of("das-ffdnet-small", {"blocks": 2}, scans=scans, noise=noise, loss="mse_ssim"))
    assert texts["label"] == "reconstruction"
    for word in ("IDA-240613", "blocks=2", "0.8 peak_mse"):
        assert word in texts["description"]
    for word in ("(brains: a.nii.gz)", "CC BY", "procedural scenes"):
        assert word in texts["data"]
    assert "/home" not in str(texts)
    for word in ("Not homogeneous", "white, uniform Rician noise of 2 to 20 %", "never saw", "2-D"):
        assert word in texts["limits"]
    assert "CC BY" in texts["license"]
    plain = paper_texts(recipe_of("red3d"))
    assert "2-D" not in plain["limits"]
    assert "white and filtered, uniform and varying" in plain["limits"]
    assert plain["data"] == "procedural scenes."
    assert plain["license"] == "Up to whoever trained it."


def test_gans_say_the_unit_in_the_same_words():
    recipe = Recipe.model_validate(
        {"name": "g", "step": "gan", "network": {"architecture": "cyclegan"}, "gan": {"white": 1.5},
         "patches": [{"shape": [1, 64, 64], "batch": 1}], "optimizer": {"kind": "adam"}}
    )  # fmt: skip
    assert noise_convention(recipe) == noise_convention(recipe_of("dncnn"))
    assert gan_texts(recipe)["data"].endswith("procedural scenes.")


def test_networks_without_a_unit_do_not_become_models(tmp_path):
    """Trained at a brightest tissue of 1 and run at a noise level of 1, they would see what they never saw."""
    recipe = recipe_of("dncnn", SMALL["dncnn"], None)
    assert not is_usable(recipe)
    assert publish_trained(recipe, written(trained_like("dncnn", 1.0), recipe, tmp_path / "run")) is None
    assert is_usable(recipe_of("unet3d", {}, None))
    assert publish_trained(recipe_of("dncnn"), tmp_path / "empty") is None


def test_fine_tuning_keeps_the_unit_of_the_parent(tmp_path):
    recipe = recipe_of("dncnn", SMALL["dncnn"])
    card = publish_trained(recipe, written(trained_like("dncnn", 1.0), recipe, tmp_path / "run"))
    start = str(tmp_path / "run" / card.file)
    child = Recipe.model_validate({"name": "child", "start_from": start})
    assert adapted(child, load_parent(child)).white == 1.5
    scans = {"folder": "scans", "share": 1.0, "held_out": 0.2}
    noisy = Recipe.model_validate({"name": "child", "start_from": start, "loss": "sure", "scans": scans})
    with pytest.raises(ModelError, match="brightest tissue"):
        adapted(noisy, load_parent(noisy))
