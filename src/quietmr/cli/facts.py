"""What was measured and done, as facts for programs and as words for people."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr.cli.jobs import DenoisingJob, Job, ReportJob
from quietmr.data import Image, NoiseMap
from quietmr.evaluate.tissue import tissue
from quietmr.io.pair import Pair
from quietmr.report.evidence import median_snr, removed_rms
from quietmr.report.wording import level, nature

# Above the noise itself there must be room for the error of its level and for the bias of weak magnitude signal.
_MOST_REMOVED = 1.25
_UNITS = "values of the image, per real channel"


def noise_facts(image: Image, noise: NoiseMap, mask: NDArray[np.bool_] | None) -> dict[str, Any]:
    """Facts about the noise: sigma is the median over the mask, or over all voxels that have noise."""
    return {
        "sigma": median_sigma(image, noise, mask),
        "sigma_min": float(noise.sigma.min()),
        "sigma_max": float(noise.sigma.max()),
        "sigma_unit": _UNITS,
        "kind": noise.kind,
        "channels": noise.n_channels,
        "origin": noise.origin,
        "uncertainty": noise.uncertainty,
        "support": noise.support,
        "snr": median_snr(image, noise, tissue(image, noise, mask)),
    }


def median_sigma(image: Image, noise: NoiseMap, mask: NDArray[np.bool_] | None) -> float:
    """Median of sigma inside the mask; without a mask, where it is not zero."""
    if mask is None:
        return noise.level
    inside = noise.over(image.shape)[np.broadcast_to(mask, image.shape)]
    return float(np.median(inside))


def denoising_facts(
    before: Image, after: Image, noise: NoiseMap, mask: NDArray[np.bool_] | None, strength: float
) -> dict[str, Any]:
    """Facts about the noise, what did the work, and how much it removed."""
    done = dict(after.history[-1].parameters)
    settings = {key: value for key, value in done.items() if key not in _TOLD}
    return {
        **noise_facts(before, noise, mask),
        "denoised_as": denoised_as(before),
        "removed_rms": removed_rms(before, after, noise, tissue(before, noise, mask)),
        "model_sha256": done.get("weights_sha256"),
        "model_settings": settings,
        "strength": strength,
        "device": done.get("device", "cpu"),
        "seed": done.get("seed"),
    }


def denoised_as(image: Image) -> str:
    """Say in which form the pixels were denoised: complex, magnitude, or signed."""
    if image.is_complex:
        return "complex"
    return "signed" if (image.data < 0).any() else "magnitude"


def pair_facts(job: Job, pair: Pair | None) -> dict[str, Any]:
    """Facts about the second half of a complex scan; nothing for a scan that is one file."""
    partner = job.partner
    if partner is None or pair is None:
        return {}
    facts: dict[str, Any] = {partner.kind: str(partner.source)}
    if partner.image is not None:
        facts[f"{partner.kind}_out"] = str(partner.image)
    if pair.unit is not None:
        facts["phase_unit"] = str(pair.unit)
    return facts


def doubts(facts: Mapping[str, Any]) -> list[str]:
    """Warn where more than noise went: all of the noise and nothing else is an RMS of 1 sigma."""
    removed = facts["removed_rms"]
    if removed is None or removed <= _MOST_REMOVED:
        return []
    return [
        f"What was removed from tissue is {removed:.2g} times the noise level, so it is not noise alone: look at it "
        "with --removed or --figure, check sigma, or lower --strength."
    ]


# What the last step says and the facts hold under their own names.
_TOLD = {"method", "weights_sha256", "device", "strength", "sigma", "sigma_origin", "noise_kind"}


def noise_words(scan: str, noise: NoiseMap, facts: Mapping[str, Any], written: Sequence[Path]) -> str:
    """Say what was measured, for ``quietmr noise``."""
    lines = [*_halves(facts), ("sigma", _sigma(noise, facts["sigma"]))]
    if facts["sigma_max"] > facts["sigma_min"]:
        lines.append(("varies", f"{facts['sigma_min']:.4g} to {facts['sigma_max']:.4g} over the image"))
    elif facts["sigma"] > 0:
        lines.append(("varies", "no, taken as the same everywhere"))
    if noise.n_channels > 1:
        lines.append(("channels", f"about {noise.n_channels}, told by the air"))
    lines += _snr(facts)
    if noise.support is not None:
        filled = " x ".join(f"{100 * part:.0f} %" for part in noise.support)
        lines.append(("k-space", f"filled to {filled} of its size (Z x Y x X)"))
    return table(scan, lines, written)


def denoising_words(job: DenoisingJob, noise: NoiseMap, facts: Mapping[str, Any]) -> str:
    """Say what was measured and done, for ``quietmr denoise``."""
    lines = [*_halves(facts), ("noise", _sigma(noise, facts["sigma"])), *_snr(facts)]
    if facts["removed_rms"] is not None:
        lines.append(("removed", f"{facts['removed_rms']:.2f} sigma RMS in tissue"))
    work = f"{facts['denoised_as']} image, strength {facts['strength']:g}, {facts['device']}, {facts['seconds']:.1f} s"
    lines.append(("model", f"{facts['model']}, {work}"))
    return table(str(job.source), lines, job.outputs)


def report_words(job: ReportJob, noise: NoiseMap, facts: Mapping[str, Any]) -> str:
    """Say what was measured, for ``quietmr report``."""
    lines = [("noise", _sigma(noise, facts["sigma"])), *_snr(facts)]
    if facts["removed_rms"] is not None:
        lines.append(("removed", f"{facts['removed_rms']:.2f} sigma RMS in tissue"))
    return table(f"{job.source} and {job.denoised}", lines, job.outputs)


def _sigma(noise: NoiseMap, sigma: float) -> str:
    if sigma == 0:
        return "none found"
    return f"{level(noise, sigma)} per real channel ({nature(noise)})"


def _halves(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    if "phase" in facts:
        return [("phase", f"{facts['phase']} ({facts['phase_unit']})")]
    return [("imag", facts["imaginary"])] if "imaginary" in facts else []


def _snr(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [] if facts["snr"] is None else [("SNR", f"{facts['snr']:.3g} (median of signal / sigma in tissue)")]


def table(title: str, lines: Sequence[tuple[str, str]], written: Sequence[Path]) -> str:
    """Lay out what is said of one scan: its name, named lines, and the files written."""
    files = [("written" if not index else "", str(path)) for index, path in enumerate(written)]
    return "\n".join([title, *(f"  {name:<8}  {text}" for name, text in (*lines, *files))])
