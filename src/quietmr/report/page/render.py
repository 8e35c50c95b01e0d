"""Put everything on one page: a single HTML file that asks nothing of a network."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib.resources import files
from typing import Any

import numpy as np
from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateNotFound
from markupsafe import Markup

from quietmr._version import __version__
from quietmr.data import Image, InputError
from quietmr.evaluate.tissue import tissue
from quietmr.report.page.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, histogram, survival
from quietmr.report.page.contents import PageContents
from quietmr.report.page.layers import STRUCTURE_SHOWN, Layers, make_layers
from quietmr.report.page.stills import stills
from quietmr.report.page.words import ANSWERS, TONES, key_figures, shown_tests, survival_words
from quietmr.report.panels import LIMIT
from quietmr.report.views import View, orthogonal_views

STYLES = ("page.css", "viewer.css", "print.css")
# In this order: each uses what stands before it.
SCRIPTS = ("volumes.js", "state.js", "slices.js", "pictures.js", "pointers.js", "controls.js", "start.js")
# A view needs so many pixels along both sides to be worth a picture.
_FEWEST = 8
_AXES = ("slice", "row", "column")
_FRAMES = {"time": "Time", "repetition": "Repetition", "direction": "Direction", "echo": "Echo", "unknown": "Frame"}
_DRAWING = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": RIGHT, "top": TOP, "bottom": BOTTOM}


def report_page(contents: PageContents) -> str:
    """Write the page.

    The same contents give the same page, character by character.

    Parameters
    ----------
    contents : PageContents

    Returns
    -------
    str
        HTML, under 8 MB.

    Raises
    ------
    InputError
        If the images before and after differ in shape or kind.
    """
    before, after = contents.before, contents.after
    if before.shape != after.shape or before.is_complex != after.is_complex:
        raise InputError(
            f"The images before and after must be alike, got {_kind(before)} and {_kind(after)}: "
            "report an image with its own denoised copy."
        )
    views = shown_views(after)
    structure = contents.evidence.structure
    layers = make_layers(before, after, contents.noise, structure, views[0])
    style, script = (Markup("\n".join(_asset(name) for name in names)) for names in (STYLES, SCRIPTS))
    told = [{"title": _title(view), **_slider(view, layers)} for view in views]
    environment = Environment(
        loader=_Assets(), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.tests["grid"] = _is_grid
    return environment.get_template("page.html.j2").render(
        name=contents.name,
        version=__version__,
        policy=_policy(style, script),
        style=style,
        script=script,
        data=_json(_viewer_facts(after, views, layers)),
        volumes=layers.volumes,
        views=told,
        layers=_choices(layers),
        frames=layers.strides.shown(after.shape)[0],
        frame_start=layers.strides.shown(after.shape)[0] // 2,
        frame_word=_FRAMES[after.frames],
        stills=list(zip(told, stills(before, after, contents.noise, views), strict=True)),
        display_note=_display_note(after, views[0], layers),
        **_told(contents),
    )


def shown_views(image: Image) -> list[View]:
    """Choose the views worth a picture, the main one always."""
    first, *others = orthogonal_views(image)
    shape = image.shape[1:]
    return [first, *(view for view in others if min(shape[view.row_axis], shape[view.column_axis]) >= _FEWEST)]


def _told(contents: PageContents) -> dict[str, Any]:
    """Say in words and drawings what was found and done."""
    where = tissue(contents.before, contents.noise, contents.mask)
    kept = contents.survival
    return {
        "answer": ANSWERS[contents.evidence.verdict],
        "tone": TONES[contents.evidence.verdict],
        "evidence": contents.evidence,
        "figures": key_figures(contents, where),
        "tests": shown_tests(contents.evidence.findings),
        "survival": None if kept is None else survival(kept),
        "survival_words": None if kept is None else survival_words(kept),
        "survival_note": contents.survival_note,
        "survival_count": None if kept is None else kept.count,
        "histogram": histogram(contents.before, contents.after, where),
        "drawing": _DRAWING,
        "parameters": contents.parameters,
        "command_line": contents.command_line,
        "warnings": contents.warnings,
        "model": contents.model,
        "card": contents.card,
    }


def _viewer_facts(image: Image, views: list[View], layers: Layers) -> dict[str, Any]:
    """Tell the script what it needs to draw."""
    volumes = {}
    for name, packed in layers.volumes.items():
        volumes[name] = {key: value for key, value in asdict(packed).items() if key != "text"}
    return {
        "volumes": volumes,
        "views": [_view_facts(view, layers) for view in views],
        "shape": layers.strides.shown(image.shape),
        "strides": layers.strides.each,
        "full": image.shape,
        "level": layers.level,
        "window": layers.window,
        "limit": LIMIT,
        "structureShown": STRUCTURE_SHOWN,
        "millimetres": views[0].letters is not None,
    }


def _view_facts(view: View, layers: Layers) -> dict[str, Any]:
    each = layers.strides.each[1:]
    height, width = (mm or 1.0 for mm in view.pixel_size)
    return {
        "title": _title(view),
        "row": view.row_axis,
        "column": view.column_axis,
        "normal": view.normal_axis,
        "flipRows": view.flip_rows,
        "flipColumns": view.flip_columns,
        "size": [height * each[view.row_axis], width * each[view.column_axis]],
        "letters": view.letters,
        "start": view.index // each[view.normal_axis],
    }


def _slider(view: View, layers: Layers) -> dict[str, int]:
    each = layers.strides.each[1 + view.normal_axis]
    return {"count": layers.volumes["after"].shape[1 + view.normal_axis], "start": view.index // each}


def _choices(layers: Layers) -> list[dict[str, str]]:
    """List what the pictures can show."""
    choices = [{"key": "compare", "label": "Before | after"}, {"key": "removed", "label": "Removed"}]
    if np.prod(layers.volumes["sigma"].shape) > 1:
        choices.append({"key": "sigma", "label": "Noise level"})
    if "structure" in layers.volumes:
        choices.append({"key": "structure", "label": "Structure"})
    return choices


def _display_note(image: Image, view: View, layers: Layers) -> str:
    """Say how the pictures differ from the data."""
    steps = f"Pictures hold grey values in steps of {layers.volumes['after'].step:.2g} and removed noise in steps of "
    steps += f"1/{round(1 / layers.removed_step)} σ. "
    magnitudes = "The scan is complex: magnitudes are shown. " if image.is_complex else ""
    missing = int(np.count_nonzero(~np.isfinite(image.data)))
    absent = f"{missing} voxels that are not finite are black. " if missing else ""
    return (magnitudes + absent + steps + layers.strides.sentence(image, view)).strip()


def _is_grid(entries: Mapping[str, Any]) -> bool:
    """Whether a mapping holds mappings with the same keys, as the rows of a table do."""
    rows = list(entries.values())
    return bool(rows) and all(isinstance(row, Mapping) and list(row) == list(rows[0]) for row in rows)


def _title(view: View) -> str:
    return (view.name or _AXES[view.normal_axis]).capitalize()


def _kind(image: Image) -> str:
    return f"{image.shape} {'complex' if image.is_complex else 'real'}"


def _policy(style: str, script: str) -> str:
    """Content-Security-Policy: nothing is loaded, and only our own style and script run."""
    allowed = {name: f"'sha256-{_digest(text)}'" for name, text in (("style", style), ("script", script))}
    return (
        f"default-src 'none'; img-src data:; style-src {allowed['style']}; script-src {allowed['script']}; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _json(facts: Mapping[str, Any]) -> Markup:
    """JSON that cannot end the script element that it stands in."""
    text = json.dumps(facts, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _asset(name: str) -> str:
    return (files("quietmr.report.page") / "assets" / name).read_text(encoding="utf-8").strip() + "\n"


class _Assets(BaseLoader):
    """Templates that come with the package."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, None]:
        """Read one."""
        del environment
        try:
            return _asset(template), template, None
        except FileNotFoundError:
            raise TemplateNotFound(template) from None
