"""Finding the verb, help, exit codes."""

import re
from importlib import import_module

import pytest

from quietmr import __version__
from quietmr.cli.main import VERBS


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"], ["help"]])
def test_help_names_every_verb_and_ends_well(command, arguments):
    ran = command(*arguments)
    assert (ran.code, ran.err) == (0, "")
    for name, verb in VERBS.items():
        assert re.search(rf"^  {name} +{re.escape(verb.summary)}$", ran.out, re.MULTILINE)


def test_version(command):
    assert command("--version").out == f"quietmr {__version__}\n"


@pytest.mark.parametrize("name", VERBS)
def test_summary_of_a_verb_is_the_first_line_of_its_docstring(name):
    verb = VERBS[name]
    assert getattr(import_module(verb.module), verb.class_name).__doc__.splitlines()[0] == verb.summary


@pytest.mark.parametrize("name", VERBS)
@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_help_of_a_verb_explains_every_option(command, name, arguments):
    ran = command(name, *arguments)
    assert (ran.code, ran.err) == (0, "")
    fields = getattr(import_module(VERBS[name].module), VERBS[name].class_name).__dataclass_fields__
    for field in set(fields) - {"paths", "action", "name", "recipe", "folder", "words"}:
        option = re.escape("--" + field.replace("_", "-"))
        # the words stand beside the option, or below it where it is long
        assert re.search(rf"{option}\b(.*\w|\W*\n\W*[A-Z])", ran.out), option


def test_help_asks_for_no_place_on_the_command_line_that_is_not_ours(command):
    assert "None" not in command("denoise", "--help").out


def test_misspelt_verb_is_wrong_usage_and_is_guessed(command):
    ran = command("denose", "a", "b")
    assert ran.code == 2
    assert ran.sentence == "There is no command 'denose', did you mean 'denoise'?"


@pytest.mark.parametrize(
    "arguments",
    [
        ["denoise", "a.nii", "b.nii", "--sgima", "3"],
        ["denoise", "a.nii", "b.nii", "--sigma", "strong"],
        ["denoise", "a.nii", "b.nii", "--dtype", "int8"],
        ["noise", "a.nii", "--sigma", "3"],
        ["models", "delete", "quiet-fast"],
        ["--force"],
    ],
)
def test_wrong_options_are_wrong_usage(command, arguments):
    ran = command(*arguments)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--sigma", "0"], "--sigma"),
        (["--sigma", "-3"], "--sigma"),
        (["--sigma", "nan"], "--sigma"),
        (["--sigma", "inf"], "--sigma"),
        (["--strength", "1.5"], "--strength"),
        (["--strength", "-0.1"], "--strength"),
        (["--strength", "nan"], "--strength"),
        (["--threads", "0"], "--threads"),
        (["--sigma", "3", "--noise-map-in", "map.nii"], "choose one"),
    ],
)
def test_values_out_of_range_are_wrong_usage_in_one_sentence(command, options, word):
    ran = command("denoise", "a.nii", "b.nii", *options)
    assert ran.code == 2
    assert word in ran.sentence


@pytest.mark.parametrize("arguments", [["denoise", "a.nii"], ["denoise", "--force"], ["noise", "--json"]])
def test_missing_names_are_wrong_usage(command, arguments):
    ran = command(*arguments)
    assert ran.code == 2
    assert "quietmr" in ran.sentence


def test_debug_shows_the_traceback_before_the_sentence(command, tmp_path):
    ran = command("noise", tmp_path / "absent.nii", "--debug")
    assert ran.code == 1
    assert "Traceback" in ran.err
    assert ran.err.splitlines()[-1].startswith("quietmr: There is no file")
