"""A comparison as a record that programs read: plan, conventions, means, costs, differences, failures."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from quietmr._version import __version__
from quietmr.evaluate.compare.noise_cases import KINDS
from quietmr.evaluate.compare.pairs import SCORES, first_method, pairs
from quietmr.evaluate.compare.plan import Plan
from quietmr.evaluate.compare.references import RULES
from quietmr.evaluate.compare.rows import WHOLE
from quietmr.evaluate.compare.summary import Results
from quietmr.evaluate.compare.table import doubts
from quietmr.evaluate.metrics import METRICS


def record(plan: Plan, results: Results) -> dict[str, Any]:
    """Give what results.json holds; numbers that are not known are NaN, which the writer turns into null."""
    return {
        "version": __version__,
        "plan": plan.to_json(),
        "conventions": _conventions(plan),
        "done": results.done,
        "planned": plan.grid.size,
        "warnings": doubts(plan),
        "means": list(_means(plan, results)),
        "costs": {name: asdict(results.costs(name)) for name in plan.grid.methods},
        "first": first_method(results),
        "pairs": [asdict(pair) for score in SCORES for pair in pairs(results, score)],
        "failures": [{**asdict(row.condition), "method": row.method, "reason": row.reason} for row in results.failures],
    }


def _conventions(plan: Plan) -> dict[str, Any]:
    used = dict.fromkeys(score.removesuffix(WHOLE) for score in plan.scores)
    return {
        "sigma": "noise SD per real channel, in the units of the image",
        "percent": f"of the reference: {RULES[plan.reference] if isinstance(plan.reference, str) else plan.reference}",
        "data_range": "the same reference",
        "scores": f"inside the mask or foreground; those that end in {WHOLE} over the whole image",
        "spread": "SD with n - 1 degrees of freedom, over images and draws",
        "noise": {kind: KINDS[kind] for kind in plan.grid.kinds},
        "metrics": {
            name: {"unit": METRICS[name].unit, "better": METRICS[name].better, "source": METRICS[name].source}
            for name in used
        },
        "costs": "seconds per million voxels; highest rise of the resident memory in MB (1e6 bytes)",
    }


def _means(plan: Plan, results: Results) -> Iterator[dict[str, Any]]:
    for method in plan.grid.methods:
        for kind in plan.grid.kinds:
            for level in plan.grid.levels:
                scores = {score: asdict(results.spread(method, score, kind, level)) for score in plan.scores}
                yield {"method": method, "kind": kind, "percent": level, "scores": scores}
