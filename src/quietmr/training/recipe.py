"""The recipe of a training run: one YAML file, checked before anything starts."""

from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from quietmr.data import InputError


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


class Recipe(_Section):
    """A whole training run."""

    name: str
    """Name of the weights and of the run folder."""
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
    network: NetworkRecipe = NetworkRecipe()
    scenes: SceneRecipe = SceneRecipe()
    noise: dict[str, float] = Field(default_factory=dict)
    """Settings of ``quietmr.noise.synthesis.NoiseLaw``."""
    patches: tuple[Patch, ...] = (Patch(shape=(16, 48, 48)),)
    optimizer: OptimizerRecipe = OptimizerRecipe()

    @classmethod
    def from_yaml(cls, path: Path) -> Self:
        """Read a recipe.

        Raises
        ------
        InputError
            If the file is missing, is not YAML, or holds an unknown or wrong entry (which is named).
        """
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
            return cls.model_validate(content)
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
            raise InputError(
                f"The recipe {path} cannot be read ({problem}): give a YAML file such as recipes/*.yaml."
            ) from None
        except ValidationError as problem:
            first = problem.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "top level"
            raise InputError(f"The recipe {path} is wrong at '{where}': {first['msg']}; see recipes/*.yaml.") from None
