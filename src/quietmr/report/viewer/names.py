"""What the name of a file says about its part: a denoised copy, what was removed, a noise map, or none of these."""

import re
from pathlib import Path
from typing import Literal

Role = Literal["denoised", "removed", "noise"]
SUFFIXES = (".nii.gz", ".nii")
"""Endings of the files that the viewer shows."""

_WORDS = "denoised|removed|noise"
# What `quietmr denoise` writes: _desc-denoised, and _desc-preprocDenoised where the scan had a description already.
_ENTITY = re.compile(rf"_desc-(?:(?P<alone>{_WORDS})|(?P<kept>[a-zA-Z0-9]+)(?P<added>Denoised|Removed|Noise))(?=_|$)")
# What people write: t1_removed, t1-noise, removed.
_ENDING = re.compile(rf"(?:(?P<base>.+)[_\-. ])?(?P<role>{_WORDS})", re.IGNORECASE)


def is_nifti(name: str) -> bool:
    """Whether the name ends like a file that the viewer shows."""
    return name.lower().endswith(SUFFIXES)


def stem(path: Path) -> str:
    """Name of a file without ``.nii`` or ``.nii.gz``."""
    ending = next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), "")
    return path.name[: len(path.name) - len(ending)]


def split_role(text: str) -> tuple[str, Role | None]:
    """Split the stem of a file into the stem of the scan that it belongs to and its role.

    Undoes the naming of ``quietmr denoise``, and takes the habits of people (``t1_removed``, ``removed``) as well.

    Parameters
    ----------
    text : str
        Name of a file without its suffix.

    Returns
    -------
    base : str
        Stem of the scan; ``text`` itself where it has no role, empty where it names nothing but its role.
    role : {"denoised", "removed", "noise"} or None
        What the file is.
    """
    entity = _ENTITY.search(text)
    if entity is not None:
        kept = f"_desc-{entity['kept']}" if entity["kept"] else ""
        return text[: entity.start()] + kept + text[entity.end() :], _role(entity["alone"] or entity["added"])
    ending = _ENDING.fullmatch(text)
    if ending is not None:
        return ending["base"] or "", _role(ending["role"])
    return text, None


def _role(word: str) -> Role:
    roles: dict[str, Role] = {"denoised": "denoised", "removed": "removed", "noise": "noise"}
    return roles[word.lower()]
