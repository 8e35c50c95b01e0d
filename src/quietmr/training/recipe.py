"""The recipe of a training run: one YAML file, checked before anything starts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from quietmr.data import InputError
from quietmr.training.overrides import overridden


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class NetworkRecipe(_Section):
    """What is trained."""

    architecture: str = "unet3d"
    """Name in the registry of architectures."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Arguments of its constructor."""


class SceneRecipe(_Section):
    """The procedural anatomy (see ``quietmr.phantoms.Mixture``)."""

    shape: tuple[int, int, int] = (32, 112, 112)
    """Size of a scene (F, Y, X) in voxels."""
    pool: int = Field(48, ge=1)
    """Scenes kept at a time by each worker."""
    reuse: int = Field(10, ge=1)
    """Patches taken for each new scene: larger is cheaper, smaller is more varied."""
    mixture: dict[str, float] = Field(default_factory=dict)
    """Shares of the kinds of scenes."""


class ScanRecipe(_Section):
    """Real scans, among the procedural scenes or alone."""

    folder: str = ""
    """Where the scans lie; relative to the working folder."""
    files: tuple[str, ...] = ()
    """Patterns of the files in the folder, such as "**/*.nii.gz"; none stands for every scan that quietmr reads."""
    license: str = ""
    """What may be done with the scans; recorded with the run and in the card."""
    keep: float = Field(1.0, gt=0, le=1)
    """Part of k-space kept in plane: removes interpolation by the scanner and some noise. Clean scans only."""
    sigma: float | None = Field(None, gt=0)
    """Noise SD per real channel of noisy scans, in their units; measured on each scan if left out."""
    held_out: float = Field(0.0, ge=0, le=0.5)
    """Part of each scan that training never sees and that judges the result; 0 judges by procedural scenes."""
    share: float = Field(0.0, ge=0, le=1)
    """Share of the patches cut from scans; the others come from procedural scenes."""
    gamma: float = Field(0.25, ge=0)
    """Spread of the contrast: patches are raised to the power exp(gamma * normal)."""


class Patch(_Section):
    """One size of training patch."""

    shape: tuple[int, int, int]
    """(F, Y, X) in voxels; F = 1 trains single slices."""
    batch: int = Field(2, ge=1)
    """Patches per step."""
    zoom: int = Field(1, ge=1)
    """Cut this many times as wide in plane and keep the center of k-space: as sharp as a scanner makes images."""
    share: float = Field(1.0, gt=0)
    """How often this size is drawn, relative to the others."""


class OptimizerRecipe(_Section):
    """Muon for the inner convolutions, AdamW for the first and last one."""

    lr_muon: float = Field(0.01, gt=0)
    """Learning rate of Muon, per step, relative to matrices of unit spectral norm."""
    lr_adam: float = Field(1.5e-3, gt=0)
    """Learning rate of AdamW."""
    warmup: int = Field(200, ge=0)
    """Steps of linear warm-up."""
    flat: float = Field(0.7, ge=0, le=1)
    """Part of the run at full rate, before the linear decay to 0."""
    ema: float = Field(0.998, ge=0, lt=1)
    """Decay per step of the running average of the weights, which is what is shipped."""


LossName = Literal["supervised", "sure", "noise2noise"]


class Recipe(_Section):
    """A whole training run."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Name of the weights and of the run folder."""
    loss: LossName = "supervised"
    """What is learned from: clean images and drawn noise, noisy scans alone (sure), or repeats (noise2noise)."""
    start_from: str = ""
    """Trained model to begin with: a name, or a weights file; nothing stands for random weights."""
    seed: int = 0
    """Seed of everything random."""
    steps: int = Field(20_000, ge=1)
    """Length of the run in optimizer steps."""
    validate_every: int = Field(500, ge=1)
    """Steps between validations."""
    validation_cases: int = Field(24, ge=1)
    """Fixed noisy scenes that the validation score is the mean of."""
    checkpoint_every: int = Field(500, ge=1)
    """Steps between checkpoints."""
    workers: int = Field(1, ge=0)
    """Processes that draw scenes; 0 draws in the training process."""
    precision: Literal["auto", "32", "bf16"] = "auto"
    """Arithmetic of the network; auto takes bfloat16 where the device computes with it."""
    network: NetworkRecipe = NetworkRecipe()
    scenes: SceneRecipe = SceneRecipe()
    scans: ScanRecipe = ScanRecipe()
    noise: dict[str, float] = Field(default_factory=dict)
    """Settings of ``quietmr.noise.synthesis.NoiseLaw``."""
    patches: tuple[Patch, ...] = (Patch(shape=(16, 48, 48)),)
    optimizer: OptimizerRecipe = OptimizerRecipe()

    @model_validator(mode="after")
    def _noisy_scans_suffice(self) -> Self:
        """Refuse settings that contradict learning without clean references."""
        if self.loss == "supervised":
            return self
        wrong = {
            "start_from must name a trained model": not self.start_from,
            "scans.share must be 1": self.scans.share != 1,
            "scans.keep must be 1, for cropping k-space of a magnitude changes the law of its noise": self.scans.keep
            != 1,
            "scans.held_out must be above 0": self.scans.held_out == 0,
            "precision must not be bf16, whose rounding hides the response to small changes": self.precision == "bf16",
            "a patch must not be zoomed": any(patch.zoom != 1 for patch in self.patches),
        }
        for text, is_wrong in wrong.items():
            if is_wrong:
                raise ValueError(f"with loss '{self.loss}' {text}")
        return self

    @classmethod
    def from_yaml(cls, path: Path, overrides: Sequence[str] = ()) -> Self:
        """Read a recipe.

        Parameters
        ----------
        path : Path
        overrides : sequence of str
            Entries that count instead of those in the file, as ``KEY=VALUE`` (:func:`overrides.overridden`).

        Raises
        ------
        InputError
            If the file is missing, is not YAML, or an entry of the file or an override is unknown or wrong (it is
            named).
        """
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
            raise InputError(
                f"The recipe {path} cannot be read ({problem}): give a YAML file such as recipes/*.yaml."
            ) from None
        try:
            return cls.model_validate(overridden(content, overrides))
        except ValidationError as problem:
            first = problem.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "top level"
            raise InputError(f"The recipe {path} is wrong at '{where}': {first['msg']}; see recipes/*.yaml.") from None
