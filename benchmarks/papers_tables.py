"""The four tables of ``papers.py`` as markdown, with what can and cannot be concluded from them.

Made of the rows alone: neither scans nor trainings are needed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from papers_arms import BLOCKS, COMPONENTS, RIVALS, UNPAIRED, arm_of
from papers_diffusion import TUNED, Choice
from papers_lines import (
    BEST,
    FORMS,
    UNITS,
    arms_of,
    by_level,
    classical,
    complete,
    difference,
    missing_of,
    p_value,
    told,
)
from papers_methods import OURS, arm_and_seed
from papers_methods import RIVALS as CLASSICAL
from papers_statistics import NOT_RANKED, Rows, mean, paired, pooled_seed_sd, sd, select, undecided, verdict
from papers_volumes import LEVELS, SLICES, STRONG, T1, T2, TESTS
from results import UNTOUCHED
from tables import markdown

from quietmr.evaluate.statistics import interval_from_sd
from quietmr.models.origins import ORIGINS

_HIGH = (7.0, 9.0)
_JUDGED = ("das-ffdnet-small", "denoisenet-small")
_BASELINES = ("dncnn", "dncnn-no-norm")  # the better one at high noise counts
_DENOISENET = "denoisenet-small"
_BLOCK_ARMS = {f"das-blocks-{count}": count for count in (0, 1, 2, 4)} | {"das-ffdnet-small": 3}
_COMPONENT_ARMS = {
    "denoisenet-neither": "U-Net",
    "denoisenet-no-attention": "+ residual",
    "denoisenet-no-residual": "+ attention",
    "denoisenet-small": "both",
}


def sections(rows: Rows, choices: Sequence[Choice], draws: int, seeds: int) -> dict[str, str]:
    """All tables by the names of their marks in the page."""
    known, missing = complete(rows, draws, seeds)
    if not select(known, UNTOUCHED):
        return {"setting": "Nothing has been scored yet."}
    parts = {
        "setting": setting(known),
        RIVALS: rivals(known),
        BLOCKS: ablation(known, BLOCKS, {arm: f"{n} blocks" for arm, n in _BLOCK_ARMS.items()}, "das-blocks-0"),
        COMPONENTS: "\n\n".join(
            [ablation(known, COMPONENTS, _COMPONENT_ARMS, "denoisenet-neither"), gains(known, _DENOISENET)]
        ),
        UNPAIRED: unpaired(known, choices),
    }
    return {name: f"{text}\n\n{missing_of(missing, name)}".strip() for name, text in parts.items()}


def setting(rows: Rows) -> str:
    """The volumes, what 100 percent is on each, and how far from it the brightest voxel lies."""
    lines = []
    for volume in dict.fromkeys(row.volume for row in rows):
        row = next(row for row in rows if row.volume == volume)
        ratio = row.maximum / row.reference
        line = [volume, TESTS[volume].person, row.group, f"{row.reference:.4g}", f"{ratio:.2f}"]
        lines.append([*line, f"{9 / ratio:.1f} %", f"{20 * math.log10(ratio):+.1f} dB"])
    head = ["volume", "person", "contrast", "100 % (p99)", "max / p99", "9 % here, of max", "PSNR by max instead"]
    about = "\n".join(f"- {volume}: {TESTS[volume].about}" for volume in dict.fromkeys(row.volume for row in rows))
    draws = len({row.seed for row in rows})
    cost = f"{SLICES} central slices of each, {draws} draw{'s' * (draws > 1)} of the noise."
    return f"{markdown(head, lines)}\n\n{about}\n\n{cost}"


def rivals(rows: Rows) -> str:
    """Table 1 of DAS-FFDNet: every network at 3 to 9 %, on both contrasts, what it costs, and what follows."""
    names = _names(rows, arms_of(rows, RIVALS))
    parts = []
    for contrast in (T1, T2):
        part = select(rows, contrast=contrast)
        if part:
            parts += [f"{_title('psnr')}, {contrast}:", by_level(part, names, LEVELS, "psnr")]
            parts += [f"{_title('ssim')}, {contrast}:", by_level(part, names, LEVELS, "ssim")]
    usual = select(rows, levels=LEVELS)
    return "\n\n".join([*parts, "Over both contrasts and all levels:", _costs(usual, names), *_ranking(usual)])


def _names(rows: Rows, arms: Sequence[str], *others: str) -> list[str]:
    ours = [name for name in OURS if select(rows, name)]
    there = [name for name in others if select(rows, name)]
    best = [BEST] if any(select(rows, name) for name in CLASSICAL) else []
    return [UNTOUCHED, *there, *best, *arms, *ours]


def _title(key: str) -> str:
    words = {"psnr": "PSNR", "ssim": "SSIM", "bias": "Bias of the mean intensity"}[key]
    unit = {"bias": " in % of the brightest tissue"}.get(key, f" in{UNITS[key]}" if UNITS[key] else "")
    return f"{words}{unit}, foreground, mean \N{PLUS-MINUS SIGN} SD over the volumes"


def _costs(rows: Rows, names: Sequence[str]) -> str:
    lines = []
    for name in [*(n for n in names if n != BEST), *(n for n in CLASSICAL if select(rows, n))]:
        own = select(rows, name)
        worst = max((row.bias for row in own), key=abs)
        minutes = {row.method: row.train_min for row in own}
        trained = arm_and_seed(own[0].method)[1] is not None
        line = [name, ORIGINS[arm_of(name).made(0).network.architecture].label if trained else ""]
        line += [f"{mean(own, key):{FORMS[key]}}" for key in ("psnr", "ssim", "psnr_all", "ssim_all", "bias")]
        line += [f"{worst:+.2f}"]
        cost = [f"{own[0].parameters:,.0f}", f"{own[0].steps:,.0f}", f"{np.mean(list(minutes.values())):.1f}"]
        line += cost if trained else ["", "", ""]
        lines.append([*line, f"{np.mean([row.cpu_s_per_mvoxel for row in own]):.1f}"])
    head = ["", "label", "PSNR", "SSIM", "PSNR whole", "SSIM whole", "bias %", "worst bias %", "weights"]
    return markdown([*head, "steps", "training, CPU min", "CPU s/Mvoxel"], lines)


def _ranking(rows: Rows) -> list[str]:
    """Sentences: against the baseline at high noise, against the best classical method, and what is not told apart."""
    arms, high, lines = arms_of(rows, RIVALS), select(rows, levels=_HIGH), []
    known = [name for name in _BASELINES if name in arms]
    base = max(known, key=lambda name: mean(select(high, name), "psnr"), default="")
    for arm in _JUDGED:
        for level in _HIGH:
            found = verdict(rows, arm, base, [level])
            if found is not None:
                lines.append(f"- {arm} against {base} at {level:g} %: {told(found)}.")
    if not arms:
        return lines
    top = max(arms, key=lambda arm: mean(select(high, arm), "psnr"))
    best = max((n for n in CLASSICAL if select(high, n)), key=lambda n: mean(select(high, n), "psnr"), default=None)
    if best is not None and (found := verdict(rows, top, best, _HIGH)) is not None:
        above = [arm for arm in arms if mean(select(high, arm), "psnr") > mean(select(high, best), "psnr")]
        text = (
            f"- The best network at 7 and 9 %, {top}, against {best}, the best classical method there: {told(found)}."
        )
        lines.append(f"{text} {len(above)} of {len(arms)} networks lie above it.")
    return ["\n".join([*lines, *_resolution(high, arms)])]


def _resolution(rows: Rows, arms: Sequence[str]) -> list[str]:
    spread = pooled_seed_sd(rows, arms, "psnr")
    if not math.isfinite(spread):
        return [
            "- One seed of each network: how far another training would end elsewhere is not known, so **no ranking**."
        ]
    close, pairs, limit = undecided(rows, arms, "psnr")
    text = (
        f"- Two trainings of one network differ with an SD of {spread:.2f} dB at 7 and 9 % (pooled), so means closer "
        f"than {limit:.2f} dB ({NOT_RANKED:g} standard errors) are not told apart: {close} of {pairs} pairs."
    )
    return [text]


def ablation(rows: Rows, table: str, labels: dict[str, str], base: str) -> str:
    """Arms of one network with parts of it, over both contrasts, and what each gains over the smallest."""
    arms = [arm for arm in labels if arm in arms_of(rows, table)]
    if table == BLOCKS:
        arms.sort(key=lambda arm: _BLOCK_ARMS[arm])
    if not arms:
        return ""
    lines = []
    for arm in arms:
        own = select(rows, arm, LEVELS)
        found = verdict(rows, arm, base, LEVELS) if arm != base else None
        line = [labels[arm], f"{own[0].parameters:,.0f}"]
        line += [f"{mean(select(own, levels=[level]), 'psnr'):.2f}" for level in LEVELS]
        line += [f"{mean(own, 'psnr'):.2f}", f"{mean(own, 'ssim'):.4f}"]
        lines.append([*line, told(found) if found is not None else ""])
    head = ["", "weights", *(f"{level:g} %" for level in LEVELS), "PSNR", "SSIM", f"PSNR against {labels[base]}"]
    spread = pooled_seed_sd(select(rows, levels=LEVELS), arms, "psnr")
    about = f" SD between seeds (pooled): {spread:.2f} dB." if math.isfinite(spread) else " One seed: no ranking."
    return f"PSNR in dB, foreground, both contrasts.{about}\n\n{markdown(head, lines)}"


def gains(rows: Rows, arm: str) -> str:
    """Table 3 of DenoiseNet: gain over the noisy image with a paired test, over people, and as if cells were people."""
    lines = []
    for key in ("psnr", "ssim"):
        for levels in [*((level,) for level in LEVELS), LEVELS]:
            before, after = (select(rows, name, levels) for name in (UNTOUCHED, arm))
            found = paired(after, before, key)
            if found is not None:
                name = f"{levels[0]:g} %" if len(levels) == 1 else "all levels"
                line = [key.upper(), name, str(found.n), *(_spread(part, key) for part in (before, after))]
                lines.append([*line, difference(found, key), f"{found.t:.1f}", p_value(found.t_p)])
    if not lines:
        return ""
    head = ["", "noise", "people", "noisy", arm, "gain (95 % interval)", "t", "p"]
    return f"Paired tests of {arm} over the noisy image, one value for each person:\n\n{markdown(head, lines)}\n\n" + (
        _naive(rows, arm)
    )


def _spread(rows: Rows, key: str) -> str:
    return f"{mean(rows, key):{FORMS[key]}} \N{PLUS-MINUS SIGN} {sd(rows, key):{FORMS[key]}}"


def _naive(rows: Rows, arm: str) -> str:
    """What the interval would be if every noisy volume were an independent image."""
    before = {row.cell: row.psnr for row in select(rows, UNTOUCHED, LEVELS)}
    after: dict[tuple[str, str, float, int], list[float]] = {}
    for row in select(rows, arm, LEVELS):
        after.setdefault(row.cell, []).append(row.psnr)
    gain = np.array([np.mean(values) - before[cell] for cell, values in after.items()])
    interval = interval_from_sd(float(gain.mean()), float(gain.std(ddof=1)), gain.size)
    return (
        f"Were the {gain.size} noisy volumes (levels and draws of the same people) taken for independent images, as "
        f"slices often are, the interval of the gain in PSNR would shrink to {interval.low:+.2f} to "
        f"{interval.high:+.2f} dB: it would be an interval of something else."
    )


def unpaired(rows: Rows, choices: Sequence[Choice]) -> str:
    """Table of the unpaired GAN: PSNR, SSIM and bias at 5 to 30 % on T1w, and whether it beats doing nothing."""
    part = select(rows, levels=STRONG, contrast=T1)
    arms = arms_of(part, UNPAIRED)
    names = _names(part, arms, TUNED)
    tables = [f"{_title(key)}, T1w:\n\n{by_level(part, names, STRONG, key)}" for key in ("psnr", "ssim", "bias")]
    found = [f"{choice.percent:g} %: {_described(choice)}" for choice in choices if choice.percent in STRONG]
    tuned = [f"Diffusion as tuned on patient 01: {'; '.join(found)}."] if found else []
    lines = []
    for arm in arms:
        for other in (UNTOUCHED, TUNED):
            against = [(level, verdict(part, arm, other, [level])) for level in STRONG if level >= 15]
            words = [f"{level:g} %: {told(one)}" for level, one in against if one is not None]
            if words:
                lines.append(f"- {arm} against {other}, PSNR: {'; '.join(words)}.")
    best = {level: classical(part, level, (*CLASSICAL, TUNED)) for level in STRONG}
    lines += ["- Best classical method, tuned diffusion included: " + ", ".join(_best(best)) + "."]
    return "\n\n".join([*tables, *tuned, "\n".join(lines)])


def _described(choice: Choice) -> str:
    where = "plane by plane" if choice.planes else "in space"
    return f"{choice.steps} steps, conductance {choice.conductance:g} noise SDs, {where}"


def _best(found: dict[float, list]) -> list[str]:
    return [f"{level:g} % {part[0].method} ({mean(part, 'psnr'):.2f} dB)" for level, part in found.items() if part]
