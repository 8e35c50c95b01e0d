"""The results of ``quality.py`` as markdown: means per method, cells, margins over the best free rival."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
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
    """All tables; ``is_free`` tells whether a method is a rival under a free licence (input and networks are not)."""
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
    methods = [name for name in found if _count(rows, name) == count]
    psnr = {name: {row.cell: row.psnr for row in rows if row.method == name} for name in methods}
    percents = sorted({row.percent for row in rows if row.kind == "white"})
    kinds = [kind for kind in dict.fromkeys(row.kind for row in rows) if kind != "white"]
    head = ["method", "PSNR", "SSIM", "PSNR whole", "SSIM whole", "bias %", "CPU s/Mvoxel"]
    head += [f"white {percent:g} %" for percent in percents] + kinds
    head += ["over best free rival", "over best free rival of each cell", "worst cell"]
    lines = []
    for name in sorted(methods, key=lambda name: -mean(psnr[name].values())):
        own = [row for row in rows if row.method == name]
        line = [name, f"{mean(psnr[name].values()):.2f}", f"{mean(row.ssim for row in own):.4f}"]
        line += [f"{mean(row.psnr_all for row in own):.2f}", f"{mean(row.ssim_all for row in own):.4f}"]
        line += [f"{mean(row.bias for row in own):+.2f}", f"{mean(row.cpu_s_per_mvoxel for row in own):.1f}"]
        line += [f"{mean(r.psnr for r in own if (r.kind, r.percent) == ('white', p)):.2f}" for p in percents]
        line += [f"{mean(row.psnr for row in own if row.kind == kind):.2f}" for kind in kinds]
        rivals = [psnr[rival] for rival in methods if is_free(rival) and rival != name]
        lines.append(line + (_margins(psnr[name], rivals) if rivals else ["", "", ""]))
    partial = ", ".join(name for name in found if name not in methods)
    about = f"Mean over {count} cells (PSNR in dB, SSIM: foreground)." + (
        f" Not on all cells: {partial}." * bool(partial)
    )
    return f"{about}\n\n{markdown(head, lines)}"


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


def _margins(own: Mapping[CellKey, float], rivals: Sequence[Mapping[CellKey, float]]) -> list[str]:
    in_the_mean = mean(own.values()) - max(mean(rival.values()) for rival in rivals)
    per_cell = [value - max(rival[cell] for rival in rivals) for cell, value in own.items()]
    return [f"{in_the_mean:+.2f}", f"{mean(per_cell):+.2f}", f"{min(per_cell):+.2f}"]
