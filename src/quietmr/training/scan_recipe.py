"""The part of a recipe that concerns real scans."""

from pydantic import BaseModel, ConfigDict, Field


class ScanRecipe(BaseModel):
    """Real scans, among the procedural scenes or alone."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    folder: str = ""
    """Where the scans lie; relative to the working folder."""
    files: tuple[str, ...] = ()
    """Patterns of the files in the folder, such as "**/*.nii.gz"; none stands for every scan that quietmr reads."""
    license: str = ""
    """What may be done with the scans; recorded with the run and in the card."""
    keep: float = Field(1.0, gt=0, le=1)
    """Part of k-space kept in plane: removes interpolation by the scanner and some noise. Clean magnitudes only."""
    sigma: float | None = Field(None, gt=0)
    """Noise SD per real channel of scans that hold noise and no noise map, in their units; measured on each of them if
    left out."""
    held_out: float = Field(0.0, ge=0, le=0.5)
    """Part of each scan that training never sees and that judges the result; 0 judges by procedural scenes."""
    share: float = Field(0.0, ge=0, le=1)
    """Share of the patches cut from scans; the others come from procedural scenes."""
    gamma: float = Field(0.25, ge=0)
    """Spread of the contrast: patches of magnitudes are raised to the power exp(gamma * normal)."""
    memory: float = Field(4.0, gt=0)
    """Pixels and maps that each process keeps, in GiB, with ``channels: complex``: of more scans ever others are read,
    one at a time."""
