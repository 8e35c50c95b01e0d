"""Names of output files, made from the name of the scan."""

import re
from pathlib import Path

from quietmr.data import InputError
from quietmr.io import format_of

# sub-01[_ses-02][_acq-fast ...]_T1w: entities, then what kind of image it is
_BIDS = re.compile(r"(?P<entities>sub-[^_]+(?:_[a-zA-Z]+-[^_]+)*)_(?P<kind>[a-zA-Z0-9]+)")
_DESCRIPTION = re.compile(r"_desc-([a-zA-Z0-9]+)")


def split_suffix(path: Path) -> tuple[str, str]:
    """Split the name of a scan into stem and suffix, which is empty for a folder or where it is none of ours."""
    name = path.resolve().name
    try:
        suffixes = format_of(path).suffixes if not path.is_dir() else ()
    except InputError:
        suffixes = ()
    known = max((suffix for suffix in suffixes if name.lower().endswith(suffix)), key=len, default="")
    return (name[: -len(known)], name[-len(known) :]) if known else (name, "")


def described(stem: str, description: str) -> str:
    """Add what was done to a stem: BIDS style if it is a BIDS name (``desc`` goes before the kind), else at its end.

    A scan that has a description already keeps it: ``desc-preproc`` becomes ``desc-preprocDenoised``.
    """
    match = _BIDS.fullmatch(stem)
    if match is None:
        return f"{stem}_desc-{description}"
    entities, kind = match["entities"], match["kind"]
    if _DESCRIPTION.search(entities):
        return _DESCRIPTION.sub(rf"_desc-\1{description.capitalize()}", entities) + f"_{kind}"
    return f"{entities}_desc-{description}_{kind}"


def image_suffix(source: Path) -> str:
    """Suffix for the denoised copy of a scan: its own, or a lossless one where quietmr does not write that."""
    try:
        form = format_of(source)
    except InputError:
        return ".nii.gz"
    if not form.read_only:
        return split_suffix(source)[1]
    return ".nii.gz" if "NIfTI" in form.name else ".png"


def map_suffix(source: Path) -> str:
    """Suffix for a map of fractions (noise, what was removed) beside a scan."""
    return ".nii" if split_suffix(source)[1] == ".nii" else ".nii.gz"


def sidecar_of(path: Path) -> Path:
    """Name of the JSON file that describes a scan: beside it, with its stem."""
    folder = path.parent if path.name not in {"", ".."} else path.resolve().parent
    return folder / f"{split_suffix(path)[0]}.json"
