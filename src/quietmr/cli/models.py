"""``quietmr models``."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from quietmr.cli.arguments import Flag

if TYPE_CHECKING:
    from quietmr.models import Card


@dataclass(frozen=True)
class Models:
    """List the models, or show what is known about one.

    Architectures that are still to be trained come last, with their paper and how faithful they are to it.

    For example:
      quietmr models list
      quietmr models list 'dipy*'
      quietmr models show quiet-fast
      quietmr models show das-ffdnet
    """

    action: Annotated[Literal["list", "show"], tyro.conf.Positional, tyro.conf.arg(help_behavior_hint="")] = "list"
    """List names that can be given to 'quietmr denoise --model', then architectures to train, or show one."""
    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="[NAME]", help_behavior_hint="")] = "*"
    """Name to show, or pattern to list ('dipy*')."""
    json: Flag = False
    """Print one JSON value: a list of objects, or one object."""
    debug: Flag = False
    """Show the traceback of a failure."""

    def run(self, command_line: str) -> int:
        """List or show."""
        del command_line
        import json
        import sys

        from quietmr.cli.console import plain
        from quietmr.denoise import list_denoisers
        from quietmr.denoise.names import match_names
        from quietmr.models import ARCHITECTURES

        if self.action == "show":
            facts: Any = model_facts(self.name)
            words = _card(facts)
        else:
            names = list_denoisers(self.name)
            untrained = [name for name in match_names(ARCHITECTURES, self.name) if name not in names]
            facts = [model_facts(name) for name in [*names, *untrained]]
            words = _table(facts)
        text = json.dumps(plain(facts), ensure_ascii=False, allow_nan=False) if self.json else words
        sys.stdout.write(f"{text}\n")
        return 0


def model_facts(name: str) -> dict[str, Any]:
    """Return what is known about a preset, a network (its card), a classical method or an untrained architecture.

    Raises
    ------
    ModelError
        If the name is unknown.
    """
    from quietmr.data import ModelError
    from quietmr.denoise import list_denoisers
    from quietmr.denoise.classical import CLASSICAL
    from quietmr.denoise.presets import PRESETS
    from quietmr.models import ARCHITECTURES, ORIGINS, is_model_path, list_models, load_card

    if name in PRESETS:
        return {"name": name, "kind": "preset", **asdict(PRESETS[name])}
    if is_model_path(name) or name in list_models():
        return _network_facts(load_card(name))
    if name in CLASSICAL:
        method = CLASSICAL[name]
        summary = " ".join((method.__doc__ or "").split("\n\n")[0].split())
        return {"name": name, "kind": "classical", "description": summary, **asdict(method.facts)}
    if name in ARCHITECTURES:
        untrained = f"none yet: train it with 'quietmr train' (network: {{architecture: {name}}})"
        return {"name": name, "kind": "architecture", **asdict(ORIGINS[name]), "weights": untrained}
    raise ModelError(
        f"There is no model '{name}'; known ones: {', '.join(list_denoisers())}; architectures to train: "
        f"{', '.join(sorted(ARCHITECTURES))}."
    )


def _network_facts(card: "Card") -> dict[str, Any]:
    """Entries of a card, what it is for an architecture, and that its weights are here."""
    from quietmr.models import ORIGINS

    origin = asdict(ORIGINS[card.architecture])
    first = {"name": card.name, "kind": "network", "label": card.label, "description": card.description}
    known = {key: origin[key] for key in ("paper", "code", "dimensions")}
    return {**first, **known, "parameters": card.parameters, "weights": card.file, **asdict(card)}


def _table(models: list[dict[str, Any]]) -> str:
    if not models:
        return "No model has such a name."
    width = max(len(model["name"]) for model in models)
    return "\n".join(f"{model['name']:<{width}}  {_origin(model):<31}  {_says(model)}" for model in models)


def _says(model: Mapping[str, Any]) -> str:
    if model["kind"] == "architecture":
        return f"{model['label']}: {model['description']} ({model['paper']})"
    return f"{model['label']}: {model['description']}" if model["kind"] == "network" else str(model["description"])


def _origin(model: Mapping[str, Any]) -> str:
    if model["kind"] == "preset":
        return f"preset, {model['passes'] + 1} steps"
    if model["kind"] == "network":
        return f"network {model['dimensions']}, {model['parameters'] / 1e6:.2f} M weights"
    if model["kind"] == "architecture":
        return f"untrained {model['dimensions']}, {model['parameters'] / 1e6:.2f} M weights"
    return f"classical, {model['library']}"


def _card(facts: Mapping[str, Any], indent: str = "") -> str:
    lines = []
    for key, value in facts.items():
        if isinstance(value, Mapping) and value:
            lines += [f"{indent}{key}:", _card(value, f"{indent}  ")]
        else:
            lines.append(f"{indent}{key}: {value}")
    return "\n".join(lines)
