"""The part of a recipe that concerns impulse noise."""

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from quietmr.training.recipe import Recipe


class ImpulseRecipe(BaseModel):
    """Pixels lost to black (0) or white (network.white), as in pictures; no scanner makes them."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    densities: tuple[float, ...] = ()
    """Chances of a pixel to be lost, one of which is drawn for each sample; none: no impulses."""
    share: float = Field(1.0, gt=0, le=1)
    """Share of the samples with impulses in place of the Rician noise of ``noise``."""


def check_impulse(recipe: "Recipe") -> None:
    """Refuse impulses where nothing says what white is, and densities that are none.

    Raises
    ------
    ValueError
        In one sentence.
    """
    wrong = [density for density in recipe.impulse.densities if not 0 < density <= 1]
    if wrong:
        raise ValueError(f"a density of impulses is a chance, above 0 and up to 1, got {wrong[0]}")
    if not recipe.impulse.densities:
        if recipe.impulse != ImpulseRecipe():
            raise ValueError("the section 'impulse' means nothing without densities: add them, or leave it out")
        return
    if recipe.step == "gan" or recipe.channels == "complex" or recipe.lesson != "supervised":
        raise ValueError("the section 'impulse' is for ordinary steps on magnitudes and clean images: leave it out")
    if recipe.network.white is None:
        raise ValueError("the section 'impulse' needs network.white, the intensity that counts as 1: impulses have it")
