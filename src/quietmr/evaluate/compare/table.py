"""A comparison as a page of markdown: what was done, one table per kind of noise, costs, differences, failures."""

import math
from collections.abc import Iterable, Sequence

from quietmr.evaluate.compare.measuring import ALWAYS
from quietmr.evaluate.compare.methods import UNTOUCHED
from quietmr.evaluate.compare.noise_cases import KINDS, Kind
from quietmr.evaluate.compare.pairs import ENOUGH, SCORES, Pair, first_method, pairs
from quietmr.evaluate.compare.plan import Plan
from quietmr.evaluate.compare.references import RULES
from quietmr.evaluate.compare.rows import WHOLE, Row
from quietmr.evaluate.compare.summary import Results, Spread, goodness
from quietmr.evaluate.metrics import METRICS

TOO_NOISY = 0.2
"""Noise of a clean image, as a part of the added one, from which it is warned of."""


def page(plan: Plan, results: Results) -> str:
    """All of it; a heading, then sections."""
    parts = ["# Comparison", setting(plan, results)]
    for kind in plan.grid.kinds:
        parts.append(f"## {kind.capitalize()} noise\n\n{KINDS[kind][0].upper()}{KINDS[kind][1:]}.")
        parts += [by_level(results, kind, score) for score in ("psnr", "ssim")]
    parts += ["## Over all noise, and costs", overall(plan, results), "## Pair by pair", paired_table(results)]
    if results.failures:
        parts += ["## Failed", told_once(results.failures, results)]
    if results.notes:
        parts += ["## Scores that could not be taken", told_once(results.notes, results)]
    return "\n\n".join(parts) + "\n"


def setting(plan: Plan, results: Results) -> str:
    """Images, levels in percent and in units of the image, and what is not perfect about them."""
    grid = plan.grid
    rule = RULES[plan.reference] if isinstance(plan.reference, str) else "a brightness that was given"
    head = ["image", "shape (T, Z, Y, X)", "100 %", *(f"sigma at {level:g} %" for level in grid.levels), "own noise"]
    lines = []
    for name in grid.images:
        facts = plan.images[name]
        line = [name, " x ".join(map(str, facts.shape)), f"{facts.level:.5g}"]
        line += [f"{level / 100 * facts.level:.4g}" for level in grid.levels]
        own = facts.own_noise
        lines.append([*line, "unknown" if own is None else f"{own:.3g} ({100 * own / facts.level:.2g} %)"])
    notes = [
        f"Percent noise is sigma, the SD per real channel, as a percent of the {rule}; that brightness is the data "
        "range of PSNR and SSIM too. Every method meets the same noise and, unless it is marked (blind), is told its "
        "true sigma.",
        f"{results.done} of {grid.size} results; {grid.seeds} draw{'s' * (grid.seeds > 1)} of the noise for each "
        f"image, kind and level. Scores are taken inside the {_where(plan)}; \N{PLUS-MINUS SIGN} is the SD over images "
        "and draws.",
        *doubts(plan),
    ]
    return "\n\n".join([notes[0], markdown(head, lines), *notes[1:]])


def doubts(plan: Plan) -> list[str]:
    """Tell what must be known of the clean images, in sentences."""
    found: list[str] = []
    lowest = min(plan.grid.levels) / 100
    for name in plan.grid.images:
        facts = plan.images[name]
        found += facts.remarks
        if facts.own_noise and facts.own_noise >= TOO_NOISY * lowest * facts.level:
            ceiling = 20 * math.log10(facts.level / facts.own_noise)
            found.append(
                f"{name} is not clean: its own noise of about {facts.own_noise:.3g} is "
                f"{facts.own_noise / (lowest * facts.level):.0%} of the weakest noise that is added, and a method that "
                f"took out all noise, its own too, would score {ceiling:.1f} dB."
            )
    return found


def by_level(results: Results, kind: Kind, score: str) -> str:
    """One score of every method at every level, mean and SD; the best is bold, the best free one has a dagger."""
    grid = results.grid
    best = {level: _best(results, kind, level, score) for level in grid.levels}
    lines = []
    for method in order(results, score):
        line = [method]
        for level in grid.levels:
            text = cell(results.spread(method, score, kind, level), score, results.expected)
            top, top_free = best[level]
            line.append(_marked(text, is_best=method == top, is_best_free=method == top_free != top))
        lines.append(line)
    metric = METRICS[score]
    unit = f" in {metric.unit}" if metric.unit else ""
    note = "bold: the best" + (
        "; \N{DAGGER}: the best that is free software" if any(top != free for top, free in best.values()) else ""
    )
    table = markdown(["method", *(f"{level:g} %" for level in grid.levels)], lines)
    return f"{metric.title}{unit} ({note}):\n\n{table}"


def overall(plan: Plan, results: Results) -> str:
    """Means over all kinds and levels, with what each method took."""
    others = [score for score in plan.scores if score not in ALWAYS]
    scores = ["psnr", "ssim", *others, "bias"]
    complete = results.complete
    lines = []
    for method in order(results, "psnr"):
        costs = results.costs(method)
        values = [_short(results.spread(method, score), score, len(results.table[method])) for score in scores]
        used = results.used(method)
        line = [method, *values, f"{used.mean:.2f}" if used.n else "-"]
        line += [_number(costs.cpu_s, ".2f"), _number(costs.wall_s, ".2f"), _number(costs.peak_mb, ".0f")]
        gap = "" if method in complete else " (incomplete)" if results.table[method] else " (failed)"
        lines.append([method + gap, *line[1:]])
    head = ["method", *map(_heading, scores), "sigma used / true", "CPU s/Mvoxel", "wall s/Mvoxel", "peak MB"]
    note = (
        "Means over all images, kinds, levels and draws. Costs: seconds per million voxels with "
        f"{plan.threads} thread{'s' * (plan.threads > 1)}; peak: highest rise of the memory of the process (of "
        "external commands: their peak). What else ran on the machine, other workers too, disturbs wall seconds most."
    )
    return f"{markdown(head, lines)}\n\n{note}"


def paired_table(results: Results) -> str:
    """Set the first method against each other one."""
    first = first_method(results)
    if first is None:
        return "There is no method to compare."
    by_score = {score: pairs(results, score) for score in SCORES}
    head = [f"{first} less", *(text for score in SCORES for text in (_heading(score), "better on", "p (Holm)"))]
    lines = [
        [each[0].other, *(text for pair in each for text in _paired(pair))]
        for each in zip(*by_score.values(), strict=True)
    ]
    note = (
        "Mean difference on the same noisy images, ± SD over the images; on how many noisy images the first is better. "
    )
    n = len(results.grid.images)
    if n < ENOUGH:
        note += (
            f"No p is given: a test needs at least {ENOUGH} images, not {n} (draws and levels "
            "of one image are not independent)."
        )
    else:
        note += (
            "p: Wilcoxon's signed-rank test over the images (mean over kinds, levels and draws), two-sided, corrected "
            "by Holm's method for the number of methods."
        )
    return f"{markdown(head, lines)}\n\n{note}"


def _paired(pair: Pair) -> tuple[str, str, str]:
    spread, form = pair.difference, _form(pair.score).lstrip("+")
    text = f"{spread.mean:+{form}}" if spread.n else "-"
    if math.isfinite(spread.sd):
        text += f" \N{PLUS-MINUS SIGN} {spread.sd:{form}}"
    return text, f"{pair.better} of {pair.met}", "-" if pair.p is None else f"{pair.p:.2g}"


def told_once(rows: Sequence[Row], results: Results) -> str:
    """Each reason or note once, with whose it is and how often."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        text = (row.reason or row.note).split("\n")[-1]
        found.setdefault((row.method, text), []).append(str(row.condition))
    every = results.expected * len(results.grid.kinds) * len(results.grid.levels)
    return "\n".join(
        f"- {method}, {len(where)} of {every} (the first: {where[0]}): {text}"
        for (method, text), where in found.items()
    )


def cell(spread: Spread, score: str, expected: int) -> str:
    """Mean with SD; how many there are, if some are missing."""
    if not spread.n:
        return "-"
    form = _form(score)
    text = f"{spread.mean:{form}}"
    if math.isfinite(spread.sd):
        text += f" \N{PLUS-MINUS SIGN} {spread.sd:{form}}"
    return text if spread.n == expected else f"{text} ({spread.n} of {expected})"


def markdown(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Make a markdown table."""
    rule = ["---"] * len(head)
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, rule, *lines])


def _best(results: Results, kind: Kind, level: float, score: str) -> tuple[str | None, str | None]:
    """Find the best method at a level, and the best that anybody may use, among those that have all results there."""

    def mean(name: str) -> float:
        spread = results.spread(name, score, kind, level)
        return spread.mean if spread.n == results.expected else math.nan

    free = [method.name for method in results.methods if method.is_free]
    return results.best(results.grid.methods, mean, score), results.best(free, mean, score)


def order(results: Results, score: str) -> list[str]:
    """Methods, best mean first, those with gaps after the others, the untouched image last."""
    key, complete = goodness(score), results.complete

    def rank(name: str) -> tuple[bool, bool, float]:
        mean = results.spread(name, score).mean
        return name == UNTOUCHED, name not in complete, -key(mean) if math.isfinite(mean) else math.inf

    return sorted(results.grid.methods, key=rank)


def _marked(text: str, *, is_best: bool, is_best_free: bool) -> str:
    if is_best:
        return f"**{text}**"
    return f"{text} \N{DAGGER}" if is_best_free else text


def _where(plan: Plan) -> str:
    with_mask = {bool(plan.images[name].mask) for name in plan.grid.images}
    if with_mask == {True}:
        return "mask"
    return "foreground" if with_mask == {False} else "mask, or the foreground of images without one"


def _heading(score: str) -> str:
    metric = METRICS[score.removesuffix(WHOLE)]
    unit = f" ({metric.unit})" if metric.unit else ""
    return f"{metric.title}{' whole' if score.endswith(WHOLE) else ''}{unit}"


def _form(score: str) -> str:
    unit = METRICS[score.removesuffix(WHOLE)].unit
    return {"dB": ".2f", "% of range": "+.2f", "": ".4f"}.get(unit, ".3f")


def _short(spread: Spread, score: str, expected: int) -> str:
    if not spread.n:
        return "-"
    return f"{spread.mean:{_form(score)}}" + ("" if spread.n == expected else f" ({spread.n} of {expected})")


def _number(value: float, form: str) -> str:
    return f"{value:{form}}" if math.isfinite(value) else "-"
