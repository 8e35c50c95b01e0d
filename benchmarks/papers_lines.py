"""Building blocks of the tables of ``papers.py``: lines by level of noise, and what is missing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from papers_arms import ARMS
from papers_diffusion import TUNED
from papers_methods import RIVALS, UNTRAINED, arm_and_seed, is_judged, trained_name
from papers_scores import PaperRow
from papers_statistics import Rows, Verdict, by_seed, mean, sd, seed_sd, select
from results import UNTOUCHED
from tables import markdown

from quietmr.evaluate.statistics import PairedComparison

BEST = "best classical"
FORMS: Mapping[str, str] = {"psnr": ".2f", "ssim": ".3f", "psnr_all": ".2f", "ssim_all": ".3f", "bias": "+.2f"}
UNITS: Mapping[str, str] = {"psnr": " dB", "ssim": "", "psnr_all": " dB", "ssim_all": "", "bias": " %"}
_SHOWN_P = 1e-4


def complete(rows: Rows, draws: int, seeds: int) -> tuple[list[PaperRow], list[str]]:
    """Rows of what was judged on all noisy volumes, and the names of what was not or has not been trained."""
    part = [row for row in rows if row.seed < draws]
    there = {row.cell: row.group for row in part if row.method == UNTOUCHED}
    trained = [trained_name(arm, seed) for arm in ARMS for seed in range(seeds)]
    known, missing = [], []
    for method in dict.fromkeys([*UNTRAINED, TUNED, *(row.method for row in part), *trained]):
        expected = {cell for cell, contrast in there.items() if is_judged(method, contrast, cell[2])}
        own = [row for row in part if row.method == method and row.cell in expected]
        if expected and {row.cell for row in own} == expected:
            known += own
        elif arm_and_seed(method)[1] is None or arm_and_seed(method)[1] in range(seeds):
            missing.append(method)
    return known, missing


def arms_of(rows: Rows, table: str) -> list[str]:
    """Arms of a table that have rows, in the order of ``ARMS``."""
    known = {arm_and_seed(row.method)[0] for row in rows}
    return [arm.name for arm in ARMS if table in arm.tables and arm.name in known]


def missing_of(missing: Iterable[str], table: str) -> str:
    """Say which trainings a table lacks, or, where there are none, which methods; empty if nothing."""
    names = {arm.name for arm in ARMS if table in arm.tables} or {*UNTRAINED, TUNED}
    lacking = [name for name in missing if arm_and_seed(name)[0] in names]
    return f"Not there yet: {', '.join(lacking)}." if lacking else ""


def by_level(rows: Rows, names: Sequence[str], levels: Sequence[float], key: str) -> str:
    """One score at each level, mean and SD over the volumes; trained arms with the SD between their seeds."""
    lines = []
    for name in names:
        own = [classical(rows, level) if name == BEST else select(rows, name, [level]) for level in levels]
        texts = [_cell(part, key, is_named=name == BEST) for part in own]
        every = [row for part in own for row in part]
        spread = seed_sd(every, key) if name != BEST else math.nan
        trained = "" if name == BEST or arm_and_seed(every[0].method)[1] is None else str(len(by_seed(every, key)))
        form = ".2f" if FORMS[key].endswith("2f") else ".4f"
        lines.append([name, *texts, f"{spread:{form}}" if math.isfinite(spread) else "", trained])
    head = ["", *(f"{level:g} %" for level in levels), "SD between seeds", "seeds"]
    return markdown(head, lines)


def classical(rows: Rows, level: float, rivals: Sequence[str] = RIVALS) -> list[PaperRow]:
    """Rows of the free classical method with the best mean PSNR at a level."""
    found = [part for name in rivals if (part := select(rows, name, [level]))]
    return max(found, key=lambda part: mean(part, "psnr"), default=[])


def _cell(rows: Rows, key: str, *, is_named: bool) -> str:
    if not rows:
        return "-"
    spread, form = sd(rows, key), FORMS[key]
    text = f"{mean(rows, key):{form}}"
    if math.isfinite(spread):
        text += f" \N{PLUS-MINUS SIGN} {spread:{form.lstrip('+')}}"
    return f"{text} ({rows[0].method})" if is_named else text


def difference(found: PairedComparison, key: str) -> str:
    """Mean difference with its interval over people."""
    form, interval = FORMS[key].lstrip("+"), found.t_interval
    return f"{found.mean:+{form}} ({interval.low:+{form}} to {interval.high:+{form}})"


def told(found: Verdict, key: str = "psnr") -> str:
    """Verdict in words: which way, how much, over how many people, and what each training says."""
    form, gains = FORMS[key].lstrip("+"), list(found.by_seed.values())
    seeds = f"by seed {', '.join(f'{gain:+{form}}' for gain in gains)}" if len(gains) > 1 else "one training"
    text = f"{difference(found.difference, key)}{UNITS[key]}"
    return f"**{found.word}**, {text} over {found.difference.n} people, {seeds}"


def p_value(p: float) -> str:
    """A p-value as it is shown."""
    return f"{p:.4f}" if p >= _SHOWN_P else f"{p:.1g}"
