"""``quietmr models``."""

import json

import pytest

from quietmr import list_denoisers, list_models
from quietmr.cli.models import model_facts


def test_list_names_everything_that_denoise_takes(command):
    ran = command("models", "list")
    assert ran.code == 0
    assert [line.split()[0] for line in ran.out.splitlines()] == list_denoisers()


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


def test_unknown_name_is_one_sentence(command):
    ran = command("models", "show", "no-such-model")
    assert ran.code == 1
    assert "no-such-model" in ran.sentence


def test_pattern_without_a_match(command):
    assert command("models", "list", "no-such*", "--json").out == "[]\n"
