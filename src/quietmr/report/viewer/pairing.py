"""Which files belong together: a scan, its denoised copy, what was removed, the noise map."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from quietmr.data import InputError
from quietmr.report.viewer.files import Found, Volume, read_header
from quietmr.report.viewer.names import is_nifti, split_role, stem

_LARGEST_SIDECAR = 2**20  # bytes; those of quietmr have about 1500


@dataclass(frozen=True)
class Scene:
    """What is looked at together. At least one of the volumes is there.

    Parameters
    ----------
    name : str
        What the list of scans calls it.
    before, after, removed, noise : Volume, optional
        The scan, its denoised copy, scan minus copy, and the standard deviation of the noise, on one grid.
    facts : mapping
        Fields of the sidecar of the copy that the page shows: model, sigma.
    """

    name: str
    before: Volume | None = None
    after: Volume | None = None
    removed: Volume | None = None
    noise: Volume | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def volumes(self) -> dict[str, Volume]:
        """The volumes that are there, by their part."""
        parts = {"before": self.before, "after": self.after, "removed": self.removed, "noise": self.noise}
        return {part: volume for part, volume in parts.items() if volume is not None}


def pair(found: Found) -> tuple[list[Scene], list[str]]:
    """Sort files into scenes.

    The sidecar that ``quietmr denoise`` writes leads (`Sources`, even to a scan outside the folder); then names do. Two
    scans that nothing connects, and no other, are taken as before and after.

    Parameters
    ----------
    found : Found
        Files to sort, with sentences about others.

    Returns
    -------
    scenes : list of Scene
        Pairs first, then what stands alone, each in the order of the files.
    notes : list of str
        One sentence for each file that is left out or stands alone against its name.
    """
    notes = list(found.notes)
    sidecars = {volume: _sidecar(volume) for volume in found.volumes}
    copies, maps, scans = _sorted_by_part(found.volumes, sidecars)
    scenes = [_scene_of_copy(copy, sidecars[copy], [*scans, *copies], notes) for copy in copies]
    used = {scene.before for scene in scenes}
    singles = [Scene(volume.name, before=volume) for volume in scans if volume not in used]
    if not scenes and len(singles) == 2:
        singles = _before_and_after(*scans)
    scenes += singles
    for volume in maps:
        _attach(volume, scenes, notes)
    return scenes, notes


def _sorted_by_part(
    volumes: Sequence[Volume], sidecars: Mapping[Volume, Mapping[str, Any]]
) -> tuple[list[Volume], list[Volume], list[Volume]]:
    copies, maps, scans = [], [], []
    for volume in volumes:
        role = split_role(stem(volume.path))[1]
        if role == "denoised" or "DenoisedAs" in sidecars[volume]:
            copies.append(volume)
        elif role is not None:
            maps.append(volume)
        else:
            scans.append(volume)
    return copies, maps, scans


def _scene_of_copy(copy: Volume, sidecar: Mapping[str, Any], others: Sequence[Volume], notes: list[str]) -> Scene:
    before = _source(copy, sidecar, others, notes) or _namesake(copy, others)
    if before is not None and not before.same_grid(copy):
        notes.append(_other_grid(before, copy))
        before = None
    name = before.name if before else copy.name
    if before and sum(1 for other in others if split_role(stem(other.path))[1] == "denoised") > 1:
        name = copy.name
    facts = {key: sidecar[key] for key in ("ModelName", "NoiseSigma", "NoiseOrigin", "Strength") if key in sidecar}
    return Scene(name, before=before, after=copy, facts=facts)


def _source(copy: Volume, sidecar: Mapping[str, Any], others: Sequence[Volume], notes: list[str]) -> Volume | None:
    """Return the scan that the sidecar names first, if it is a NIfTI file that is still there."""
    sources = sidecar.get("Sources")
    first = sources[0] if isinstance(sources, list) and sources else None
    if not isinstance(first, str) or not is_nifti(first) or "\0" in first:
        return None
    path = (copy.path.parent / first).resolve()
    listed = next((volume for volume in others if volume.path == path and volume is not copy), None)
    if listed is not None or not path.is_file() or path == copy.path:
        return listed
    try:
        return read_header(path, path.name)
    except InputError as error:
        notes.append(str(error))
        return None


def _namesake(copy: Volume, others: Sequence[Volume]) -> Volume | None:
    """Return the one scan whose name the copy carries, in the same folder if there are several."""
    base, role = split_role(stem(copy.path))
    if role is None:
        return None
    alike = [volume for volume in others if volume is not copy and stem(volume.path) == base]
    beside = [volume for volume in alike if volume.path.parent == copy.path.parent]
    choice = beside or alike
    return choice[0] if len(choice) == 1 else None


def _before_and_after(first: Volume, second: Volume) -> list[Scene]:
    if first.same_grid(second):
        return [Scene(f"{first.name} and {second.name}", before=first, after=second)]
    return [Scene(first.name, before=first), Scene(second.name, before=second)]


def _attach(volume: Volume, scenes: list[Scene], notes: list[str]) -> None:
    """Put a map into the scene that it belongs to, or into one of its own."""
    base, role = split_role(stem(volume.path))
    named = [scene for scene in scenes if base in _names(scene)] if base else [s for s in scenes if s.after]
    beside = [scene for scene in named if any(v.path.parent == volume.path.parent for v in scene.volumes.values())]
    choice = beside or named
    alone = Scene(volume.name, removed=volume) if role == "removed" else Scene(volume.name, noise=volume)
    if len(choice) != 1 or role in choice[0].volumes:
        scenes.append(alone)
        return
    (scene,) = choice
    partner = scene.after or scene.before
    if partner is not None and not volume.same_grid(partner):
        notes.append(_other_grid(volume, partner))
        scenes.append(alone)
        return
    scenes[scenes.index(scene)] = replace(
        scene, removed=alone.removed or scene.removed, noise=alone.noise or scene.noise
    )


def _names(scene: Scene) -> set[str]:
    """Return the stems that maps of a scene may carry: of the scan, of the copy, and of the copy without its role."""
    stems = {stem(volume.path) for volume in (scene.before, scene.after) if volume is not None}
    return stems | ({split_role(stem(scene.after.path))[0]} if scene.after else set())


def _other_grid(one: Volume, other: Volume) -> str:
    if one.shape[:3] != other.shape[:3]:
        sizes = ("×".join(map(str, volume.shape[:3])) for volume in (one, other))
        why = "{} and {} voxels".format(*sizes)
    else:
        why = "their headers place the voxels differently"
    return f"{one.name} is not shown with {other.name}: they are not on one grid ({why})."


def _sidecar(volume: Volume) -> dict[str, Any]:
    path: Path = volume.path.with_name(f"{stem(volume.path)}.json")
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST_SIDECAR:
            return {}
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}
