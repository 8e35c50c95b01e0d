"""``quietmr models``."""

import json

import pytest

from quietmr import list_denoisers, list_models
from quietmr.cli.models import model_facts
from quietmr.data import ModelError
from quietmr.denoise import create_denoiser
from quietmr.models import ARCHITECTURES

UNTRAINED = sorted(set(ARCHITECTURES) - set(list_models()))


def test_list_names_everything_that_denoise_takes_then_what_can_be_trained(command):
    ran = command("models", "list")
    assert ran.code == 0
    names = [line.split()[0] for line in ran.out.splitlines()]
    assert names == [*list_denoisers(), *UNTRAINED]


def test_list_takes_a_pattern(command):
    names = [model["name"] for model in json.loads(command("models", "list", "dipy*", "--json").out)]
    assert names == list_denoisers("dipy*")
    assert 0 < len(names) < len(list_denoisers())


@pytest.mark.parametrize("name", list_denoisers())
def test_show_tells_all_that_is_known(command, name):
    facts = json.loads(command("models", "show", name, "--json").out)
    assert facts["name"] == name
    assert facts["description"]
    assert facts["kind"] in {"preset", "network", "classical"}
    assert (facts["kind"] == "network") == (name in list_models())
    words = command("models", "show", name).out
    for key in model_facts(name):
        assert f"{key}:" in words


@pytest.mark.parametrize("name", UNTRAINED)
def test_untrained_architectures_show_label_size_and_origin(name):
    facts = model_facts(name)
    assert facts["kind"] == "architecture"
    assert facts["label"] in {"ours", "faithful", "ancestor-filled", "reconstruction"}
    assert facts["parameters"] > 0
    assert facts["paper"]
    assert facts["code"]
    assert "quietmr train" in facts["weights"]


def test_the_words_of_an_untrained_architecture(command):
    (listed,) = command("models", "list", "das-ffdnet").out.splitlines()
    for word in ("das-ffdnet ", "untrained 2-D", "9.47 M weights", "reconstruction"):
        assert word in listed
    shown = command("models", "show", "das-ffdnet").out
    assert "label: reconstruction" in shown
    assert "parameters: 9474116" in shown
    assert "doi 10.3233/IDA-240613" in shown


def test_an_untrained_architecture_does_not_denoise():
    with pytest.raises(ModelError, match="without weights: train it"):
        create_denoiser("das-ffdnet")


def test_unknown_name_is_one_sentence(command):
    ran = command("models", "show", "no-such-model")
    assert ran.code == 1
    assert "no-such-model" in ran.sentence


def test_pattern_without_a_match(command):
    assert command("models", "list", "no-such*", "--json").out == "[]\n"
