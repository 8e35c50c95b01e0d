"""The recipe of a training run: one YAML file, checked before anything starts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from quietmr.data import InputError
from quietmr.training.gan.recipe import GanRecipe, check_gan
from quietmr.training.impulse_recipe import ImpulseRecipe, check_impulse
from quietmr.training.lessons import LESSONS, NEED_PARENT, SMALLEST_PATCH, Lesson, lesson_of
from quietmr.training.loss_sum import LOSSES, SUMS, check_losses
from quietmr.training.mr_recipe import MrRecipe
from quietmr.training.optimizer_recipe import OptimizerRecipe
from quietmr.training.overrides import overridden
from quietmr.training.scan_recipe import ScanRecipe
from quietmr.training.streams import MOST_STREAMS


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class NetworkRecipe(_Section):
    """What is trained."""

    architecture: str = "unet3d"
    """Name in the registry of architectures."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Arguments of its constructor."""
    white: float | None = Field(None, gt=0)
    """For networks that want images from 0 to 1: the intensity that counts as 1, in units of the brightest tissue; what
    is brighter stays as it is. Left out for networks that work in any unit (GANs have gan.white)."""


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
    hearts: float = Field(0.0, ge=0, le=1)
    """Share of beating hearts (``quietmr.phantoms.cine``) among the scenes; complex images only."""


class Patch(_Section):
    """One size of training patch."""

    shape: tuple[int, int, int]
    """(F, Y, X) in voxels; F = 1 trains single slices."""
    batch: int = Field(2, ge=1)
    """Patches of one batch."""
    zoom: int = Field(1, ge=1)
    """Cut this many times as wide in plane and keep the center of k-space: as sharp as a scanner makes images."""
    share: float = Field(1.0, gt=0)
    """How often this size is drawn, relative to the others."""


class PerceptualRecipe(_Section):
    """Weights of VGG16 for the loss ``perceptual``; they do not come with quietmr."""

    weights: str = ""
    """A .safetensors file; vgg16.safetensors in the cache folder of quietmr if left out."""
    sha256: str = Field("", pattern=r"^([0-9a-fA-F]{64})?$")
    """Expected hash of the file."""


class Recipe(_Section):
    """A whole training run."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Name of the weights and of the run folder."""
    loss: str | dict[str, float] = "supervised"
    """What is minimized. "supervised": clean images, drawn noise, log_charbonnier; "noise2noise":
    repeats; "sure", "neighbor2neighbor", "noise2void", "corruption2self": noisy scans alone; or clean images and drawn
    noise with other losses, one by its name or a weighted sum, such as {charbonnier: 1.0, gradient: 0.5}; a paper's sum
    has a name, such as "mse_ssim"."""
    perceptual: PerceptualRecipe = PerceptualRecipe()
    step: Literal["ordinary", "gan"] = "ordinary"
    """How weights are moved: by one loss, or, for networks that translate unpaired images, against discriminators."""
    gan: GanRecipe = GanRecipe()
    channels: Literal["magnitude", "complex"] = "magnitude"
    """Images that the network sees: magnitudes (Rician noise by ``noise``), or complex images (noise by ``mr``)."""
    start_from: str = ""
    """Trained model to begin with: a name, or a weights file; nothing stands for random weights. A complex recipe can
    start from a magnitude model."""
    freeze: tuple[str, ...] = ()
    """Weights of ``start_from`` that stay as they are: patterns of their names, such as "stem.*" or "down.0.*"."""
    seed: int = 0
    """Seed of everything random."""
    steps: int = Field(20_000, ge=1)
    """Length of the run in optimizer steps."""
    batches_per_step: int | None = Field(None, ge=1, le=MOST_STREAMS)
    """Batches whose gradients one step averages, shared evenly among the processes: a run sees the same on any number
    of processes that divides it. One for each process if left out."""
    validate_every: int = Field(500, ge=1)
    """Steps between validations."""
    best_by: Literal["gain", "ssim"] = "gain"
    """What the best weights are chosen by: gain in PSNR, or structural similarity."""
    validation_cases: int = Field(24, ge=1)
    """Fixed noisy scenes that the validation score is the mean of."""
    checkpoint_every: int = Field(500, ge=1)
    """Steps between checkpoints."""
    workers: int = Field(1, ge=0)
    """Processes that draw scenes for each batch of a step; 0 draws in the training process."""
    precision: Literal["auto", "32", "bf16"] = "auto"
    """Arithmetic of the network; auto takes bfloat16 where the device computes with it."""
    network: NetworkRecipe = NetworkRecipe()
    scenes: SceneRecipe = SceneRecipe()
    scans: ScanRecipe = ScanRecipe()
    noise: dict[str, float] = Field(default_factory=dict)
    """Settings of ``quietmr.noise.synthesis.NoiseLaw``."""
    impulse: ImpulseRecipe = ImpulseRecipe()
    brightness: float = Field(0.0, ge=0, lt=1)
    """Each clean patch is multiplied by a factor drawn from 1 - this to 1 + this, before noise is added."""
    mr: MrRecipe = MrRecipe()
    patches: tuple[Patch, ...] = (Patch(shape=(16, 48, 48)),)
    optimizer: OptimizerRecipe = OptimizerRecipe()

    @field_validator("loss")
    @classmethod
    def _losses_exist(cls, loss: str | dict[str, float]) -> str | dict[str, float]:
        """Refuse names that mean nothing."""
        if isinstance(loss, str):
            known = [*LESSONS, *LOSSES, *SUMS]
            if loss not in known:
                raise ValueError(f"there is no loss '{loss}'; known ones are {', '.join(known)}")
            return loss
        alone = sorted(set(loss) & set(LESSONS))
        if alone:
            raise ValueError(f"'{alone[0]}' stands alone: a sum holds losses that compare with clean images")
        try:
            check_losses(loss)
        except InputError as problem:
            raise ValueError(str(problem)) from None
        return loss

    @property
    def lesson(self) -> Lesson:
        """What is learned from: clean images, repeats, or noisy scans alone."""
        return lesson_of(self.loss)

    @property
    def loss_weights(self) -> dict[str, float]:
        """Losses that compare with clean images and their weights; none where there are no clean images."""
        if isinstance(self.loss, dict):
            return self.loss
        if self.lesson != "supervised":
            return {}
        if self.loss in SUMS:
            return dict(SUMS[self.loss])
        return {"log_charbonnier" if self.loss == "supervised" else self.loss: 1.0}

    @property
    def white(self) -> float | None:
        """Intensity that counts as 1 for the network, in units of the brightest tissue; None if any unit will do."""
        return self.gan.white if self.step == "gan" else self.network.white

    @model_validator(mode="after")
    def _white_is_for_magnitudes(self) -> Self:
        """Refuse a range of intensities where nothing has the unit of tissue."""
        if self.network.white is None:
            return self
        if self.step == "gan":
            raise ValueError("with step: gan the intensity that counts as 1 is gan.white: leave network.white out")
        if self.channels == "complex" or self.lesson != "supervised":
            raise ValueError("network.white is for magnitudes and clean images in units of tissue: leave it out")
        return self

    @model_validator(mode="after")
    def _gan_is_possible(self) -> Self:
        """Refuse what a GAN step cannot do."""
        check_gan(self)
        return self

    @model_validator(mode="after")
    def _impulses_are_possible(self) -> Self:
        """Refuse impulse noise that would mean nothing."""
        check_impulse(self)
        return self

    @model_validator(mode="after")
    def _clean_magnitudes_are_there(self) -> Self:
        """Refuse what needs clean magnitudes where there are none."""
        if self.channels == "magnitude" and self.lesson == "supervised":
            return self
        if self.best_by == "ssim" or self.brightness > 0:
            raise ValueError("best_by: ssim and brightness are for magnitudes and clean images: leave them out")
        return self

    @model_validator(mode="after")
    def _complex_is_supervised(self) -> Self:
        """Refuse what complex training has not."""
        if self.channels == "magnitude":
            return self
        if self.lesson != "supervised":
            raise ValueError(f"loss '{self.loss}' learns from magnitudes: with channels 'complex' compare with scenes")
        if self.noise:
            raise ValueError("'noise' is the noise of magnitudes: with channels 'complex' set the section 'mr'")
        return self

    @model_validator(mode="after")
    def _only_trained_weights_are_kept(self) -> Self:
        """Refuse to keep random weights."""
        if self.freeze and not self.start_from:
            raise ValueError("freeze keeps weights of a trained model: name it with start_from")
        return self

    @model_validator(mode="after")
    def _curvature_needs_truth(self) -> Self:
        """Refuse sophia where nothing tells the curvature of the loss."""
        if self.optimizer.kind == "sophia" and self.lesson != "supervised":
            raise ValueError(f"sophia measures the curvature against clean images: with loss '{self.loss}' take muon")
        return self

    @model_validator(mode="after")
    def _noisy_scans_suffice(self) -> Self:
        """Refuse settings that contradict learning without clean references."""
        if self.lesson == "supervised":
            return self
        smallest = SMALLEST_PATCH.get(self.lesson, 1)
        wrong = {
            "start_from must name a trained model": self.lesson in NEED_PARENT and not self.start_from,
            f"a patch must have {smallest} rows and columns or more": any(
                min(patch.shape[1:]) < smallest for patch in self.patches
            ),
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
