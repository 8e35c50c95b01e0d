"""The results of ``complex_quality.py`` as markdown: gains over the best rival of each cell, by group, noise, subject.

A gain is the PSNR of one of ours less that of the rival that is best in the same cell by the truth, whatever its route.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from complex_cells import ComplexRow
from complex_methods import OURS, is_rival
from results import UNTOUCHED
from tables import best_of_each, markdown, mean, mean_psnr

GOAL = 2.0  # dB over the best rival


def report(rows: Sequence[ComplexRow]) -> str:
    """All tables, of the cells in which nothing is missing."""
    rows = finished(rows)
    magnitude = [replace(row, psnr=row.psnr_magnitude, psnr_all=row.psnr_magnitude_all) for row in rows]
    parts = ["### Goal", verdict(rows, magnitude)]
    for title, part in (("Complex error", rows), ("Magnitude", magnitude)):
        parts += [f"### {title}", by_group(part), by_subject(part)]
    return "\n\n".join([*parts, "### SSIM of the magnitude", similarity(rows), "### Rivals", winners(rows)])


def finished(rows: Sequence[ComplexRow]) -> list[ComplexRow]:
    """Rows of the cells that have every method that any cell of their group has: others would flatter somebody."""
    wanted: dict[str, set[str]] = {}
    found: dict[object, set[str]] = {}
    for row in rows:
        wanted.setdefault(row.group, set()).add(row.method)
        found.setdefault(row.cell, set()).add(row.method)
    return [row for row in rows if found[row.cell] == wanted[row.group]]


def ours_in(rows: Sequence[ComplexRow]) -> list[str]:
    """Which of ours were measured."""
    return [name for name in OURS if any(row.method == name for row in rows)]


def gains(rows: Sequence[ComplexRow], name: str, among: Callable[[str], bool] = is_rival) -> list[float]:
    """Gain over the best rival, among some, in each cell that both were measured in."""
    best = best_of_each(rows, among)
    return [row.psnr - best[row.cell] for row in rows if row.method == name and row.cell in best]


def verdict(rows: Sequence[ComplexRow], magnitude: Sequence[ComplexRow]) -> str:
    """One line for each group and method of ours: mean and worst gain, and where the goal is met."""
    lines = []
    for group in dict.fromkeys(row.group for row in rows):
        for name in ours_in(rows):
            line = [group, name]
            for part in (rows, magnitude):
                found = gains([row for row in part if row.group == group], name)
                if not found:
                    continue
                reached = sum(gain >= GOAL for gain in found)
                line += [f"{mean(found):+.2f}", f"{min(found):+.2f}", f"{reached} of {len(found)}"]
                plain = gains([row for row in part if row.group == group], name, _is_plain)
                line.append(f"{mean(plain):+.2f}")
            if len(line) > 2:
                lines.append(line)
    head = ["group", "method"]
    for error in ("complex", "magnitude"):
        head += [f"{error}: mean gain", "worst", f">= {GOAL:g} dB", "mean over re, im alone"]
    about = (
        f"Gain in dB over the best rival of each cell, any route; goal {GOAL:g} dB. Last: over the best rival on "
        "real and imaginary part as they are."
    )
    return f"{about}\n\n{markdown(head, lines)}"


def _is_plain(name: str) -> bool:
    return is_rival(name) and name.endswith("(re, im)")


def by_group(rows: Sequence[ComplexRow]) -> str:
    """PSNR for each group and noise."""
    keys = dict.fromkeys((row.group, row.kind, row.percent) for row in rows)
    lines = []
    for group, kind, percent in sorted(keys, key=lambda key: (key[0], key[1], key[2])):
        part = [row for row in rows if (row.group, row.kind, row.percent) == (group, kind, percent)]
        lines.append([group, f"{kind} {percent:g} %", *_scores(part)])
    return f"{_ABOUT}\n\n{markdown(['group', 'noise', *_head(rows)], lines)}"


def by_subject(rows: Sequence[ComplexRow]) -> str:
    """PSNR for each subject, mean over its noises."""
    lines = []
    for name in dict.fromkeys(row.volume for row in rows):
        part = [row for row in rows if row.volume == name]
        lines.append([name, *_scores(part)])
    return "The same by subject, mean over its noises.\n\n" + markdown(["subject", *_head(rows)], lines)


_ABOUT = "PSNR in dB in the foreground, mean over the subjects; in brackets the gain over the best rival of each cell."


def _head(rows: Sequence[ComplexRow]) -> list[str]:
    return [UNTOUCHED, "best rival in the mean", "best rival of each cell", *ours_in(rows)]


def _scores(part: Sequence[ComplexRow]) -> list[str]:
    best = best_of_each(part, is_rival)
    if not best:
        return ["-"] * 3 + _own(part)
    cells = set(best)
    psnr = {
        name: mean_psnr(row for row in part if row.method == name)
        for name in dict.fromkeys(row.method for row in part)
        if is_rival(name) and {row.cell for row in part if row.method == name} == cells
    }
    top = max(psnr, key=psnr.__getitem__, default="")
    untouched = mean_psnr(row for row in part if row.method == UNTOUCHED)
    first = [f"{untouched:.2f}", f"{psnr[top]:.2f} ({top})" if top else "-"]
    return [*first, f"{statistics.fmean(best.values()):.2f}", *_own(part)]


def _own(part: Sequence[ComplexRow]) -> list[str]:
    words = []
    for name in OURS:
        own, gained = [row for row in part if row.method == name], gains(part, name)
        if own:
            words.append(f"{mean_psnr(own):.2f}" + (f" ({mean(gained):+.2f})" if gained else ""))
    return words


def similarity(rows: Sequence[ComplexRow]) -> str:
    """SSIM of the magnitude for each group: the rival that is best in each cell by SSIM, and ours."""
    lines = []
    for group in dict.fromkeys(row.group for row in rows):
        part = [row for row in rows if row.group == group]
        best: dict[object, float] = {}
        for row in part:
            if is_rival(row.method):
                best[row.cell] = max(row.ssim, best.get(row.cell, 0.0))
        line = [group, f"{mean(row.ssim for row in part if row.method == UNTOUCHED):.4f}", f"{mean(best.values()):.4f}"]
        line += [f"{mean(row.ssim for row in part if row.method == name):.4f}" for name in ours_in(rows)]
        lines.append(line)
    return "Foreground, mean over the cells.\n\n" + markdown(
        ["group", UNTOUCHED, "best rival of each cell", *ours_in(rows)], lines
    )


def winners(rows: Sequence[ComplexRow]) -> str:
    """How often which rival is the best of its cell, by the complex error."""
    best = best_of_each(rows, is_rival)
    count = Counter(row.method for row in rows if is_rival(row.method) and row.psnr == best[row.cell])
    lines = [[name, str(number)] for name, number in count.most_common()]
    return "Cells in which a rival, by a route, is the best by the complex error.\n\n" + markdown(
        ["rival (route)", "cells"], lines
    )
