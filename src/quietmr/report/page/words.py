"""What the page says in words: the answer, the key figures, the tests."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quietmr.evaluate.lesion_survival import LesionSurvival
from quietmr.evaluate.residual import Finding, Verdict
from quietmr.report.evidence import median_snr, removed_rms
from quietmr.report.page.charts import Gauge, gauge
from quietmr.report.page.contents import PageContents
from quietmr.report.panels import SIGMA
from quietmr.report.wording import level, nature

ANSWERS: dict[Verdict, str] = {
    "only noise": "Only noise was removed.",
    "structure removed": "Structure was removed with the noise.",
    "structure added": "Structure was added to the image.",
    "nothing removed": "Nothing was removed.",
    "nothing claimed": "Nothing can be claimed about this image.",
}
# How the answer is coloured; the words and the sign say the same.
TONES: dict[Verdict, str] = {
    "only noise": "good",
    "structure removed": "bad",
    "structure added": "bad",
    "nothing removed": "plain",
    "nothing claimed": "plain",
}
_PASSED = {True: ("good", "as noise"), False: ("bad", "not as noise"), None: ("plain", "not judged")}
_MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class KeyFigure:
    """One of the few numbers at the top: its name, the number, and what it means."""

    name: str
    value: str
    note: str
    arrow: str = ""


@dataclass(frozen=True)
class ShownTest:
    """One test of the residual as it stands on the page."""

    finding: Finding
    tone: str
    mark: str
    value: str
    unit: str
    limits: str
    gauge: Gauge | None


def key_figures(contents: PageContents, where: NDArray[np.bool_]) -> list[KeyFigure]:
    """SNR, noise, what was removed, and the model; measured on the voxels of ``where``."""
    snr = median_snr(contents.before, contents.noise, where)
    removed = removed_rms(contents.before, contents.after, contents.noise, where)
    figures = []
    if snr is not None:
        figures.append(_snr(snr, contents))
    if contents.noise.level > 0:
        about = f"{SIGMA} per real channel, {nature(contents.noise)}"
        figures.append(KeyFigure("Noise", level(contents.noise), about))
    else:
        figures.append(KeyFigure("Noise", "none", "no noise was found"))
    if removed is not None:
        figures.append(KeyFigure("Removed", f"{removed:.2f} {SIGMA}", f"RMS in tissue; all of the noise is 1 {SIGMA}"))
    if contents.model:
        figures.append(KeyFigure("Model", contents.model, f"at strength {contents.strength:g}"))
    return figures


def _snr(before: float, contents: PageContents) -> KeyFigure:
    gain = contents.gain
    if gain is None:
        return KeyFigure("SNR", number(before), f"before: median of signal / {SIGMA} in tissue")
    part = "" if gain.gain.shape == contents.before.shape else " on a part of the scan"
    note = f"median in tissue; about {number(gain.median, 2)} times, measured with {gain.replicas} draws of noise{part}"
    return KeyFigure("SNR", number(before), note, arrow=number(before * gain.median, 2))


def shown_tests(findings: tuple[Finding, ...]) -> list[ShownTest]:
    """Put marks, values and limits of the tests into words."""
    rows = []
    for finding in findings:
        tone, mark = _PASSED[finding.passed]
        told = number(finding.value), finding.unit, _limits(finding)
        rows.append(ShownTest(finding, tone, mark, *told, gauge(finding)))
    return rows


def survival_words(kept: LesionSurvival) -> str:
    """Say what happens to the smallest and weakest lesion, and to the one in the middle."""
    middle = len(kept.diameters) // 2, len(kept.contrasts) // 2
    sizes, parts = (kept.diameters[middle[0]], kept.diameters[0]), (kept.kept[middle], kept.kept[0, 0])
    contrasts = (kept.contrasts[middle[1]], kept.contrasts[0])
    told = [
        f"{size:g} mm wide and {contrast:g} {SIGMA} over the tissue keeps {100 * part:.0f} % of its contrast"
        for size, contrast, part in zip(sizes, contrasts, parts, strict=True)
        if math.isfinite(part)
    ]
    return f"A spot {'; one '.join(told)}." if told else ""


def _limits(finding: Finding) -> str:
    low, high = finding.limits
    if low is not None and high is not None:
        return f"noise alone: {number(low)} to {_with_unit(high, finding.unit)}"
    if high is not None:
        return f"noise alone: up to {_with_unit(high, finding.unit)}"
    return "" if low is None else f"noise alone: {_with_unit(low, finding.unit)} or more"


def _with_unit(value: float, unit: str) -> str:
    return f"{number(value)}\N{NO-BREAK SPACE}{unit}" if unit else number(value)


def number(value: float, digits: int = 3) -> str:
    """Write so many digits, with a real minus sign, and powers of ten only far from 1."""
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "infinite"
    rounded = float(f"{value:.{digits}g}")
    plain = rounded == 0 or 1e-4 <= abs(rounded) < 1e6
    text = f"{rounded:.{max(0, digits - 1 - _power(rounded))}f}" if plain else f"{rounded:.{digits}g}"
    if plain and "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", _MINUS)


def _power(value: float) -> int:
    return math.floor(math.log10(abs(value))) if value else 0
