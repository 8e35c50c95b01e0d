"""The scans of the two domains, of different people."""

import hashlib
import re
from pathlib import Path
from typing import Any, Literal

from quietmr.data import InputError
from quietmr.training.recipe import Recipe
from quietmr.training.scan_files import find_scans, scan_facts
from quietmr.training.scan_recipe import ScanRecipe

Domain = Literal["noisy", "clean"]
DOMAINS: tuple[Domain, Domain] = ("noisy", "clean")

# Names of people in BIDS and in many other data sets.
_USUAL = r"sub-[A-Za-z0-9]+|[Pp]atient[-_]?\d+"


def scans_of(recipe: Recipe, domain: Domain) -> ScanRecipe:
    """Tell how to read the scans of a domain: what holds noise of its own is not changed in contrast or k-space."""
    update: dict[str, Any] = {"files": getattr(recipe.gan, domain)}
    if domain == "noisy" and not recipe.gan.add_noise:
        update |= {"keep": 1.0, "gamma": 0.0}
    return recipe.scans.model_copy(update=update)


def domain_facts(recipe: Recipe) -> list[dict[str, Any]]:
    """Name, kind, size and SHA-256 of every scan, and the domain that it belongs to."""
    return [{"domain": domain, **fact} for domain in DOMAINS for fact in scan_facts(scans_of(recipe, domain))]


def check_disjoint(recipe: Recipe) -> None:
    """Refuse images of one person in both domains: then they would not be unpaired.

    Whom a file shows is told by its name (``gan.subject``); equal files count as one person whatever their names.

    Raises
    ------
    InputError
        If a person or a file is in both domains, or a name tells no person.
    """
    noisy, clean = (_people(recipe, domain) for domain in DOMAINS)
    both = sorted(set(noisy) & set(clean))
    if both:
        raise InputError(
            f"'{both[0]}' is in the noisy and in the clean scans ({noisy[both[0]]}, {clean[both[0]]}): a GAN learns "
            "from different people, so change gan.noisy or gan.clean, or gan.subject if that is not a person."
        )
    seen = {_digest(path): path for path in find_scans(scans_of(recipe, "noisy"))}
    for path in find_scans(scans_of(recipe, "clean")):
        if _digest(path) in seen:
            raise InputError(
                f"{seen[_digest(path)]} and {path} are the same file, one noisy and one clean: a GAN learns from "
                "different people, so change gan.noisy or gan.clean."
            )


def _people(recipe: Recipe, domain: Domain) -> dict[str, str]:
    """Names of files by the person that they show."""
    found = {}
    for path in find_scans(scans_of(recipe, domain)):
        name = path.relative_to(recipe.scans.folder).as_posix()
        found[_person(name, recipe.gan.subject)] = name
    return found


def _person(name: str, pattern: str) -> str:
    match = re.search(pattern or _USUAL, name)
    if match is not None:
        return match.group()
    if pattern:
        raise InputError(f"gan.subject finds no person in the name '{name}': change the expression.")
    return name.split("/")[0]


def _digest(path: Path) -> str:
    if path.is_dir():
        return str(path.resolve())
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
