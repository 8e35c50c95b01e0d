"""The part of a recipe that concerns GANs, and what was published for each of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

if TYPE_CHECKING:
    from quietmr.training.recipe import Recipe


@dataclass(frozen=True)
class Published:
    """Settings of a GAN that count where a recipe leaves them open.

    Attributes
    ----------
    weights : mapping
        Terms that the generators minimize, and their weights.
    critic_steps : int
        Steps of the discriminators for each step of the generators.
    pool : int
        Made images that each discriminator is shown again later.
    multiple, least : int
        Rows and columns of a patch are multiples of the first, and not below the second.
    """

    weights: Mapping[str, float]
    critic_steps: int
    pool: int
    multiple: int
    least: int


PUBLISHED: Mapping[str, Published] = {
    # Weights of UID-GAN: the paper of the disentangled GAN gives none. It has no self-reconstruction; UID-GAN does.
    "disentangled-gan": Published(
        {
            "adversarial": 1.0,
            "kl": 0.01,
            "cycle": 10.0,
            "self_reconstruction": 10.0,
            "perceptual": 0.1,
            "perceptual_noisy": 0.1,
        },
        critic_steps=2,
        pool=0,
        multiple=16,
        least=64,
    ),
    "cyclegan": Published(
        {"adversarial": 1.0, "cycle": 10.0, "identity": 5.0}, critic_steps=1, pool=50, multiple=4, least=32
    ),
}


class GanRecipe(BaseModel):
    """Noisy and clean images of different people, and how generators and discriminators learn from them."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    noisy: tuple[str, ...] = ()
    """Patterns of the files in scans.folder that are the noisy domain."""
    clean: tuple[str, ...] = ()
    """Patterns of those that are the clean domain: of other people."""
    subject: str = ""
    """Regular expression whose first match in the name of a file, relative to the folder, tells whom it shows; without
    one sub-NAME or patientNN anywhere in the name, else its first part."""
    add_noise: bool = True
    """Draw noise (section ``noise``) for the noisy domain; false: its scans hold noise of their own."""
    white: float = Field(1.5, gt=0)
    """Intensity that counts as 1, in units of the brightest tissue; what is brighter is cut there."""
    weights: dict[str, float] = Field(default_factory=dict)
    """Weights of terms that count instead of the published ones; 0 leaves a term out."""
    critic_steps: int | None = Field(None, ge=1)
    """Steps of the discriminators for each step of the generators; as published if left out."""
    pool: int | None = Field(None, ge=0)
    """Made images that each discriminator is shown again later; as published if left out."""
    features: Literal["edges", "vgg16"] = "edges"
    """What perceptual terms compare: blurred edges (ours, not the paper's), or features of VGG16 (``perceptual``)."""
    share: Literal["all", "last"] = "all"
    """What the content encoders of the disentangled GAN share: all, as the paper, or the last block, as UID-GAN."""
    field_planes: int = Field(0, ge=0)
    """Planes of white noise that the disentangled GAN's generator of noisy images takes; none as published."""

    @field_validator("subject")
    @classmethod
    def _is_an_expression(cls, subject: str) -> str:
        """Refuse what is no regular expression."""
        try:
            re.compile(subject)
        except re.error as problem:
            raise ValueError(f"'{subject}' is no regular expression ({problem})") from None
        return subject


def term_weights(recipe: "Recipe") -> dict[str, float]:
    """Weights of the terms that count, by name."""
    weights = {**PUBLISHED[recipe.network.architecture].weights, **recipe.gan.weights}
    return {name: weight for name, weight in weights.items() if weight > 0}


def check_gan(recipe: "Recipe") -> None:
    """Refuse what a GAN step cannot do.

    Raises
    ------
    ValueError
        In one sentence.
    """
    if recipe.step != "gan":
        if recipe.gan != GanRecipe():
            raise ValueError("the section 'gan' is for step: gan: add that, or leave the section out")
        return
    published = PUBLISHED.get(recipe.network.architecture)
    if published is None:
        raise ValueError(f"step: gan trains {' or '.join(PUBLISHED)}, not '{recipe.network.architecture}'")
    _check_weights(recipe, published)
    for text, is_wrong in {**_general(recipe), **_of_data(recipe, published)}.items():
        if is_wrong:
            raise ValueError(f"with step: gan {text}")


def _check_weights(recipe: "Recipe", published: Published) -> None:
    for name, weight in recipe.gan.weights.items():
        if name not in published.weights:
            raise ValueError(f"there is no term '{name}' in gan.weights; it has {', '.join(published.weights)}")
        if not 0 <= weight < float("inf"):
            raise ValueError(f"the weight of the term '{name}' is {weight}: give 0 or a number above")
    if not term_weights(recipe).get("adversarial"):
        raise ValueError("gan.weights.adversarial must be above 0: without it nothing asks for clean images")


def _general(recipe: "Recipe") -> dict[str, bool]:
    return {
        "loss must be left out: gan.weights are the loss": recipe.loss != "supervised",
        "channels must be magnitude": recipe.channels != "magnitude",
        "start_from must be left out, for discriminators have no start to match": bool(recipe.start_from),
        "precision must not be bf16, too coarse for the cycles": recipe.precision == "bf16",
        "optimizer.kind must be adam or adamw": recipe.optimizer.kind not in ("adam", "adamw"),
    }


def _of_data(recipe: "Recipe", published: Published) -> dict[str, bool]:
    multiple, least = published.multiple, published.least
    own = not recipe.gan.add_noise
    sizes = [n for patch in recipe.patches for n in patch.shape[1:]]
    return {
        "give one size of patch": len(recipe.patches) != 1,
        f"rows and columns of the patch must be multiples of {multiple} and at least {least}": any(
            n % multiple or n < least for n in sizes
        ),
        "scans.files must be left out: gan.noisy and gan.clean name the files": bool(recipe.scans.files),
        "scans.held_out must be 0: procedural scenes judge the network": recipe.scans.held_out > 0,
        "gan.noisy and gan.clean must name the scans of the folder": recipe.scans.share > 0
        and not (recipe.gan.noisy and recipe.gan.clean),
        "scans.share must be above 0 if gan.noisy or gan.clean name scans": recipe.scans.share == 0
        and bool(recipe.gan.noisy or recipe.gan.clean),
        "and gan.add_noise: false scans.share must be 1, for scenes hold no noise": own and recipe.scans.share != 1,
        "and gan.add_noise: false a patch must not be zoomed": own and any(p.zoom != 1 for p in recipe.patches),
    }
