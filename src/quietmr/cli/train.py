"""``quietmr train``."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from quietmr.cli.arguments import Flag, OptionalCount, OptionalFile, OptionalNumber

_WORDS = (
    "What to train and how, then entries that count instead of those in the file; dots lead into sections. "
    "recipes/quiet.yaml made the shipped network, recipes/finetune.yaml adapts it to your scans."
)


@dataclass(frozen=True)
class Train:
    """Train a network by a recipe, or adapt one to your scans.

    Ctrl-C ends the running step, writes a checkpoint and stops; --resume goes on.

    For example:
      quietmr train recipes/quiet.yaml
      quietmr train recipes/quiet.yaml --max-minutes 60
      quietmr train recipes/quiet.yaml --resume steps=20000
      quietmr train recipes/finetune.yaml --data my_scans
      quietmr train recipes/finetune.yaml --data my_scans --set loss=sure
      quietmr train recipes/one_noisy_scan.yaml --data scan.nii.gz
    """

    words: Annotated[
        tuple[str, ...],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="RECIPE.yaml [KEY=VALUE ...]", help_behavior_hint="", help=_WORDS),
    ] = ()
    set: Annotated[
        tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(metavar="KEY=VALUE", help_behavior_hint="")
    ] = ()
    """An entry that counts instead of that in the recipe: --set optimizer.lr_muon=0.005."""
    data: OptionalFile = None
    """Scans to learn from: a folder, or one scan (scans.folder of the recipe)."""
    out: OptionalFile = None
    """Run folder; runs/NAME of the recipe if left out."""
    resume: Flag = False
    """Go on from the checkpoint in the run folder."""
    force: Flag = False
    """Replace the run in the run folder."""
    max_minutes: OptionalNumber = None
    """Stop after this time, with a checkpoint."""
    processes: OptionalCount = None
    """Processes, or GPUs, on each node that average their gradients (1; under torchrun or SLURM: all of theirs)."""
    device: Annotated[str, tyro.conf.arg(metavar="NAME", help_behavior_hint="")] = "auto"
    """Where it runs: auto, cpu or cuda."""
    quiet: Flag = False
    """Print failures and the result only."""
    debug: Flag = False
    """Show the traceback of a failure."""

    def run(self, command_line: str) -> int:
        """Train; publish a fine-tuned model if it is better than the one it came from."""
        from pathlib import Path

        from quietmr.cli.extras import need_training
        from quietmr.cli.failures import UsageError

        need_training()
        if not self.words:
            raise UsageError("Name the recipe: quietmr train RECIPE.yaml.")
        if self.resume and self.force:
            raise UsageError("--resume goes on with a run and --force replaces it: choose one.")
        from quietmr.cli.training_words import exit_code, shown_progress, told_result
        from quietmr.training.launch import Launch
        from quietmr.training.loop import train
        from quietmr.training.recipe import Recipe

        recipe = Recipe.from_yaml(Path(self.words[0]), [*self.words[1:], *self.set, *_data(self.data)])
        folder = Path(self.out) if self.out else Path("runs") / recipe.name
        launch = Launch(
            resume=self.resume,
            force=self.force,
            max_minutes=self.max_minutes,
            device=self.device,
            processes=self.processes,
            command=command_line,
        )
        with shown_progress(quiet=self.quiet) as tell:
            finished = train(recipe, folder, launch, tell)
        if not finished.is_first:
            return 0
        told_result(recipe, folder, finished)
        return exit_code(finished)


def _data(typed: str | None) -> list[str]:
    """Entries of the recipe that ``--data`` stands for."""
    from json import dumps
    from pathlib import Path

    if typed is None:
        return []
    path = Path(typed)
    if path.is_file():
        return [f"scans.folder={dumps(str(path.parent))}", f"scans.files={dumps([path.name])}"]
    return [f"scans.folder={dumps(typed)}", "scans.files=[]"]
