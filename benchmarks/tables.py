"""The results of ``quality.py`` as markdown: scores, PSNR per noise, PSNR per volume, single cells.

A condition is a volume with a kind and a percentage of noise; several noise seeds of it are averaged. Margins between
two methods are taken cell by cell, so that both met the same noise.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence

from cells import VANISHING
from results import UNTOUCHED, CellKey, Row

from quietmr.evaluate.compare.table import markdown

IsFree = Callable[[str], bool]


def report(rows: Sequence[Row], is_free: IsFree, *, with_cells: bool = False) -> str:
    """All tables; ``is_free`` tells whether a method is a rival under a free license (input and networks are not)."""
    parts = []
    for group in dict.fromkeys(row.group for row in rows):
        part = [row for row in rows if row.group == group and row.percent >= VANISHING]
        parts += [f"#### {group}", scores(part), by_noise(part), by_volume(part, is_free)]
        parts += [cells(part, is_free)] if with_cells else []
    return "\n\n".join(parts) + "\n"


def scores(rows: Sequence[Row]) -> str:
    """Means over all conditions per method, best first.

    Only methods that have all conditions are listed: means over different ones cannot be compared.
    """
    complete, partial = _by_completeness(rows)
    head = ["method", "PSNR", "SD", "seeds", "SSIM", "PSNR whole", "SSIM whole", "bias %", "worst bias % (to 9 %)"]
    head += ["CPU s/Mvoxel", "peak MB/Mvoxel"]
    lines = []
    for name in complete:
        own = [row for row in rows if row.method == name]
        low = [row.bias for row in own if row.percent <= 9]
        seeds = sorted({row.seed for row in own})
        line = [name, f"{mean_psnr(own):.2f}", _spread(own), str(len(seeds))]
        line += [f"{mean(getattr(row, key) for row in own):{form}}" for key, form in _SCORES.items()]
        line += [f"{max(low, key=abs):+.2f}" if low else ""]
        line += [f"{mean(row.cpu_s_per_mvoxel for row in own):.1f}", _memory(own)]
        lines.append(line)
    count = len({row.cell[:3] for row in rows})
    about = (
        f"Mean over {count} conditions (PSNR in dB, SSIM: foreground). SD: of the PSNR of one condition between noise "
        "seeds. Peak: rise of the resident memory of the process at its highest during the call."
    )
    left_out = f" Not on all conditions, so left out: {', '.join(partial)}." if partial else ""
    return f"{about}{left_out}\n\n{markdown(head, lines)}"


_SCORES = {"ssim": ".4f", "psnr_all": ".2f", "ssim_all": ".4f", "bias": "+.2f"}


def by_noise(rows: Sequence[Row]) -> str:
    """PSNR per kind and percentage of noise, mean over the volumes."""
    complete, _ = _by_completeness(rows)
    columns = sorted({(row.kind, row.percent) for row in rows}, key=lambda column: (column[0] != "white", *column))
    lines = [
        [name, *(f"{mean_psnr(r for r in rows if r.method == name and (r.kind, r.percent) == c):.2f}" for c in columns)]
        for name in complete
    ]
    return "PSNR in dB, mean over the volumes.\n\n" + markdown(
        ["method", *(f"{kind} {percent:g} %" for kind, percent in columns)], lines
    )


def by_volume(rows: Sequence[Row], is_free: IsFree) -> str:
    """PSNR per volume, mean over all noises: the best free rival, and every method that is not one."""
    complete, _ = _by_completeness(rows)
    shown = [name for name in complete if not is_free(name) and name != UNTOUCHED]
    free = [name for name in complete if is_free(name)]
    lines = []
    for volume in dict.fromkeys(row.volume for row in rows):
        part = [row for row in rows if row.volume == volume]
        psnr = {name: mean_psnr(row for row in part if row.method == name) for name in complete}
        best = max(free, key=psnr.__getitem__, default=UNTOUCHED)
        top = statistics.fmean(best_of_each(part, is_free).values()) if free else math.nan
        line = [
            volume,
            f"{psnr.get(UNTOUCHED, math.nan):.2f}",
            f"{psnr.get(best, math.nan):.2f} ({best})",
            f"{top:.2f}",
        ]
        lines.append([*line, *(f"{psnr[name]:.2f}" for name in shown)])
    head = ["volume", UNTOUCHED, "best free rival in the mean", "best free rival of each cell", *shown]
    return "PSNR in dB, mean over the kinds and percentages of noise.\n\n" + markdown(head, lines)


def cells(rows: Sequence[Row], is_free: IsFree) -> str:
    """One line per cell: untouched, the best free rival and its name, and every method that is not a free rival."""
    methods = dict.fromkeys(row.method for row in rows)
    ours = [name for name in methods if not is_free(name) and name != UNTOUCHED]
    lines = []
    for cell in dict.fromkeys(row.cell for row in rows):
        psnr = {row.method: row.psnr for row in rows if row.cell == cell}
        best = max((name for name in psnr if is_free(name)), key=psnr.__getitem__, default=UNTOUCHED)
        volume, kind, percent, seed = cell
        line = [volume, f"{kind} {percent:g} %", str(seed), f"{psnr.get(UNTOUCHED, math.nan):.2f}"]
        line += [f"{psnr.get(best, math.nan):.2f}", best]
        line += [f"{psnr[name]:.2f} ({psnr[name] - psnr[best]:+.2f})" if name in psnr else "" for name in ours]
        lines.append(line)
    head = ["volume", "noise", "seed", UNTOUCHED, "best free rival", "which", *ours]
    return "PSNR in the foreground in dB, in brackets the margin over the best free rival.\n\n" + markdown(head, lines)


def best_of_each(rows: Iterable[Row], is_free: IsFree) -> dict[CellKey, float]:
    """PSNR of the best free rival of each cell."""
    best: dict[CellKey, float] = {}
    for row in rows:
        if is_free(row.method):
            best[row.cell] = max(row.psnr, best.get(row.cell, -math.inf))
    return best


def mean_psnr(rows: Iterable[Row]) -> float:
    """Mean over conditions of the mean over seeds; NaN if there are none."""
    found = _by_condition(rows)
    return mean(statistics.fmean(values) for values in found.values())


def mean(values: Iterable[float]) -> float:
    """Arithmetic mean; NaN of nothing."""
    numbers = list(values)
    return statistics.fmean(numbers) if numbers else math.nan


def _by_condition(rows: Iterable[Row]) -> dict[tuple[str, str, float], list[float]]:
    found: dict[tuple[str, str, float], list[float]] = {}
    for row in rows:
        found.setdefault(row.cell[:3], []).append(row.psnr)
    return found


def _by_completeness(rows: Sequence[Row]) -> tuple[list[str], list[str]]:
    """Methods that have all conditions, best first, and the others."""
    conditions = {row.cell[:3] for row in rows}
    found = {name: [row for row in rows if row.method == name] for name in dict.fromkeys(row.method for row in rows)}
    complete = [name for name, own in found.items() if {row.cell[:3] for row in own} == conditions]
    return sorted(complete, key=lambda name: -mean_psnr(found[name])), [name for name in found if name not in complete]


def _spread(rows: Sequence[Row]) -> str:
    variances = [statistics.variance(values) for values in _by_condition(rows).values() if len(values) > 1]
    return f"{math.sqrt(statistics.fmean(variances)):.2f}" if variances else "-"


def _memory(rows: Sequence[Row]) -> str:
    known = [row.peak_mb / row.cpu_s * row.cpu_s_per_mvoxel for row in rows if row.peak_mb > 0 and row.cpu_s > 0]
    return f"{statistics.median(known):.0f}" if known else "-"
