"""The results of ``residual_tests.py`` as markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tables import markdown

VERDICTS = ("only noise", "structure removed", "structure added", "nothing removed", "nothing claimed")


def report(rows: Sequence[Any]) -> str:
    """All tables."""
    parts = []
    for group, title in (("judged", "On volumes that nothing was tuned on"), ("tuning", "On the tuning set")):
        for told, about in (("told", "noise told"), ("blind", "noise estimated from the image")):
            own = [row for row in rows if (row.group, row.told) == (group, told) and not _in_sweep(row)]
            if own:
                parts += [f"#### {title}, {about}", _about(own), confusion(own)]
    judged = [row for row in rows if row.group == "judged" and not _in_sweep(row)]
    if judged:
        parts += ["#### By noise", shares(judged, lambda row: f"{row.kind} {row.percent:g} %, {row.told}", "noise")]
        parts += ["#### By volume", shares(judged, lambda row: row.volume, "volume")]
        parts += ["#### Wrong verdicts", wrong(judged)]
    sweep = [row for row in rows if row.group == "judged" and row.arm.startswith("blur") and _at_seven(row)]
    if sweep:
        parts += ["#### From which width is a blur seen?", widths(sweep)]
    draws = [row for row in rows if row.group == "draws"]
    if draws:
        parts += ["#### Noise removed exactly, many draws", false_alarms(draws)]
    real = [row for row in rows if row.group == "real"]
    if real:
        parts += ["#### Real scans with their own noise, denoised by quiet", scans(real)]
    return "\n\n".join(parts) + "\n"


def _in_sweep(row: Any) -> bool:
    return row.arm in ("blur 0.3", "blur 0.4", "blur 0.5", "blur 0.6")


def _at_seven(row: Any) -> bool:
    return (row.kind, row.percent, row.told) == ("white", 7.0, "told")


def _right(rows: Sequence[Any]) -> str:
    right = sum(row.verdict == row.expected for row in rows)
    return f"{right} of {len(rows)} ({right / len(rows):.1%})"


def _about(rows: Sequence[Any]) -> str:
    volumes = ", ".join(dict.fromkeys(row.volume for row in rows))
    noises = ", ".join(dict.fromkeys(f"{row.kind} {row.percent:g} %" for row in rows))
    ours = [row for row in rows if row.arm in ("quiet", "quiet-fast")]
    alarms = sum(row.verdict not in ("only noise", "nothing claimed") for row in ours)
    return (
        f"{volumes}; {noises}. Right: **{_right(rows)}**. "
        f"False alarms on quiet and quiet-fast: **{alarms} of {len(ours)}**."
    )


def confusion(rows: Sequence[Any]) -> str:
    """What was done against what was said."""
    lines = []
    for arm in dict.fromkeys(row.arm for row in rows):
        own = [row for row in rows if row.arm == arm]
        counts = [sum(row.verdict == verdict for row in own) for verdict in VERDICTS]
        marks = [
            f"**{n}**" if v == own[0].expected and n else str(n or "") for v, n in zip(VERDICTS, counts, strict=True)
        ]
        lines.append([arm, *marks])
    return markdown(["denoiser", *VERDICTS], lines)


def shares(rows: Sequence[Any], key: Callable[[Any], str], name: str) -> str:
    """Share of right verdicts."""
    lines = [[part, _right([row for row in rows if key(row) == part])] for part in dict.fromkeys(map(key, rows))]
    return markdown([name, "right"], lines)


def wrong(rows: Sequence[Any]) -> str:
    """Every wrong verdict."""
    lines = [
        [row.volume, f"{row.kind} {row.percent:g} %, {row.told}", row.arm, row.verdict]
        for row in rows
        if row.verdict != row.expected
    ]
    return markdown(["volume", "noise", "denoiser", "verdict"], lines) if lines else "None."


def widths(rows: Sequence[Any]) -> str:
    """Volumes on which a blur of some width is found."""
    lines = []
    for arm in sorted({row.arm for row in rows}):
        own = [row for row in rows if row.arm == arm]
        found = sum(row.verdict == "structure removed" for row in own)
        nothing = sum(row.verdict == "nothing removed" for row in own)
        lines.append([arm.removeprefix("blur "), f"{found} of {len(own)}", str(nothing or "")])
    return "White noise of 7 %, told.\n\n" + markdown(["SD in voxels", "structure removed", "nothing removed"], lines)


def false_alarms(rows: Sequence[Any]) -> str:
    """Alarms where nothing but noise was removed."""
    lines = []
    for kind in dict.fromkeys(row.kind for row in rows):
        own = [row for row in rows if row.kind == kind]
        alarms = sum(row.verdict != "only noise" for row in own)
        lines.append([f"{kind} 7 %", str(len(own)), f"{alarms} ({alarms / len(own):.1%})"])
    return markdown(["noise", "draws", "false alarms"], lines)


def scans(rows: Sequence[Any]) -> str:
    """What is said about real scans."""
    lines = [
        [row.volume, row.verdict, f"{row.size:.2f}", f"{row.edges:.2f}", f"{row.slope:+.3f}", f"{row.added:.2f}"]
        for row in rows
    ]
    return markdown(["scan", "verdict", "size", "edges", "slope", "added per 1000"], lines)
