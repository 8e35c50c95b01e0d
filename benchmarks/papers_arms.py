"""What ``papers.py`` trains: networks, each with the tables that it is a row of, for equal CPU time.

An arm is a few entries of a recipe that count instead of those of ``recipes/papers/cpu.yaml`` (networks that minimize a
loss) or ``recipes/papers/cpu-gan.yaml`` (unpaired). Each rival gets as many steps as fit into ``MINUTES`` CPU minutes
of one core, by what a step took when this was written; the arms of an ablation get equally many steps. All see the same
patches with the same noise in the same order. What the training really cost stands beside the scores. Longer trainings
(``cpu-long.yaml``) are no rows of tables: what ships comes from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from quietmr.training.recipe import Recipe

RECIPES = Path(__file__).resolve().parents[1] / "recipes" / "papers"
PLAIN, GAN, LONG = "cpu.yaml", "cpu-gan.yaml", "cpu-long.yaml"
MINUTES = {PLAIN: 6.0, GAN: 20.0, LONG: 45.0}
RIVALS, BLOCKS, COMPONENTS, UNPAIRED = "rivals", "blocks", "components", "unpaired"


@dataclass(frozen=True)
class Arm:
    """One network as it is trained.

    Parameters
    ----------
    name : str
        In tables and in names of folders.
    tables : tuple of str
        Tables that it is a row of.
    seconds : float
        CPU seconds of a step, or of the network that an ablation changes.
    entries : tuple of str
        Entries of the recipe, as KEY=VALUE.
    recipe : str
        File in ``recipes/papers``.
    """

    name: str
    tables: tuple[str, ...]
    seconds: float
    entries: tuple[str, ...] = ()
    recipe: str = PLAIN

    @property
    def model(self) -> str:
        """Name of the model that its weights become."""
        return self.name.removesuffix("-long")

    def folder(self, out: Path, seed: int) -> Path:
        """Run folder of a seed."""
        return out / f"{self.name}-s{seed}"

    def made(self, seed: int) -> Recipe:
        """Make the recipe of a seed; it is validated at its end only, so that no arm chooses its best weights."""
        steps = round(60 * MINUTES[self.recipe] / self.seconds)
        entries = [*self.entries, f"seed={seed}", f"name={self.model}", f"steps={steps}"]
        recipe = Recipe.from_yaml(RECIPES / self.recipe, entries)
        return recipe.model_copy(update={"validate_every": recipe.steps})


def _network(name: str, *arguments: str) -> tuple[str, ...]:
    return (f"network.architecture={name}", *(f"network.arguments.{argument}" for argument in arguments))


# bfloat16 drowns gradients behind batch normalization: after 1000 steps DnCNN had learned nothing with it.
_PRECISE = ("precision='32'",)
# Instance normalization takes the mean intensity off every image.
_SMALL = ("width=16", "norm=none")

# In the order in which they are trained: what an interruption leaves should be worth reading.
ARMS: tuple[Arm, ...] = (
    Arm("das-ffdnet-small", (RIVALS, BLOCKS), 0.45, _network("das-ffdnet-small")),
    Arm("dncnn", (RIVALS,), 0.32, (*_network("dncnn"), *_PRECISE)),
    Arm("dncnn-no-norm", (RIVALS,), 0.12, _network("dncnn", "norm=false")),
    Arm("denoisenet-small", (RIVALS, COMPONENTS), 0.095, _network("denoisenet-small")),
    Arm("ffdnet", (RIVALS,), 0.05, _network("ffdnet")),
    Arm("cnn-dmri", (RIVALS,), 0.16, (*_network("cnn-dmri"), *_PRECISE)),
    Arm("adnet", (RIVALS,), 0.31, (*_network("adnet"), *_PRECISE)),
    Arm("sadnet", (RIVALS,), 0.285, _network("sadnet")),
    Arm("rdunet-small", (RIVALS,), 0.36, _network("rdunet-small")),
    Arm("ridnet", (RIVALS,), 0.32, _network("ridnet")),
    Arm("hmad-net-16", (RIVALS,), 0.13, _network("hmad-net", "width=16")),
    Arm("denoisenet-no-attention", (COMPONENTS,), 0.095, _network("denoisenet-small", "attention=false")),
    Arm("denoisenet-no-residual", (COMPONENTS,), 0.095, _network("denoisenet-small", "residual=false")),
    Arm("denoisenet-neither", (COMPONENTS,), 0.095, _network("denoisenet-small", "attention=false", "residual=false")),
    Arm("disentangled-gan", (UNPAIRED,), 0.3, (*_network("disentangled-gan", *_SMALL), "gan.field_planes=2"), GAN),
    Arm("cyclegan", (UNPAIRED,), 0.22, _network("cyclegan", "blocks=6", *_SMALL), GAN),
    Arm("das-blocks-0", (BLOCKS,), 0.45, _network("das-ffdnet-small", "blocks=0")),
    Arm("das-blocks-1", (BLOCKS,), 0.45, _network("das-ffdnet-small", "blocks=1")),
    Arm("das-blocks-2", (BLOCKS,), 0.45, _network("das-ffdnet-small", "blocks=2")),
    Arm("das-blocks-4", (BLOCKS,), 0.45, _network("das-ffdnet-small", "blocks=4")),
    Arm("msanet", (RIVALS,), 0.785, _network("msanet")),
    Arm("das-ffdnet-small-long", (), 0.5, _network("das-ffdnet-small"), LONG),
    Arm("denoisenet-small-long", (), 0.12, _network("denoisenet-small"), LONG),
)


def arm_of(name: str) -> Arm:
    """The arm of a name."""
    return next(arm for arm in ARMS if arm.name == name)


def runs(arms: Sequence[Arm], seeds: Sequence[int]) -> Iterator[tuple[Arm, int]]:
    """All runs, seed by seed, so that what an interruption leaves can be compared."""
    for seed in seeds:
        for arm in arms:
            yield arm, seed
