"""Options may stand anywhere between the files."""

from itertools import permutations

import pytest

from quietmr.cli.arguments import parse
from quietmr.cli.compare import Compare
from quietmr.cli.denoise import Denoise

ORDERS = list(permutations([["in.nii"], ["out.nii"], ["--sigma", "3"], ["--force"]]))


@pytest.mark.parametrize("order", ORDERS)
def test_options_may_stand_anywhere(order):
    command = parse("denoise", [word for part in order for word in part], Denoise)
    files = tuple(part[0] for part in order if part[0].endswith(".nii"))
    assert command == Denoise(files, sigma=3.0, force=True)


def test_value_with_equals_sign():
    assert parse("denoise", ["a", "--sigma=3", "b"], Denoise) == Denoise(("a", "b"), sigma=3.0)


def test_after_two_dashes_everything_is_a_file():
    assert parse("denoise", ["--force", "--", "-a.nii", "--b.nii"], Denoise) == Denoise(
        ("-a.nii", "--b.nii"), force=True
    )


def test_default_model_is_the_one_of_the_python_function():
    from quietmr.denoise import DEFAULT_MODEL

    assert Denoise().model == DEFAULT_MODEL


@pytest.mark.parametrize(
    "words",
    [
        ["a", "b", "out", "--methods", "x", "y", "--quiet", "--levels", "3", "9"],
        ["a", "--levels", "3", "9", "--quiet", "b", "out", "--methods", "x", "y"],
        ["--methods", "x", "y", "--levels", "3", "9", "--quiet", "--", "a", "b", "out"],
    ],
)
def test_an_option_of_several_words_takes_all_up_to_the_next_option(words):
    parsed = parse("compare", words, Compare)
    assert (parsed.paths, parsed.methods, parsed.levels) == (("a", "b", "out"), ("x", "y"), (3.0, 9.0))
    assert parsed.quiet


def test_an_option_that_may_come_several_times_takes_one_word_each():
    parsed = parse("compare", ["a", "--external", "m=t {in} {out}", "out", "--external", "n=t"], Compare)
    assert (parsed.paths, parsed.external) == (("a", "out"), ("m=t {in} {out}", "n=t"))


def test_negative_numbers_belong_to_their_option():
    assert parse("compare", ["a", "out", "--levels", "5", "-3"], Compare).levels == (5.0, -3.0)
