"""The results of ``lesion_survival.py`` and their table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from spot_results import Mixable, lead
from tables import markdown, mean


@dataclass(frozen=True)
class LesionRow(Mixable):
    """One method on one brain, for bumps of one size and contrast.

    ``diameter``: FWHM in voxels (in plane); ``kept`` and ``error``: part of the contrast kept, and its standard error.
    """

    volume: str
    percent: float
    method: str
    diameter: float
    contrast: float
    kept: float
    error: float
    noise_mse: float
    mixed_mse: float
    mse: float

    @property
    def scene(self) -> tuple[str, float]:
        """What rows of different methods share."""
        return self.volume, self.percent

    @property
    def point(self) -> tuple[str, float, float, float]:
        """What rows of different methods share that were measured on the same bumps."""
        return self.volume, self.percent, self.diameter, self.contrast


def kept(rows: Sequence[LesionRow], method: str, diameter: float, contrast: float, percent: float) -> list[LesionRow]:
    """Rows of one point of a curve, one per brain."""
    wanted = method, diameter, contrast, percent
    return [row for row in rows if (row.method, row.diameter, row.contrast, row.percent) == wanted]


def common_psnr(rows: Sequence[LesionRow], scene: tuple[str, float], without: Sequence[str] = ()) -> float:
    """PSNR that every method reaches on a brain, some of them left out."""
    return min(row.psnr for row in rows if row.scene == scene and row.method not in without)


def at_equal_psnr(rows: Sequence[LesionRow], row: LesionRow, without: Sequence[str] = ()) -> float:
    """Kept by a method after mixing with the noisy image down to the PSNR that all methods reach."""
    return row.kept_at(common_psnr(rows, row.scene, without))


def methods(rows: Sequence[LesionRow], percent: float) -> list[str]:
    """Methods that ran on all brains of this noise level, best PSNR first."""
    own = [row for row in rows if row.percent == percent]
    brains = {row.volume for row in own}
    found = [m for m in dict.fromkeys(row.method for row in own) if {r.volume for r in own if r.method == m} == brains]
    return sorted(found, key=lambda m: -mean(row.psnr for row in own if row.method == m))


def table(rows: Sequence[LesionRow], percent: float, without: Sequence[str] = ()) -> str:
    """Kept per method and contrast for each size, as it is and, in brackets, at equal PSNR; means over the brains."""
    own = [row for row in rows if row.percent == percent]
    sizes, contrasts = (sorted({getattr(row, key) for row in own}) for key in ("diameter", "contrast"))
    brains = ", ".join(dict.fromkeys(row.volume for row in own))
    worst = max((row.error for row in own), default=math.nan)
    parts = [
        f"Rician noise, {percent:g} %; mean over {brains}. In brackets: at "
        f"equal PSNR. Largest standard error of a single entry before the mean: {worst:.2f}."
    ]
    for contrast in contrasts:
        lines = []
        for method in methods(rows, percent):
            line = [method, f"{mean(row.psnr for row in own if row.method == method):.2f}"]
            for size in sizes:
                points = kept(rows, method, size, contrast, percent)
                equal = "" if method in without else f" ({mean(at_equal_psnr(rows, p, without) for p in points):.2f})"
                line.append(f"{mean(p.kept for p in points):.2f}{equal}")
            lines.append(line)
        head = [f"contrast {contrast:g} sigma", "PSNR", *(f"{size:g} voxels" for size in sizes)]
        parts.append(markdown(head, lines))
    return "\n\n".join(parts)


def leads(rows: Sequence[LesionRow], ours: str) -> str:
    """By how much ours keeps more than each rival, pair by pair at the lower of their two PSNR; mean and worst."""
    levels = sorted({row.percent for row in rows})
    lines = []
    for rival in dict.fromkeys(row.method for row in rows if row.method != ours):
        line = [rival]
        for percent in levels:
            other = {row.point: row for row in rows if row.method == rival and row.percent == percent}
            found = [lead(row, other[row.point]) for row in rows if row.method == ours and row.point in other]
            behind = sum(value < 0 for value in found)
            words = f"{mean(found):+.2f} (worst {min(found):+.2f}, behind in {behind} of {len(found)})" if found else ""
            line.append(words)
        lines.append(line)
    about = (
        f"Part of the contrast that {ours} keeps more than a rival when the better of the two is mixed with the noisy "
        "image until both have the same PSNR; mean over heads, sizes and contrasts, and in brackets the worst of them "
        "and how many are below 0."
    )
    return f"{about}\n\n{markdown(['rival', *(f'{percent:g} %' for percent in levels)], lines)}"
