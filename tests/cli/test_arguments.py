"""Options may stand anywhere between the files."""

from itertools import permutations

import pytest

from quietmr.cli.arguments import parse
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
