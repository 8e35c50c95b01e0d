"""The JSON file beside an image, which says how it was made."""

import json
import os
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from quietmr._version import __version__
from quietmr.cli.console import plain
from quietmr.cli.names import sidecar_of
from quietmr.data import QuietmrWarning


def inherited(source: Path) -> dict[str, Any]:
    """Fields of the scan's own sidecar (BIDS, dcm2niix), empty if it has none.

    A sidecar that is not a JSON object is left out with a warning.
    """
    path = sidecar_of(source)
    if not path.is_file():
        return {}
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError):
        fields = None
    if not isinstance(fields, dict):
        warnings.warn(
            f"{path.name} beside the scan is not a JSON object, so its fields were not taken over.",
            QuietmrWarning,
            stacklevel=2,
        )
        return {}
    return fields


def describe(sources: Sequence[Path], sidecar: Path, facts: Mapping[str, Any], command_line: str) -> dict[str, Any]:
    """Our fields, with the names of BIDS derivatives where BIDS has one."""
    return {
        **made_from(sources, sidecar, f"Denoised with quietmr, model {facts['model']}."),
        "DenoisedAs": facts["denoised_as"],
        **({"PhaseUnits": facts["phase_unit"]} if facts.get("phase_unit") else {}),
        "ModelName": facts["model"],
        "ModelSHA256": facts["model_sha256"],
        "ModelSettings": facts["model_settings"],
        "NoiseSigma": facts["sigma"],
        "NoiseSigmaUnits": facts["sigma_unit"],
        "NoiseKind": facts["kind"],
        "NoiseOrigin": facts["origin"],
        "NoiseUncertainty": facts["uncertainty"],
        "SNR": facts["snr"],
        "RemovedRMS": facts["removed_rms"],
        "Strength": facts["strength"],
        "Seed": facts["seed"],
        **run_by(facts, command_line),
    }


def made_from(sources: Sequence[Path], sidecar: Path, description: str) -> dict[str, Any]:
    """Fields of BIDS derivatives: what the image is, and the files it was made from."""
    folder = sidecar.resolve().parent
    return {
        "Description": description,
        "Sources": [_seen_from(folder, source.resolve()) for source in sources],
        "GeneratedBy": [{"Name": "quietmr", "Version": __version__}],
    }


def run_by(facts: Mapping[str, Any], command_line: str) -> dict[str, Any]:
    """Fields of the run: where, when, by which command, and what the user was warned of."""
    return {
        "Device": facts["device"],
        "Threads": facts["threads"],
        "Warnings": facts["warnings"],
        "Date": datetime.now(UTC).isoformat(timespec="seconds"),
        "CommandLine": command_line,
    }


def _seen_from(folder: Path, source: Path) -> str:
    if folder.anchor != source.anchor:
        return source.as_posix()
    return Path(os.path.relpath(source, folder)).as_posix()


def write_sidecar(path: Path, fields: Mapping[str, Any]) -> None:
    """Write the fields as readable JSON."""
    text = json.dumps(plain(fields), indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(f"{text}\n", encoding="utf-8")
