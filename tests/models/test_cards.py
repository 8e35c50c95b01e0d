import hashlib
import json
from dataclasses import asdict

import pytest
import torch
from safetensors.torch import save_file

from quietmr.data import ModelError
from quietmr.models import Card, build_architecture, create_model, list_models, load_card, load_weights


@pytest.fixture
def folder(tmp_path):
    """A folder with one small trained model, as the package ships them."""
    arguments = {"widths": [8, 8], "n_blocks": [1, 1]}
    torch.manual_seed(3)
    network = build_architecture("unet3d", **arguments)
    save_file(network.state_dict(), tmp_path / "tiny.safetensors")
    card = Card(
        name="tiny", label="ours", description="d", architecture="unet3d", arguments=arguments,
        parameters=sum(p.numel() for p in network.parameters()), file="tiny.safetensors",
        sha256=hashlib.sha256((tmp_path / "tiny.safetensors").read_bytes()).hexdigest(),
        license="Apache-2.0", data="none", noise_convention="per channel", intended_use="tests", limits="all",
        recipe={}, training={}, scores={},
    )  # fmt: skip
    (tmp_path / "tiny.json").write_text(json.dumps(asdict(card)))
    return tmp_path


def test_a_card_reads_back(folder):
    assert list_models(folder=folder) == ["tiny"]
    assert load_card("tiny", folder).arguments == {"widths": [8, 8], "n_blocks": [1, 1]}
    network = create_model("tiny", folder=folder)
    stored = load_weights("tiny", folder)
    assert all(torch.equal(value, stored[key]) for key, value in network.state_dict().items())


def test_a_trained_model_comes_before_an_architecture_of_its_name(folder):
    for end in ("json", "safetensors"):
        (folder / f"tiny.{end}").rename(folder / f"unet3d.{end}")
    card = json.loads((folder / "unet3d.json").read_text())
    (folder / "unet3d.json").write_text(json.dumps({**card, "name": "unet3d", "file": "unet3d.safetensors"}))
    network = create_model("unet3d", folder=folder)
    stored = load_weights("unet3d", folder)
    assert all(torch.equal(value, stored[key]) for key, value in network.state_dict().items())
    assert create_model("unet3d").head.in_channels == 8


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:100] + b"\x00" + b[101:] + b"x", lambda b: b""])
def test_damaged_weights_are_refused(folder, damage):
    file = folder / "tiny.safetensors"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ModelError, match="damaged"):
        create_model("tiny", folder=folder)


def test_missing_weights_are_refused(folder):
    (folder / "tiny.safetensors").unlink()
    with pytest.raises(ModelError, match="missing"):
        create_model("tiny", folder=folder)


def test_weights_of_another_architecture_are_refused(folder):
    card = json.loads((folder / "tiny.json").read_text())
    card["arguments"]["widths"] = [12, 8]
    (folder / "tiny.json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match="do not fit"):
        create_model("tiny", folder=folder)


@pytest.mark.parametrize("text", ["not json", "[]", '{"name": "tiny"}'])
def test_damaged_cards_are_refused(folder, text):
    (folder / "tiny.json").write_text(text)
    with pytest.raises(ModelError, match="card"):
        load_card("tiny", folder)


def test_a_model_is_found_by_its_path(folder):
    by_name = create_model("tiny", folder=folder).state_dict()
    for path in (str(folder / "tiny.safetensors"), f"{folder}/"):
        assert load_card(path).name == "tiny"
        assert all(torch.equal(value, by_name[key]) for key, value in create_model(path).state_dict().items())


def test_a_model_keeps_its_card_under_another_name(folder):
    for suffix in (".safetensors", ".json"):
        (folder / f"tiny{suffix}").rename(folder / f"renamed{suffix}")
    assert load_weights(str(folder / "renamed.safetensors"))


def test_paths_without_a_model_are_refused(folder):
    with pytest.raises(ModelError, match="no weights file"):
        load_card(str(folder / "none.safetensors"))
    (folder / "bare.safetensors").write_bytes((folder / "tiny.safetensors").read_bytes())
    with pytest.raises(ModelError, match="no card"):
        load_card(str(folder / "bare.safetensors"))
    (folder / "bare.json").write_bytes((folder / "tiny.json").read_bytes())
    with pytest.raises(ModelError, match="2 models"):
        load_card(f"{folder}/")
