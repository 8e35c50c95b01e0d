"""Entries of a recipe that are given on the command line."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import yaml

from quietmr.data import InputError


def overridden(content: Any, overrides: Sequence[str]) -> Any:
    """Replace entries of a recipe.

    Parameters
    ----------
    content : Any
        The recipe as YAML gives it; not changed.
    overrides : sequence of str
        ``KEY=VALUE``: dots lead into sections (``optimizer.lr_muon=0.005``), numbers into lists
        (``patches.0.batch=4``), and the value is YAML (``scenes.shape=[16,64,64]``).

    Returns
    -------
    Any
        The recipe with these entries; whether they make sense is not checked here.

    Raises
    ------
    InputError
        If an override is not ``KEY=VALUE``, or leads nowhere.
    """
    content = deepcopy(content)
    for override in overrides:
        key, sign, text = override.partition("=")
        if not sign or not key:
            raise InputError(f"'{override}' changes nothing in a recipe: write KEY=VALUE, such as steps=100.")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            raise InputError(f"The value of '{override}' is not YAML: write it as in a recipe.") from None
        _put(content, key, value)
    return content


def _put(content: Any, key: str, value: Any) -> None:
    *path, last = key.split(".")
    place = content
    for word in path:
        place = place.setdefault(word, {}) if isinstance(place, dict) else _entry(place, word, key)
    if isinstance(place, list):
        _entry(place, last, key)
        place[int(last)] = value
    elif isinstance(place, dict):
        place[last] = value
    else:
        raise InputError(f"The recipe has no place '{key}': check the name before '.{last}'.")


def _entry(place: Any, word: str, key: str) -> Any:
    if not isinstance(place, list) or not word.isdigit() or int(word) >= len(place):
        raise InputError(f"The recipe has no place '{key}': '{word}' leads nowhere.")
    return place[int(word)]
