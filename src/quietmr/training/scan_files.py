"""Which scans a recipe means, and what identifies them."""

import hashlib
from pathlib import Path
from typing import Any

from quietmr.data import InputError
from quietmr.io.complex_series import holds_series
from quietmr.io.formats import FORMATS
from quietmr.io.raw import is_raw
from quietmr.training.scan_recipe import ScanRecipe

_BLOCK = 2**22
_DICOM_SUFFIXES = {".dcm", ".ima"}
_HALVES_OF_PAIRS = {".img", ".img.gz"}  # their header is what one reads


def find_scans(settings: ScanRecipe) -> list[Path]:
    """List the scans of a recipe: image files, and folders of DICOM.

    Raises
    ------
    InputError
        If the folder does not exist, holds no scan, or a pattern matches nothing.
    """
    folder = Path(settings.folder)
    if not settings.folder or not folder.is_dir():
        raise InputError(f"There is no folder of scans '{settings.folder}': give it with --data or as scans.folder.")
    found: list[Path] = []
    for pattern in settings.files:
        matching = sorted(path for path in folder.glob(pattern) if path.is_file())
        if not matching:
            raise InputError(
                f"No image file matches '{pattern}' in {folder}: check scans.folder and scans.files of the recipe, "
                "or give the folder of your scans with --data."
            )
        found += matching
    if not settings.files:
        found = [path for path in (folder, *sorted(folder.rglob("*"))) if _is_scan(path)]
    if not found:
        raise InputError(f"There is no scan that quietmr reads in {folder}: give the folder of your scans with --data.")
    return found


def _is_scan(path: Path) -> bool:
    if path.is_dir():
        return any(entry.suffix.lower() in _DICOM_SUFFIXES for entry in path.iterdir())
    suffixes = {suffix for row in FORMATS for suffix in row.suffixes if suffix}
    return path.name.lower().endswith(tuple(suffixes - _DICOM_SUFFIXES - _HALVES_OF_PAIRS))


def scan_facts(settings: ScanRecipe) -> list[dict[str, Any]]:
    """Name (relative to the folder), kind, size and SHA-256 of every scan of a recipe."""
    facts = []
    for scan in find_scans(settings):
        digest, size = hashlib.sha256(), 0
        for file in [scan] if scan.is_file() else sorted(entry for entry in scan.iterdir() if entry.is_file()):
            with file.open("rb") as stream:
                while block := stream.read(_BLOCK):
                    digest.update(block)
                    size += len(block)
        name = scan.relative_to(settings.folder).as_posix()
        facts.append({"file": name, "kind": _kind(scan), "bytes": size, "sha256": digest.hexdigest()})
    return facts


def _kind(scan: Path) -> str:
    if holds_series(scan):
        return "complex series"
    return "raw" if scan.is_file() and is_raw(scan) else "image"
