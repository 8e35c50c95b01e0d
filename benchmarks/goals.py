"""The goals that were set for quality, small structures and cost, and whether the measured rows meet them.

Each goal is checked for our methods told the truth and blind; blind counts, as rivals are told the true noise level.
A goal without the rows that it needs is "not measured". Brains: the group "volume". Other anatomy: "picture".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from cells import VANISHING
from methods import is_free_rival
from noise_cases import KINDS
from results import BLIND, UNTOUCHED, CellKey, Row
from spot_results import SpotRow, lead, pairs
from tables import best_of_each, markdown, mean, mean_psnr

YARDSTICK = "dipy-nlm-blockwise"
Test = Callable[[Row], bool]


@dataclass(frozen=True)
class Finding:
    """One goal and what was measured."""

    goal: str
    measured: float
    limit: float
    at_least: bool = True
    unit: str = " dB"
    where: str = ""

    @property
    def verdict(self) -> str:
        """Met, missed or not measured."""
        if math.isnan(self.measured):
            return "not measured"
        met = self.measured >= self.limit if self.at_least else self.measured <= self.limit
        return "met" if met else "**missed**"

    def line(self) -> list[str]:
        """Goal, limit, measured, verdict."""
        sign = "≥" if self.at_least else "≤"
        value = "-" if math.isnan(self.measured) else f"{self.measured:.2f}{self.unit}"
        place = f" ({self.where})" if self.where else ""
        return [self.goal, f"{sign} {self.limit:g}{self.unit}", f"{value}{place}", self.verdict]


def check_list(rows: Sequence[Row], spots: Sequence[SpotRow]) -> str:
    """All goals as one markdown table."""
    findings: list[Finding] = []
    for suffix in ("", BLIND):
        findings += against_bm4d(rows, suffix) + against_free(rows, suffix) + harm(rows, suffix)
    findings += blind_cost(rows) + cost(rows) + small_structures(spots)
    missed = sum(finding.verdict == "**missed**" for finding in findings)
    counts = {name: sum(row.method == name for row in rows) for name in ("quiet", "quiet" + BLIND, "bm4d")}
    measured = ", ".join(f"{name} {count}" for name, count in counts.items())
    about = f"#### Goals\n\n{len(findings)} checks, {missed} missed. Cells measured: {measured}.\n\n"
    return about + markdown(["goal", "limit", "measured", ""], [finding.line() for finding in findings]) + "\n"


def against_bm4d(rows: Sequence[Row], suffix: str) -> list[Finding]:
    """Ours against bm4d told the true sigma, on volumes."""
    volumes = [row for row in rows if row.group == "volume" and row.percent >= VANISHING]
    gain = {name: differences(volumes, name + suffix, "bm4d") for name in ("quiet", "quiet-best")}
    own = gain["quiet"]
    worst, where = lowest(own)
    ours = f"quiet{suffix} over bm4d"
    white = {name: mean(d for cell, d in gain[name].items() if cell[1] == "white") for name in gain}
    conditions: dict[tuple[str, ...], list[float]] = {}
    for cell, difference in own.items():
        if cell[1] == "white":
            conditions.setdefault((cell[0], f"{cell[2]:g} %"), []).append(difference)
    least = min(conditions, key=lambda key: mean(conditions[key]), default=("",))
    return [
        Finding(f"{ours}, worst cell of {len(own)}", worst, -0.1, where=where),
        Finding(f"{ours}, mean over white noise", white["quiet"], 0.2),
        *(Finding(f"{ours}, {kind} noise", mean(d for cell, d in own.items() if cell[1] == kind), limit)
          for kind, limit in (("correlated", 1.5), ("varying", 0.3))),
        Finding(f"quiet-best{suffix} over bm4d, mean over white noise", white["quiet-best"], 0.4),
        Finding(f"goal of goals: {ours}, worst white level of any volume", mean(conditions.get(least, [])), 1.0,
                where=" ".join(least)),
    ]  # fmt: skip


def against_free(rows: Sequence[Row], suffix: str) -> list[Finding]:
    """Ours against the best free rival: the one best in the mean on that volume, and the best of each cell."""
    quiet = "quiet" + suffix
    findings = []
    for group, text, limit in (("volume", "any brain", 1.5), ("picture", "other anatomy", 1.0)):
        part = [row for row in rows if row.group == group and row.kind == "white" and row.percent >= 5]
        single, single_at = lowest(over_single_rival(part, quiet))
        each, each_at = lowest(over_best_of_each(part, quiet))
        about = f"{quiet}, mean over white 5 % and more, worst of {text}: over the best"
        findings.append(Finding(f"{about} free rival of that volume", single, limit, where=single_at))
        findings.append(Finding(f"{about} free rival of each cell", each, limit, where=each_at))
    best = best_of_each(rows, is_free_rival)
    for groups, text in (
        (("volume", "picture"), "single images"),
        (("series",), "series, where rivals see all frames"),
    ):
        own = [row for row in rows if row.method == quiet and row.group in groups and row.cell in best]
        margins = {row.cell: row.psnr - best[row.cell] for row in own}
        worst, where = lowest(margins)
        below = sum(margin < 0 for margin in margins.values())
        about = (
            f"{quiet} over the best free rival of each cell, {text}: worst of {len(margins)} cells ({below} below 0)"
        )
        findings.append(Finding(about, worst, 0.0, where=where))
    return findings


def harm(rows: Sequence[Row], suffix: str) -> list[Finding]:
    """What happens at little noise, and bias."""
    quiet = "quiet" + suffix
    gain = differences([row for row in rows if row.percent == 3], quiet, UNTOUCHED)
    worst, where = lowest(gain)
    all_gains, all_where = lowest(differences(rows, quiet, UNTOUCHED))
    own = [row for row in rows if row.method == quiet]
    findings = [
        Finding(f"{quiet} over untouched at 3 %, worst", worst, 2.0, where=where),
        Finding(f"{quiet} over untouched, worst of all levels", all_gains, 0.0, where=all_where),
        _biased(f"{quiet}, largest bias up to 9 %, of the range", own),
    ]
    for percent in sorted({row.percent for row in own if row.percent < VANISHING}, reverse=True):
        changes = {row.cell: -row.change for row in own if row.percent == percent}
        largest, at = lowest(changes)
        text = f"{quiet}, noise to 0: largest change of the image at {percent:g} %, in noise SDs"
        findings.append(Finding(text, -largest, 1.2, at_least=False, unit="", where=at))
    return findings


def _biased(goal: str, rows: Sequence[Row]) -> Finding:
    row = max((row for row in rows if VANISHING <= row.percent <= 9), key=lambda row: abs(row.bias), default=None)
    if row is None:
        return Finding(goal, math.nan, 0.3, at_least=False, unit=" %")
    where = f"{row.bias:+.2f} in {_name(row.cell)}"
    return Finding(goal, abs(row.bias), 0.3, at_least=False, unit=" %", where=where)


def blind_cost(rows: Sequence[Row]) -> list[Finding]:
    """What finding the noise level costs in dB."""
    findings = []
    for name in ("quiet-fast", "quiet", "quiet-best"):
        for kind in KINDS:
            part = [row for row in rows if row.kind == kind]
            worst, where = lowest(differences(part, name + BLIND, name))
            findings.append(
                Finding(f"{name} blind over told the truth, {kind} noise, worst cell", worst, -0.5, where=where)
            )
    return findings


def cost(rows: Sequence[Row]) -> list[Finding]:
    """CPU seconds on volumes as a multiple of the yardstick's on the same cells."""
    findings = []
    volumes = [row for row in rows if row.group == "volume"]
    yard = {row.cell: row.cpu_s for row in volumes if row.method == YARDSTICK}
    for name, limit in (("quiet-fast", 0.5), ("quiet", 3.0), ("quiet-best", 6.0)):
        for full in (name, name + BLIND):
            own = {row.cell: row.cpu_s for row in volumes if row.method == full and row.cell in yard}
            ratio = sum(own.values()) / sum(yard[cell] for cell in own) if own else math.nan
            findings.append(Finding(f"{full}, CPU over that of {YARDSTICK}", ratio, limit, at_least=False, unit="×"))
    return findings


def small_structures(spots: Sequence[SpotRow]) -> list[Finding]:
    """Contrast of planted spots that is kept, and the comparison with rivals at equal PSNR."""
    findings = []
    for name in ("quiet-fast", "quiet", "quiet-best", "quiet" + BLIND):
        for contrast, limit in ((3.0, 0.70), (6.0, 0.85)):
            own = [row for row in spots if row.method == name and row.contrast == contrast]
            text = f"{name} keeps of the contrast of spots of {contrast:g} sigma"
            findings.append(Finding(text, mean(row.kept for row in own), limit, unit=""))
    rivals = [name for name in dict.fromkeys(row.method for row in spots) if name == "bm4d" or is_free_rival(name)]
    for contrast in (3.0, 6.0):
        leads = {
            rival: mean(lead(*pair) for pair in pairs(spots, "quiet", rival) if pair[0].contrast == contrast)
            for rival in rivals
        }
        known = {rival: value for rival, value in leads.items() if not math.isnan(value)}
        worst = min(known, key=known.__getitem__, default="")
        text = f"quiet keeps more of spots of {contrast:g} sigma than any rival at equal PSNR, closest"
        findings.append(Finding(text, known.get(worst, math.nan), 0.0, unit="", where=worst))
    return findings


def differences(rows: Iterable[Row], name: str, rival: str) -> dict[CellKey, float]:
    """PSNR of a method minus that of another on the cells that both have."""
    found = list(rows)
    other = {row.cell: row.psnr for row in found if row.method == rival}
    return {row.cell: row.psnr - other[row.cell] for row in found if row.method == name and row.cell in other}


def over_single_rival(rows: Sequence[Row], name: str) -> dict[tuple[str], float]:
    """Per volume: mean margin over the free rival whose mean there is best."""
    margins = {}
    for volume in dict.fromkeys(row.volume for row in rows):
        part = [row for row in rows if row.volume == volume]
        free = dict.fromkeys(row.method for row in part if is_free_rival(row.method))
        best = max(free, key=lambda rival: mean_psnr(row for row in part if row.method == rival), default="")
        margin = mean(differences(part, name, best).values())
        if not math.isnan(margin):
            margins[(volume,)] = margin
    return margins


def over_best_of_each(rows: Sequence[Row], name: str) -> dict[tuple[str], float]:
    """Per volume: mean margin over the best free rival of each cell."""
    best = best_of_each(rows, is_free_rival)
    found: dict[tuple[str], list[float]] = {}
    for row in rows:
        if row.method == name and row.cell in best:
            found.setdefault((row.volume,), []).append(row.psnr - best[row.cell])
    return {key: mean(values) for key, values in found.items()}


def lowest(values: dict[CellKey, float] | dict[tuple[str], float]) -> tuple[float, str]:
    """The lowest value and where it is; NaN of nothing."""
    if not values:
        return math.nan, ""
    key = min(values, key=values.__getitem__)  # type: ignore[arg-type]
    return values[key], _name(key)  # type: ignore[index]


def _name(key: tuple[object, ...]) -> str:
    if len(key) == 1:
        return str(key[0])
    volume, kind, percent, seed = key
    return f"{volume}, {kind} {percent:g} %, seed {seed}"
