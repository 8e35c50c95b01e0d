"""What shaped a run, written down so that another person can repeat it. No host names, no user names."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import quietmr
from quietmr.training.gan.domains import domain_facts
from quietmr.training.parent import Parent
from quietmr.training.recipe import Recipe
from quietmr.training.scan_files import scan_facts

_LIBRARIES = ("torch", "numpy", "scipy", "lightning-fabric", "pydantic", "safetensors")


def session_facts(recipe: Recipe, parent: Parent | None, command: str) -> dict[str, Any]:
    """Collect what one session of training was made with: code, data, parent weights, machine."""
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "seed": recipe.seed,
        "versions": {"quietmr": quietmr.__version__, "python": platform.python_version(), **_versions()},
        "source": source_state(Path(quietmr.__file__).parent),
        "data": _data(recipe),
        "parent": parent.facts() if parent else None,
        "machine": machine(),
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found


def _data(recipe: Recipe) -> dict[str, Any] | None:
    if recipe.scans.share == 0:
        return None
    files = domain_facts(recipe) if recipe.step == "gan" else scan_facts(recipe.scans)
    return {"license": recipe.scans.license or "not stated", "files": files}


def machine() -> dict[str, Any]:
    """Kind and size of the machine."""
    has_gpu = torch.cuda.is_available()
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if has_gpu else None,
        "gpus": torch.cuda.device_count() if has_gpu else 0,
    }


def source_state(folder: Path) -> dict[str, Any] | None:
    """Commit of the source code, and whether files differ from it; None if the code is not under version control."""
    if _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    changes = _git(folder, "status", "--porcelain", "--", ".")
    return {"commit": _git(folder, "rev-parse", "HEAD"), "changed": bool(changes)}


def _git(folder: Path, *words: str) -> str | None:
    """Output of a git command, None if there is no git or it fails."""
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(folder), *words],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
