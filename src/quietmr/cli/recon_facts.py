"""What a reconstruction measured and did, as facts for programs, fields of the sidecar, and words for people."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from quietmr._version import __version__
from quietmr.cli.facts import denoising_facts, table
from quietmr.cli.recon_images import noise_of
from quietmr.cli.recon_jobs import ReconJob
from quietmr.cli.sidecar import made_from, run_by
from quietmr.data import Acquired, Image, System
from quietmr.evaluate.tissue import tissue
from quietmr.recon import Settings
from quietmr.report.evidence import median_snr

# Facts of the slices that are told once if they are the same for all.
_SHARED = ("lattice", "acceleration", "method", "kernel", "lambda", "coils", "r_eff", "signal_scale")
_DWELL = ("noise_dwell_us", "imaging_dwell_us")
_OUTPUTS = {"gmap": "noise_map", "snr_map": "snr", "gmaps": "gmaps", "before": "before", "figure": "figure"}


def recon_facts(job: ReconJob, image: Image, settings: Settings, seconds: float) -> dict[str, Any]:
    """Facts about the scan, its noise, and what was done; g and SNR are told for the object, not for the air."""
    from torch import get_num_threads

    step = dict(image.history[-1].parameters)
    slices = step.pop("slices")
    shared = {name: slices[0][name] for name in _SHARED if name in slices[0]}
    noise = noise_of(image)
    inside = tissue(image, noise)
    g = noise.over(image.shape)[inside if inside.any() else np.ones(image.shape, np.bool_)]
    return {
        "input": str(job.source),
        "output": str(job.image),
        "sidecar": str(job.sidecar),
        **{name: _text(getattr(job, field)) for name, field in _OUTPUTS.items()},
        "shape": list(image.shape),
        "frames": image.frames,
        "voxel_size": [round(size, 6) for size in image.geometry.voxel_size],
        "unit": image.unit,
        "calibrated": step["noise_origin"] == "noise-scan",
        # Edges of k-space hold signal too, and POCS changes the noise.
        "noise_is_g": noise.origin == "noise-scan",
        **shared,
        **step,
        "g_median": float(np.median(g)),
        "g_max": float(g.max()),
        "snr": median_snr(image, noise, inside),
        "slices": slices,
        "read": [dict(entry.parameters) for entry in image.history[:-1]],
        "device": settings.device,
        "threads": settings.threads or get_num_threads(),
        "seconds": round(seconds, 3),
        "version": __version__,
    }


def denoised_facts(before: Image, after: Image) -> dict[str, Any]:
    """Facts about what was removed, from complex pixels or from magnitudes, and by what."""
    facts = denoising_facts(before, after, noise_of(before), None, 1.0)
    told = ("denoised_as", "removed_rms", "model_sha256", "model_settings", "strength", "seed")
    return {name: facts[name] for name in told}


def recon_fields(
    job: ReconJob, noise_file: Path | None, image: Image, facts: Mapping[str, Any], command_line: str
) -> dict[str, Any]:
    """Fields of the sidecar, with the names of BIDS where BIDS has one."""
    model = facts.get("model")
    ending = f", {facts['denoised_as']} image denoised with model {model}." if model else "."
    sources = [job.source, *([noise_file] if noise_file else [])]
    return {
        **made_from(sources, job.sidecar, f"Reconstructed in SNR units with quietmr{ending}"),
        **_scanner(image.meta.header),
        **_acceleration(facts),
        "Units": "SNR (noise SD per real channel = g-factor)",
        "Calibrated": facts["calibrated"],
        "NoiseIsGFactor": facts["noise_is_g"],
        **_noise(facts),
        "GFactorMedian": facts["g_median"],
        "GFactorMax": facts["g_max"],
        "SNR": facts["snr"],
        **_denoised(facts),
        "Slices": facts["slices"],
        "Reading": facts["read"],
        **run_by(facts, command_line),
    }


def recon_words(job: ReconJob, facts: Mapping[str, Any]) -> str:
    """Say what was found and done."""
    frames, depth, rows, columns = facts["shape"]
    size = " x ".join(f"{mm:.3g}" for mm in facts["voxel_size"])
    lines = [("image", f"{columns} x {rows}, {_many(depth, 'slice')}, {_many(frames, 'frame')}, {size} mm")]
    lines.append(("lines", _lines(facts)))
    lines.append(("noise", _noise_words(facts)))
    lines.append(("g-factor", f"median {facts['g_median']:.2f}, max {facts['g_max']:.2f} in the object"))
    if facts["snr"] is not None:
        lines.append(("SNR", f"{facts['snr']:.3g} (median of magnitude / g in the object)"))
    if facts.get("removed_rms") is not None:
        what = f"model {facts['model']} on the {facts['denoised_as']} image"
        lines.append(("removed", f"{facts['removed_rms']:.2f} sigma RMS in the object, {what}"))
    lines.append(("run", f"{facts['device']}, {_many(facts['threads'], 'thread')}, {facts['seconds']:.1f} s"))
    return table(str(job.source), lines, job.outputs)


def _lines(facts: Mapping[str, Any]) -> str:
    words = [f"R {facts['lattice']}", f"R_eff {facts['r_eff']:.3g}"]
    if "kernel" in facts:
        words.append(f"{facts['method'].upper()} kernel {'x'.join(map(str, facts['kernel']))}")
    elif "method" in facts:
        words.append(facts["method"].upper())
    if "lambda" in facts:
        words.append(f"lambda {facts['lambda']:g}")
    coils = _many(facts["channels"], "coil")
    words.append(coils if facts["coils"] == facts["channels"] else f"{coils} compressed to {facts['coils']}")
    return ", ".join(words)


def _noise_words(facts: Mapping[str, Any]) -> str:
    if not facts["calibrated"]:
        return (
            f"SD about g per real channel, uncalibrated: {facts['noise_samples']} samples of the edges of k-space, "
            "which hold signal too"
        )
    dwell, imaging = (f"{facts[name]:.4g} us" if facts[name] else "unknown" for name in _DWELL)
    law = "SD = g per real channel" + ("" if facts["noise_is_g"] else " before POCS, which changed it")
    return (
        f"{law}; {facts['noise_samples']} samples, dwell {dwell} (imaging {imaging}), "
        f"bandwidth {facts['bandwidth']:.3f} ({facts['bandwidth_origin']})"
    )


def _scanner(header: object) -> dict[str, Any]:
    system = header.system if isinstance(header, Acquired) else System()
    fields = {
        "Manufacturer": system.vendor,
        "ManufacturersModelName": system.model,
        "ProtocolName": system.protocol,
        "MagneticFieldStrength": system.field_strength,
    }
    return {name: value for name, value in fields.items() if value}


def _acceleration(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ParallelAcquisitionTechnique": facts["method"].upper() if facts["acceleration"] > 1 else None,
        "ParallelReductionFactorInPlane": facts["acceleration"],
        "SamplingLattice": facts["lattice"],
        "EffectiveReductionFactor": facts["r_eff"],
        "SignalScale": facts["signal_scale"],
        "Kernel": facts.get("kernel"),
        "Regularization": facts.get("lambda"),
        "ReceiveCoilChannels": facts["channels"],
        "VirtualCoils": facts["coils"],
        "CoilMaps": facts["coil_maps"],
        "PartialFourierMethod": facts["partial_fourier"],
        "KSpaceFilters": facts["filters"],
    }


def _noise(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "NoiseOrigin": facts["noise_origin"],
        "NoiseSamples": facts["noise_samples"],
        "NoiseDwellTime": round(facts["noise_dwell_us"] * 1e-6, 12),
        "DwellTime": round(facts["imaging_dwell_us"] * 1e-6, 12),
        "ReceiverNoiseBandwidth": facts["bandwidth"],
        "ReceiverNoiseBandwidthOrigin": facts["bandwidth_origin"],
        "WhiteningScale": facts["scale"],
        "NoiseEigenvalueSpread": facts["eigenvalue_spread"],
        "NoiseLargestCorrelation": facts["largest_correlation"],
    }


def _denoised(facts: Mapping[str, Any]) -> dict[str, Any]:
    if not facts["model"]:
        return {}
    return {
        "DenoisedAs": facts["denoised_as"],
        "ModelName": facts["model"],
        "ModelSHA256": facts["model_sha256"],
        "ModelSettings": facts["model_settings"],
        "RemovedRMS": facts["removed_rms"],
        "Seed": facts["seed"],
    }


def _many(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
