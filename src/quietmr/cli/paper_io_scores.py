"""Scores of 8-bit pictures for ``quietmr denoise --paper-io``, and how they are told."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr.evaluate.metrics import psnr, ssim

CONVENTION = (
    "PSNR and SSIM (Gaussian window 1.5, 11 taps) of 8-bit values / 255, data range 1, whole image of 256 x 256, mean "
    "and SD over pictures"
)


@dataclass(frozen=True)
class Score:
    """PSNR in dB and SSIM of one picture."""

    psnr: float
    ssim: float


def score(picture: NDArray[np.uint8], truth: NDArray[np.uint8]) -> Score:
    """Compare two 8-bit pictures by the convention."""
    image, clean = (values.astype(np.float64) / 255 for values in (picture, truth))
    return Score(psnr(image, clean, 1.0), ssim(image, clean, 1.0))


def summary(scores: Sequence[Score]) -> dict[str, float | None]:
    """Mean and SD of the scores; an SD of one picture, or of an infinite mean, is None."""
    facts: dict[str, float | None] = {}
    for name in ("psnr", "ssim"):
        values = np.array([getattr(each, name) for each in scores])
        mean = float(values.mean())
        known = len(values) > 1 and math.isfinite(mean)
        facts |= {f"{name}_mean": mean, f"{name}_sd": float(values.std(ddof=1)) if known else None}
    return facts


def told(before: Sequence[Score], after: Sequence[Score]) -> tuple[dict[str, Any], list[str]]:
    """Summaries of untouched and denoised pictures: for programs, and as lines for people."""
    facts = {"convention": CONVENTION, "untouched": summary(before), "denoised": summary(after)}
    lines = [f"{CONVENTION}, {len(before)} picture{'s' if len(before) > 1 else ''}:"]
    for name in ("untouched", "denoised"):
        values = facts[name]
        assert isinstance(values, dict), "a summary"
        parts = (_part(values, "psnr", 2, " dB"), _part(values, "ssim", 4, ""))
        lines.append(f"  {name:<10} PSNR {parts[0]}   SSIM {parts[1]}")
    return facts, lines


def _part(values: dict[str, float | None], name: str, digits: int, unit: str) -> str:
    spread = values[f"{name}_sd"]
    sd = "" if spread is None else f" \N{PLUS-MINUS SIGN} {spread:.{digits}f}"
    return f"{values[f'{name}_mean']:.{digits}f}{sd}{unit}"


def facts_of(before: Score, after: Score) -> dict[str, dict[str, float]]:
    """Scores of one picture for programs."""
    return {"untouched": asdict(before), "denoised": asdict(after)}
