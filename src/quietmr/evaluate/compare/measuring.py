"""One method on one noisy image: run it, judge it, write down what it cost."""

import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from quietmr.data import Image, InputError, QuietmrError
from quietmr.evaluate.compare.conditions import Condition
from quietmr.evaluate.compare.meter import measured
from quietmr.evaluate.compare.methods import UNTOUCHED, Method
from quietmr.evaluate.compare.noise_cases import NoisyCase
from quietmr.evaluate.compare.references import Reference
from quietmr.evaluate.compare.rows import WHOLE, Row
from quietmr.evaluate.metrics import METRICS, ssim_map

Cell = tuple[Condition, str]
"""A noisy image and the name of a method."""

ALWAYS = ("psnr", "ssim", "bias")
"""Metrics that every comparison has; the first two of them over the whole image too."""
_BOTH = ("psnr", "ssim")
_KEPT = 4  # clean images that a bench keeps at a time


def score_names(metrics: Sequence[str] = ()) -> list[str]:
    """Columns of scores for the metrics that the user names besides those that are always there."""
    names = dict.fromkeys([*ALWAYS, *metrics])
    return [column for name in names for column in ((name, name + WHOLE) if name in _BOTH else (name,))]


@dataclass
class Bench:
    """Where methods are measured: knows the images, the methods and the metrics, and keeps what it made of them.

    Parameters
    ----------
    load : callable
        Gives a clean image by its name. It travels to other processes.
    methods : dict
        Methods by name.
    scores : list of str
        As `score_names` gives them.
    debug : bool
        Keep the traceback of a failure as its reason.
    """

    load: Callable[[str], Reference]
    methods: dict[str, Method]
    scores: list[str]
    debug: bool = False
    _known: dict[str, Reference] = field(default_factory=dict, repr=False)
    _drawn: dict[Condition, tuple[Reference, NoisyCase, Image]] = field(default_factory=dict, repr=False)
    _ready: dict[tuple[str, bool], Callable[[Image], Image]] = field(default_factory=dict, repr=False)

    def __call__(self, cell: Cell) -> Row:
        """Measure one method on one noisy image; a method that fails gives a row that says why."""
        condition, name = cell
        row = Row(condition, name, reference=float("nan"), sigma=float("nan"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a library has to say about its call is no concern of the user
            try:
                reference, case, image = self._case(condition)
                sigma = condition.percent / 100 * reference.level
                row = replace(row, reference=reference.level, sigma=sigma, voxels=image.data.size)
                return self._measure(row, self.methods[name], reference, case, image)
            except (QuietmrError, MemoryError, OSError) as error:
                reason = str(error) or type(error).__name__
            except Exception as error:  # noqa: BLE001 - whatever a library raises is a finding about it
                reason = traceback.format_exc() if self.debug else f"{type(error).__name__}: {error}"
        return replace(row, reason=reason)

    def _measure(self, row: Row, method: Method, reference: Reference, case: NoisyCase, image: Image) -> Row:
        run = self._method(method, is_complex=image.is_complex)
        result, cost = measured(partial(run, image))
        _check(method.name, result, image)
        told: dict[str, Any] = dict(result.history[-1].parameters) if result.history else {}
        known = float("nan") if method.is_blind or method.name == UNTOUCHED else row.sigma
        return replace(
            row,
            sigma_told=known,
            sigma_used=float(told.get("sigma", known)),
            cpu_s=float(told.get("cpu_s", cost.cpu_s)),
            wall_s=float(told.get("wall_s", cost.wall_s)),
            peak_mb=float(told.get("peak_mb", cost.peak_mb)),
            **self._scores(result, case, reference),
        )

    def _scores(self, result: Image, case: NoisyCase, reference: Reference) -> dict[str, Any]:
        """Take all scores, and note why one could not be taken (an image without edges has no width of edges)."""
        scores, notes = {}, {}
        similarity = ssim_map(result.data, case.truth, reference.level)  # one map for both of its means
        for column in self.scores:
            where = None if column.endswith(WHOLE) else reference.inside
            name = column.removesuffix(WHOLE)
            if name == "ssim":
                scores[column] = float(similarity[... if where is None else where].mean())
                continue
            try:
                scores[column] = METRICS[name](result.data, case.truth, reference.level, where)
            except InputError as error:
                scores[column], notes[name] = float("nan"), str(error)
        return {"scores": scores, "note": " ".join(f"{name}: {text}" for name, text in notes.items())}

    def _case(self, condition: Condition) -> tuple[Reference, NoisyCase, Image]:
        if condition not in self._drawn:
            reference = self._reference(condition.image)
            self._drawn = {condition: (reference, *condition.make(reference))}
        return self._drawn[condition]

    def _reference(self, name: str) -> Reference:
        if name not in self._known:
            self._known = dict(list(self._known.items())[1 - _KEPT :])
            self._known[name] = self.load(name)
        return self._known[name]

    def _method(self, method: Method, *, is_complex: bool) -> Callable[[Image], Image]:
        key = (method.name, is_complex)
        if key not in self._ready:
            run = method.make()
            method.warm_up(run, is_complex=is_complex)
            self._ready[key] = run
        return self._ready[key]


def _check(name: str, result: Image, image: Image) -> None:
    if result.shape != image.shape:
        raise InputError(f"{name} gave the shape {result.shape} for an image of {image.shape} (T, Z, Y, X).")
    if result.is_complex != image.is_complex:
        kinds = ("complex", "real") if image.is_complex else ("real", "complex")
        raise InputError(f"{name} got a {kinds[0]} image and gave a {kinds[1]} one.")
    bad = int((~np.isfinite(result.data)).sum())
    if bad:
        raise InputError(f"{name} gave {bad} voxels that are NaN or infinite.")
