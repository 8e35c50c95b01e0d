"""What else travels with the pixels: where they came from and how they were stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Storage:
    """How pixel values lie in the file: ``value = stored * slope + intercept``.

    ``dtype`` is a numpy type string with byte order, for example ``"<u2"`` or ``">f4"``.
    """

    dtype: str = "<f4"
    slope: float = 1.0
    intercept: float = 0.0


@dataclass(frozen=True)
class Meta:
    """A typed record of the source, plus its untouched header for writing back.

    Parameters
    ----------
    format : str
        Name of the format the image was read from ("nifti", "dicom", "png" ...); empty for an image made in memory.
    source : Path, optional
        File or folder it was read from.
    storage : Storage, optional
        Type and scale of the stored values; None lets the writer choose.
    header : object
        What the reader of that format needs to write an identical file with new pixels. Opaque outside ``io``.
    """

    format: str = ""
    source: Path | None = None
    storage: Storage | None = None
    header: Any = None


@dataclass(frozen=True)
class Step:
    """One thing that was done to an image: its name and the parameters that shaped it (JSON values only)."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))
