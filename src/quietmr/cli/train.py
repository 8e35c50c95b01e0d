"""``quietmr train``."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from quietmr.cli.arguments import Flag, OptionalFile, OptionalNumber


@dataclass(frozen=True)
class Train:
    """Train a network by a recipe.

    For example:
      quietmr train recipes/quiet-fast.yaml
      quietmr train recipes/quiet-fast.yaml --max-minutes 60
      quietmr train recipes/quiet-fast.yaml --resume
    """

    recipe: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RECIPE.yaml", help_behavior_hint="")]
    """What to train and how; recipes/quiet-fast.yaml made the shipped network."""
    out: OptionalFile = None
    """Run folder; runs/NAME of the recipe if left out."""
    resume: Flag = False
    """Go on from the checkpoint in the run folder."""
    max_minutes: OptionalNumber = None
    """Stop after this time, with a checkpoint."""
    processes: Annotated[int, tyro.conf.arg(metavar="N", help_behavior_hint="")] = 1
    """Processes, or GPUs, that train together and average their gradients."""
    device: Annotated[str, tyro.conf.arg(metavar="NAME", help_behavior_hint="")] = "auto"
    """Where it runs: auto, cpu or cuda."""
    debug: Flag = False
    """Show the traceback of a failure."""

    def run(self, command_line: str) -> int:
        """Train."""
        del command_line
        import sys
        from pathlib import Path

        from quietmr.cli.extras import need_training

        need_training()
        from quietmr.training.loop import train
        from quietmr.training.recipe import Recipe

        recipe = Recipe.from_yaml(Path(self.recipe))
        folder = Path(self.out) if self.out else Path("runs") / recipe.name
        best = train(
            recipe,
            folder,
            resume=self.resume,
            max_minutes=self.max_minutes,
            device=self.device,
            processes=self.processes,
        )
        sys.stdout.write(f"The best weights are in {best}; {folder / 'log.jsonl'} tells how they came about.\n")
        return 0
