"""The page of ``--report``: what was measured and done, put where the report expects it."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr.cli.block_measures import BlockMeasures, measure_block
from quietmr.cli.models import model_facts
from quietmr.data import Image, ModelError, NoiseMap
from quietmr.denoise.presets import PRESETS
from quietmr.evaluate.residual import residual_evidence
from quietmr.report.page import PageContents, report_page
from quietmr.report.wording import level, nature

_NOTHING = BlockMeasures(None, None, "")
# What a page tells of a model card, in this order: the rest is for those who train.
_CARD = {
    "description": "what it is",
    "label": "label",
    "data": "trained on",
    "license": "licence",
    "intended_use": "meant for",
    "limits": "limits",
    "noise_convention": "noise level",
    "parameters": "weights",
    "sha256": "SHA-256",
    "scores": "measured scores",
    "library": "library",
    "reference": "reference",
}


@dataclass(frozen=True, eq=False)
class Reported:
    """A scan with its denoised copy, noise and mask, and its name."""

    before: Image
    after: Image
    noise: NoiseMap
    mask: NDArray[np.bool_] | None
    name: str


def page_of(
    shown: Reported,
    facts: Mapping[str, Any],
    command_line: str,
    *,
    engine: str = "torch",
    device: str = "auto",
    progress: Callable[[float], None] | None = None,
) -> str:
    """Test what was removed, measure the method on a block of the scan if it is known, and write the page.

    Parameters
    ----------
    shown : Reported
    facts : mapping
        What was measured and done, as ``quietmr denoise --json`` tells it; ``model`` may be None.
    command_line : str
    engine, device : str
        What runs the model.
    progress : callable, optional
        Is told the done part, 0 to 1.
    """
    model = facts["model"]
    measures = _NOTHING
    # The tests run beside the network, which leaves the interpreter free.
    with ThreadPoolExecutor(1) as beside:
        tests = beside.submit(residual_evidence, shown.before, shown.after, shown.noise, shown.mask)
        if model is not None and shown.noise.level > 0 and facts["strength"] > 0:
            measures = measure_block(shown, model, facts["strength"], engine=engine, device=device, progress=progress)
        evidence = tests.result()
    contents = PageContents(
        name=shown.name,
        before=shown.before,
        after=shown.after,
        noise=shown.noise,
        mask=shown.mask,
        evidence=evidence,
        gain=measures.gain,
        survival=measures.survival,
        survival_note=measures.note if model is not None else "Give --model NAME, and it is measured.",
        model=model or "",
        strength=facts["strength"],
        parameters=parameters(facts, shown.noise),
        command_line=command_line,
        warnings=facts["warnings"],
        card={} if model is None else card_of(model, shown.before),
    )
    return report_page(contents)


def parameters(facts: Mapping[str, Any], noise: NoiseMap) -> list[tuple[str, str]]:
    """How the image was made, line by line; what is not known is left out."""
    lines = [
        ("scan", facts["input"]),
        ("denoised", facts["output"]),
        ("model", facts["model"]),
        ("SHA-256 of weights", facts.get("model_sha256")),
        ("strength", f"{facts['strength']:g}"),
        ("denoised as", facts.get("denoised_as")),
        ("noise level", f"{level(noise, facts['sigma'])} ({nature(noise)}), SD per real channel"),
        ("engine", facts.get("engine")),
        ("device", facts.get("device")),
        ("threads", facts.get("threads")),
        ("time", f"{facts['seconds']:.1f} s" if facts.get("seconds") is not None else None),
        ("date", facts.get("date")),
        ("quietmr", facts["version"]),
    ]
    return [(name, str(value)) for name, value in lines if value is not None]


def card_of(model: str, image: Image) -> dict[str, Any]:
    """Tell what is known about a model; of a preset also about the network that it takes for the image."""
    try:
        facts = model_facts(model)
        card = {_CARD[key]: _readable(facts[key]) for key in _CARD if facts.get(key)}
        if model in PRESETS:
            network = PRESETS[model].steps_for(image).network
            card[f"network {network}"] = card_of(network, image)
    except ModelError:
        return {}
    return card


def _readable(entry: Any) -> Any:
    """Write names without underscores and lists as texts."""
    if isinstance(entry, Mapping):
        return {str(key).replace("_", " "): _readable(value) for key, value in entry.items()}
    if isinstance(entry, list | tuple):
        return ", ".join(map(str, entry))
    return entry
