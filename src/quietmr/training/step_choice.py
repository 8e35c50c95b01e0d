"""Which step a recipe asks for."""

from collections.abc import Callable
from functools import partial

from lightning_fabric import Fabric

from quietmr.training.gan.step import GanStep, choose_likeness
from quietmr.training.objectives import make_objective
from quietmr.training.ordinary_step import OrdinaryStep
from quietmr.training.parent import Parent
from quietmr.training.recipe import Recipe
from quietmr.training.step import Step


def step_maker(recipe: Recipe, parent: Parent | None) -> Callable[[Fabric], Step]:
    """Read what a step needs, and give what makes it once the processes run.

    Raises
    ------
    ModelError
        If a loss needs weights that are not there.
    """
    if recipe.step == "gan":
        return partial(GanStep, recipe, choose_likeness(recipe))
    start = parent.network if parent is not None else None
    return partial(OrdinaryStep, recipe, make_objective(recipe, start), start)
