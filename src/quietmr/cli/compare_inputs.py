"""What ``quietmr compare`` reads and refuses before any work: methods, metrics, reference, images and masks."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from quietmr.cli.compare import Compare
from quietmr.cli.console import collected_warnings
from quietmr.cli.failures import UsageError
from quietmr.cli.grids import read_mask
from quietmr.cli.names import split_suffix
from quietmr.data import InputError
from quietmr.evaluate.compare.conditions import Grid
from quietmr.evaluate.compare.measuring import score_names
from quietmr.evaluate.compare.methods import Method, default_names, named
from quietmr.evaluate.compare.noise_cases import KINDS, Kind
from quietmr.evaluate.compare.plan import Plan, facts_of
from quietmr.evaluate.compare.references import RULES, Reference, Rule, make_reference, own_noise
from quietmr.evaluate.metrics import METRICS
from quietmr.io import read


@dataclass(frozen=True)
class ReferenceFiles:
    """Reads clean images by name; travels to other processes."""

    files: Mapping[str, tuple[Path, Path | None]]
    rule: Rule

    def __call__(self, name: str) -> Reference:
        """Read an image with its mask."""
        path, mask = self.files[name]
        image = read(path)
        inside = None if mask is None else read_mask(mask, image)
        return make_reference(name, image, inside, self.rule)


def planned(options: Compare) -> tuple[Plan, list[Method]]:
    """Read all images once and make the plan that the options mean.

    Raises
    ------
    UsageError
        If a level, kind, metric or the reference makes no sense.
    QuietmrError
        If a method is unknown or cannot run, or an image or mask cannot be used.
    """
    names = options.methods or (default_names() if not options.external else ("quiet",))
    scores = _scores(options.metrics)
    _check_numbers(options)
    try:
        methods = named(names, options.external, blind=options.blind, timeout=options.timeout)
        grid = Grid(("any",), _kinds(options.kinds), options.levels, options.seeds, tuple(m.name for m in methods))
    except InputError as error:
        raise UsageError(str(error)) from error
    for method in methods:
        method.check()
    sources = _sources(options.paths[:-1], options.mask)
    load = ReferenceFiles(sources, _rule(options.reference))
    facts = {}
    for name, (path, mask) in sources.items():
        with collected_warnings() as remarks:
            reference = load(name)
            own = own_noise(reference)
        for method in methods:
            method.check(is_complex=reference.image.is_complex)
        facts[name] = facts_of(reference, path, mask, own, remarks)
    identities = {method.name: method.identity for method in methods}
    commands = {method.name: method.command for method in methods if method.command}
    return Plan(
        replace(grid, images=tuple(sources)), load.rule, tuple(scores), facts, identities, commands, options.threads
    ), methods


def of_plan(plan: Plan, options: Compare) -> tuple[ReferenceFiles, dict[str, Method]]:
    """Images and methods of a plan, those of earlier runs among them."""
    files = {
        name: (Path(facts.path), Path(facts.mask_path) if facts.mask_path else None)
        for name, facts in plan.images.items()
    }
    methods = {name: Method(name, plan.commands.get(name, ""), options.timeout) for name in plan.grid.methods}
    return ReferenceFiles(files, plan.reference), methods


def _check_numbers(options: Compare) -> None:
    if options.workers < 0 or options.threads < 1:
        raise UsageError(
            f"--workers is 0 or more and --threads 1 or more, got {options.workers} and {options.threads}: change them."
        )
    if not options.timeout > 0:
        raise UsageError(f"--timeout is a number of seconds over 0, got {options.timeout:g}: change it.")


def _scores(metrics: Sequence[str]) -> list[str]:
    for name in metrics:
        if name not in METRICS:
            raise UsageError(f"There is no metric '{name}'{_guess(name, METRICS)}")
    return score_names(metrics)


def _kinds(names: Sequence[str]) -> tuple[Kind, ...]:
    for name in names:
        if name not in KINDS:
            raise UsageError(f"There is no noise of the kind '{name}'{_guess(name, KINDS)}")
    return tuple(kind for kind in KINDS if kind in names)


def _rule(text: str) -> Rule:
    if text in RULES:
        return text
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise UsageError(f"--reference is p99, max or a brightness over 0, got '{text}': choose one of them.")
    return value


def _sources(paths: Sequence[str], masks: Sequence[str]) -> dict[str, tuple[Path, Path | None]]:
    """Give images their names and masks."""
    if len(masks) not in (0, 1, len(paths)):
        raise UsageError(f"Give one mask for all images or one for each, got {len(masks)} for {len(paths)} images.")
    each: list[Path | None] = [Path(mask) for mask in masks] or [None]
    each *= len(paths) if len(each) == 1 else 1
    files = [Path(path) for path in paths]
    names = [split_suffix(file)[0] for file in files]
    if len(set(names)) < len(names):
        names = [f"{file.resolve().parent.name}/{name}" for file, name in zip(files, names, strict=True)]
    if len(set(names)) < len(names):
        raise UsageError(
            "Two of the images have the same name and folder: rename one, or leave it out if it is the same."
        )
    return dict(zip(names, zip(files, each, strict=True), strict=True))


def _guess(name: str, known: Iterable[str]) -> str:
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1)
    return f", did you mean '{close[0]}'?" if close else f"; known are {', '.join(known)}."
