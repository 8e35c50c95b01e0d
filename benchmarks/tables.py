"""The results of ``quality.py`` as markdown: means per method, cells, margins over the best free rival."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

UNTOUCHED = "untouched"
CellKey = tuple[str, str, float]


@dataclass(frozen=True)
class Row:
    """One line of the CSV file: one method on one cell."""

    group: str
    volume: str
    kind: str
    percent: float
    sigma: float
    reference: float
    method: str
    psnr: float
    ssim: float
    psnr_all: float
    ssim_all: float
    bias: float
    cpu_s_per_mvoxel: float
    wall_s: float

    @property
    def cell(self) -> CellKey:
        """What the row shares with the other methods."""
        return self.volume, self.kind, self.percent


TEXT = ("group", "volume", "kind", "method")


def read_rows(path: Path) -> list[Row]:
    """All rows of a CSV file; none if it does not exist."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    return [Row(**{key: value if key in TEXT else float(value) for key, value in line.items()}) for line in lines]


def report(rows: Sequence[Row], is_free: Callable[[str], bool]) -> str:
    """All tables; ``is_free`` tells whether a method is a rival under a free license (input and networks are not)."""
    parts = []
    for group in dict.fromkeys(row.group for row in rows):
        part = [row for row in rows if row.group == group]
        parts += [f"## {group}", means(part, is_free), cells(part, is_free)]
    return "\n\n".join(parts) + "\n"


def means(rows: Sequence[Row], is_free: Callable[[str], bool]) -> str:
    """Mean over the cells per method, best first, with the margin over the best free rival.

    Only methods that have all cells are listed: means over different cells cannot be compared.
    """
    count = len({row.cell for row in rows})
    found = dict.fromkeys(row.method for row in rows)
    own = {name: [row for row in rows if row.method == name] for name in found if _count(rows, name) == count}
    percents = sorted({row.percent for row in rows if row.kind == "white"})
    columns = [("white", percent) for percent in percents]
    columns += dict.fromkeys((row.kind, row.percent) for row in rows if row.kind != "white")
    head = ["method", "PSNR", "SSIM", "PSNR whole", "SSIM whole", "bias %", "CPU s/Mvoxel"]
    head += [f"{kind} {percent:g} %" for kind, percent in columns]
    head += ["over best free rival", "over best free rival of each cell", "worst cell"]
    lines = []
    for name in sorted(own, key=lambda name: -mean(row.psnr for row in own[name])):
        rivals = [own[rival] for rival in own if is_free(rival) and rival != name]
        psnr = [mean(row.psnr for row in own[name] if (row.kind, row.percent) == column) for column in columns]
        lines.append([name, *_scores(own[name]), *map("{:.2f}".format, psnr), *_margins(own[name], rivals)])
    partial = ", ".join(name for name in found if name not in own)
    about = f"Mean over {count} cells (PSNR in dB, SSIM: foreground)."
    return f"{about}{f' Not on all cells: {partial}.' if partial else ''}\n\n{markdown(head, lines)}"


def _scores(rows: Sequence[Row]) -> list[str]:
    forms = {"psnr": ".2f", "ssim": ".4f", "psnr_all": ".2f", "ssim_all": ".4f", "bias": "+.2f"}
    forms["cpu_s_per_mvoxel"] = ".1f"
    return [format(mean(getattr(row, name) for row in rows), form) for name, form in forms.items()]


def cells(rows: Sequence[Row], is_free: Callable[[str], bool]) -> str:
    """One line per cell: untouched, the best free rival and its name, and every method that is not a free rival."""
    methods = dict.fromkeys(row.method for row in rows)
    ours = [name for name in methods if not is_free(name) and name != UNTOUCHED]
    lines = []
    for cell in dict.fromkeys(row.cell for row in rows):
        psnr = {row.method: row.psnr for row in rows if row.cell == cell}
        best = max((name for name in psnr if is_free(name)), key=psnr.__getitem__, default=UNTOUCHED)
        volume, kind, percent = cell
        line = [volume, f"{kind} {percent:g} %", f"{psnr.get(UNTOUCHED, float('nan')):.2f}", f"{psnr[best]:.2f}", best]
        line += [f"{psnr[name]:.2f} ({psnr[name] - psnr[best]:+.2f})" if name in psnr else "" for name in ours]
        lines.append(line)
    head = ["volume", "noise", UNTOUCHED, "best free rival", "which", *ours]
    return "PSNR in the foreground in dB, in brackets the margin over the best free rival.\n\n" + markdown(head, lines)


def markdown(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A markdown table."""
    rule = ["---"] * len(head)
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, rule, *lines])


def mean(values: Iterable[float]) -> float:
    """Arithmetic mean."""
    numbers = list(values)
    return sum(numbers) / len(numbers)


def _count(rows: Sequence[Row], method: str) -> int:
    return len({row.cell for row in rows if row.method == method})


def _margins(own: Sequence[Row], rivals: Sequence[Sequence[Row]]) -> list[str]:
    """Margins in dB over the rival that is best in the mean, over the best of each cell in the mean, and at worst."""
    if not rivals:
        return ["", "", ""]
    in_the_mean = mean(row.psnr for row in own) - max(mean(row.psnr for row in rival) for rival in rivals)
    psnr = [{row.cell: row.psnr for row in rival} for rival in rivals]
    per_cell = [row.psnr - max(rival[row.cell] for rival in psnr) for row in own]
    return [f"{in_the_mean:+.2f}", f"{mean(per_cell):+.2f}", f"{min(per_cell):+.2f}"]
