"""The results of ``spots.py``: its CSV file, its table, and the comparison of two methods at equal PSNR."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tables import markdown, mean


class Mixable:
    """What can be said of a result that is mixed with the noisy image, as ``strength`` does.

    ``noise_mse``, ``mixed_mse`` and ``mse``: mean products of the errors of the noisy image and of the result in the
    foreground (noisy x noisy, noisy x result, result x result) in units of the squared data range.
    """

    kept: float
    noise_mse: float
    mixed_mse: float
    mse: float

    @property
    def psnr(self) -> float:
        """PSNR in the foreground, dB."""
        return float(-10 * np.log10(self.mse))

    def kept_at(self, psnr: float) -> float:
        """Contrast kept after mixing with the noisy image down to a PSNR; as it is if it is not better than that."""
        wanted = 10 ** (-psnr / 10)
        # The noisy image itself, mixed with itself, stays what it is; so it may miss the wanted value by rounding.
        if self.mse >= wanted * (1 - 1e-6):
            return self.kept
        # mse(s) = (1 - s)^2 noise + 2 s (1 - s) mixed + s^2 result falls once through the wanted value
        square = self.noise_mse - 2 * self.mixed_mse + self.mse
        linear = 2 * (self.mixed_mse - self.noise_mse)
        roots = np.roots([square, linear, self.noise_mse - wanted]).real
        strength = float(np.clip(roots.min(), 0, 1))
        return 1 - strength * (1 - self.kept)


@dataclass(frozen=True)
class SpotRow(Mixable):
    """One method on one brain with spots of one contrast."""

    volume: str
    contrast: float
    seed: int
    method: str
    kept: float
    kept_sd: float
    bias: float
    noise_mse: float
    mixed_mse: float
    mse: float


def read_spots(path: Path) -> list[SpotRow]:
    """All rows of a CSV file; none if it does not exist."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    kinds: dict[str, Callable[[str], Any]] = {"volume": str, "method": str, "seed": int}
    return [SpotRow(**{key: kinds.get(key, float)(value) for key, value in line.items()}) for line in lines]


def write_spots(path: Path, rows: Sequence[SpotRow]) -> None:
    """Write the file anew, by way of a temporary name."""
    part = path.with_suffix(".part")
    with part.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(SpotRow.__dataclass_fields__))
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    part.replace(path)


def lead(ours: SpotRow, rival: SpotRow) -> float:
    """Contrast that ours keeps more than a rival on the same brain, both at the lower of their two PSNR."""
    psnr = min(ours.psnr, rival.psnr)
    return ours.kept_at(psnr) - rival.kept_at(psnr)


def pairs(rows: Sequence[SpotRow], ours: str, rival: str) -> list[tuple[SpotRow, SpotRow]]:
    """Rows of two methods on the same brain, contrast and draw."""
    other = {(row.volume, row.contrast, row.seed): row for row in rows if row.method == rival}
    own = [row for row in rows if row.method == ours]
    return [(row, match) for row in own if (match := other.get((row.volume, row.contrast, row.seed)))]


def table(rows: Sequence[SpotRow], ours: Collection[str]) -> str:
    """Means over the brains, best PSNR first; methods that lack a brain are left out and named."""
    found = dict.fromkeys(row.method for row in rows)
    contrasts = sorted({row.contrast for row in rows})
    count = max((sum(row.method == name for row in rows) for name in found), default=0)
    whole = [name for name in found if sum(row.method == name for row in rows) == count]
    shown = [name for name in ("quiet", "quiet-best") if name in whole and name in ours]
    head = ["method", "PSNR"]
    head += [f"{text}, {contrast:g} sigma" for contrast in contrasts for text in ("kept", "bias %")]
    head += [f"{name} keeps more at equal PSNR" for name in shown]
    lines = []
    for name in sorted(whole, key=lambda name: -mean(row.psnr for row in rows if row.method == name)):
        own = [row for row in rows if row.method == name]
        line = [name, f"{mean(row.psnr for row in own):.2f}"]
        for contrast in contrasts:
            part = [row for row in own if row.contrast == contrast]
            kept = [row.kept for row in part]
            line += [f"{mean(kept):.2f} ({min(kept):.2f}-{max(kept):.2f})", f"{mean(row.bias for row in part):+.0f}"]
        for reference in shown:
            leads = [lead(*pair) for pair in pairs(rows, reference, name)]
            line.append("" if name in ours else f"{mean(leads):+.2f} (worst {min(leads):+.2f})")
        lines.append(line)
    partial = ", ".join(name for name in found if name not in whole)
    volumes = ", ".join(dict.fromkeys(row.volume for row in rows))
    about = f"Spots in {volumes}: mean over {count // max(1, len(contrasts))} brains and draws (in brackets: range)."
    return f"{about}{f' Not on all: {partial}.' if partial else ''}\n\n{markdown(head, lines)}\n"
