"""What ``quietmr train`` says: progress on stderr, the result on stdout."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from quietmr.cli.failures import INTERRUPTED, TERMINATED
from quietmr.training.held_out import Verdict
from quietmr.training.keeper import News
from quietmr.training.launch import Finished
from quietmr.training.recipe import Recipe
from quietmr.training.run_folder import CURVE

_EXIT_CODES = {"done": 0, "time": 0, "SIGINT": INTERRUPTED, "SIGTERM": TERMINATED}


def exit_code(finished: Finished) -> int:
    """0 for a run that ended by itself, else that of the signal."""
    return _EXIT_CODES[finished.reason]


@contextmanager
def shown_progress(*, quiet: bool) -> Iterator[Callable[[News], None] | None]:
    """Give a function to be told the news: a live line on a terminal, a line for each validation elsewhere."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        line = _Line()
        try:
            yield line.tell
        finally:
            line.close()
    else:
        yield _tell_validation


def _tell_validation(news: News) -> None:
    if news.validated:
        sys.stderr.write(f"{sentence(news)}\n")
        sys.stderr.flush()


def sentence(news: News) -> str:
    """Say in one line how far a run is."""
    parts = [f"step {news.step}/{news.steps}", f"{news.minutes:.1f} min", f"loss {news.loss:.4f}"]
    if news.gain is not None and news.best is not None:
        if news.ssim is None:
            parts.append(f"gain {news.gain:.2f} dB (best {news.best:.2f})")
        else:
            parts.append(f"gain {news.gain:.2f} dB, SSIM {news.ssim:.4f} (best {news.best:.4f})")
    return ", ".join(parts)


class _Line:
    """A live line: bar, what the sentence says, and the time left."""

    def __init__(self) -> None:
        # Imported here: rich costs as much as the whole help.
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            BarColumn(bar_width=24),
            TextColumn("{task.description}", markup=False),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            speed_estimate_period=600.0,
        )
        self._task = self._progress.add_task("reading", total=None)
        self._begun = False
        self._progress.start()

    def tell(self, news: News) -> None:
        if not self._begun:
            # What an earlier session did must not count as speed.
            self._progress.reset(self._task, completed=news.step - 1, total=news.steps)
            self._begun = True
        self._progress.update(self._task, completed=news.step, description=sentence(news))

    def close(self) -> None:
        self._progress.stop()


def told_result(recipe: Recipe, folder: Path, finished: Finished) -> None:
    """Say how the session ended; judge and publish a finished fine-tuning."""
    if finished.reason != "done":
        why = "the time was up" if finished.reason == "time" else f"it was asked to ({finished.reason})"
        sys.stdout.write(
            f"Stopped after step {finished.step} of {recipe.steps} because {why}; "
            "the same command with --resume goes on.\n"
        )
    judged = recipe.start_from or recipe.lesson != "supervised"
    if judged and recipe.scans.held_out > 0 and recipe.scans.share > 0:
        _tell_adoption(recipe, folder, finished)
    elif recipe.step == "gan" and finished.reason in ("done", "time"):
        _tell_gan(recipe, folder)
    elif not finished.best.exists():
        sys.stdout.write("There are no weights to keep: no validation of the training gave a number.\n")
    else:
        sys.stdout.write(f"The best weights are in {finished.best}; {folder / CURVE} shows how they came about.\n")
        if not judged and finished.reason in ("done", "time"):
            _tell_trained(recipe, folder)


def _tell_adoption(recipe: Recipe, folder: Path, finished: Finished) -> None:
    if finished.reason in ("SIGINT", "SIGTERM"):
        return
    from quietmr.training.adoption import adopt

    verdict, model = adopt(recipe, folder)
    if model is None:
        better = recipe.start_from or "The untouched scan"
        sys.stdout.write(f"{_why_not(verdict)} {better} stays the better choice; no model was written.\n")
        return
    assert verdict is not None, "a model was judged"
    sys.stdout.write(
        f"On held-out parts of your scans the gain rose from {verdict.before:.2f} to {verdict.after:.2f} dB. "
        f"Use it: quietmr denoise IN OUT --model {model}\n"
    )


def _tell_gan(recipe: Recipe, folder: Path) -> None:
    """Publish the network that denoises, and say what it is."""
    from quietmr.training.gan.card import gan_texts
    from quietmr.training.publish import publish

    texts = gan_texts(recipe)
    card = publish(folder, folder, texts, {})
    sys.stdout.write(
        f"{recipe.network.architecture} ({card.label}): {card.description}\n{card.limits}\n"
        f"Use it: quietmr denoise IN OUT --removed REMOVED --model {folder / card.file}\n"
    )


def _tell_trained(recipe: Recipe, folder: Path) -> None:
    """Make a model of a network that began with random weights, and say how to use it."""
    from quietmr.training.adoption import publish_trained

    card = publish_trained(recipe, folder)
    if card is not None:
        sys.stdout.write(f"{card.name} ({card.label}): {card.description}\n")
        sys.stdout.write(f"Use it: quietmr denoise IN OUT --model {folder / card.file}\n")
    else:
        sys.stdout.write(
            f"No model was written: {recipe.network.architecture} expects the intensities of training, so set "
            "network.white.\n"
        )


def _why_not(verdict: Verdict | None) -> str:
    if verdict is None:
        return "No step of the training was better than its start on held-out parts of your scans."
    return (
        f"On held-out parts of your scans the gain went from {verdict.before:.2f} to {verdict.after:.2f} dB, which is "
        "no clear improvement."
    )
