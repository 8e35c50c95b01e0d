"""What is compared: networks and arms, each as entries of a recipe that count instead of those in the file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from quietmr.training.recipe import Recipe

PROPOSED = "proposed"
ARMS: dict[str, tuple[str, ...]] = {
    PROPOSED: (),
    "without g-map": ("mr.told=one",),
    "without MR noise": ("mr.only_white=true",),
    "magnitude": (
        "mr.images=magnitude",
        "mr.told=one",
        "network.arguments.in_channels=2",
        "network.arguments.out_channels=1",
    ),
}

CONV, CNNT = "conv3d", "CNNT + mixers"
CONV_MIXED, CNNT_PLAIN = "conv3d + mixers", "CNNT"
NETWORKS: dict[str, tuple[str, ...]] = {
    CONV: ("network.architecture=snraware-hrnet-conv3d", "network.arguments.mixers=false"),
    CNNT: ("network.architecture=snraware-hrnet-cnnt", "network.arguments.mixers=true"),
    CONV_MIXED: ("network.architecture=snraware-hrnet-conv3d", "network.arguments.mixers=true"),
    CNNT_PLAIN: ("network.architecture=snraware-hrnet-cnnt", "network.arguments.mixers=false"),
}
# The two networks of the ablation, with all arms; the other two complete the fair comparison.
ABLATED = (CONV, CNNT)
# (second network, first network, what the pair shows)
PAIRS = (
    (CNNT, CONV, "as in Table 2: attention and mixers, against neither"),
    (CNNT, CONV_MIXED, "attention, both with mixers"),
    (CNNT_PLAIN, CONV, "attention, both without mixers"),
    (CONV_MIXED, CONV, "mixers, both convolutions"),
    (CNNT, CNNT_PLAIN, "mixers, both attention"),
)


@dataclass(frozen=True)
class Plan:
    """One training run: a network, an arm, a seed, and how many steps (None: as in the file)."""

    network: str
    arm: str
    seed: int
    steps: int | None = None

    @property
    def name(self) -> str:
        """Name of the run and of its folder."""
        words = re.sub(r"[^a-z0-9]+", "-", f"{self.network} {self.arm}".lower())
        return f"{words}-{self.seed}"

    def recipe(self, file: Path) -> Recipe:
        """The recipe of this run, validated at its end only: no arm gets to choose its best weights."""
        overrides = [*NETWORKS[self.network], *ARMS[self.arm], f"seed={self.seed}", f"name={self.name}"]
        if self.steps is not None:
            overrides.append(f"steps={self.steps}")
        recipe = Recipe.from_yaml(file, overrides)
        return recipe.model_copy(update={"validate_every": recipe.steps})


def plans(seeds: Sequence[int], steps: int | None) -> Iterator[Plan]:
    """All runs, seed by seed, so that what an interruption leaves can be compared."""
    for seed in seeds:
        for network in NETWORKS:
            for arm in ARMS if network in ABLATED else (PROPOSED,):
                yield Plan(network, arm, seed, steps)


def fingerprint(recipe: Recipe) -> str:
    """Hash of a whole recipe: runs of another recipe are not the ones that are asked for."""
    return hashlib.sha256(recipe.model_dump_json().encode()).hexdigest()[:16]
