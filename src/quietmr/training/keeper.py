"""Validates, logs and saves a run: the work of its first process."""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from safetensors.torch import load_file
from torch import Tensor, nn

from quietmr.training.checkpoint import save_checkpoint
from quietmr.training.complex_validation import draw_complex_cases, mean_blur_gain, mean_complex_gain
from quietmr.training.curve import save_curve
from quietmr.training.held_out import draw_held_out, mean_similarity, pooled_gain
from quietmr.training.magnitude_noise import noise_of
from quietmr.training.plateau import Plateau
from quietmr.training.recipe import Recipe
from quietmr.training.run_folder import (
    BEST,
    CURVE,
    LOG,
    RECIPE,
    SESSIONS,
    append_line,
    read_lines,
    write_text,
    write_weights,
)
from quietmr.training.tissue_units import in_tissue_units
from quietmr.training.validation import Measured, draw_cases, mean_scores


class Running(Protocol):
    """What the keeper must know of a run."""

    step: int
    best: float
    minutes: float
    plateau: Plateau

    @property
    def average(self) -> Any:
        """Running average of the weights."""
        ...

    @property
    def terms(self) -> dict[str, float]:
        """Latest parts of the loss by name."""
        ...

    def parts(self) -> dict[str, dict[str, Tensor]]:
        """All tensors that a checkpoint holds."""
        ...

    def numbers(self) -> dict[str, Any]:
        """All numbers that a checkpoint holds."""
        ...


@dataclass(frozen=True)
class News:
    """How far a run is; ``gain`` and ``best`` are None before the first validation, ``ssim`` unless it decides."""

    step: int
    steps: int
    minutes: float
    loss: float
    gain: float | None
    best: float | None
    validated: bool
    ssim: float | None = None


@dataclass(frozen=True)
class Score:
    """What judges a run.

    Attributes
    ----------
    measure : callable
        Gain of a network in dB, and its similarity if that decides.
    yardstick : dict
        Gains of simpler means on the same images, for the record.
    """

    measure: Callable[[nn.Module], Measured]
    yardstick: dict[str, float] = field(default_factory=dict)


def make_score(recipe: Recipe, start: nn.Module) -> Score:
    """Choose what judges a run: held-out parts of its scans, or procedural scenes.

    Raises
    ------
    InputError
        If the scans cannot be used.
    """
    by_ssim = recipe.best_by == "ssim"
    if recipe.scans.share > 0 and recipe.scans.held_out > 0:
        pieces, _ = draw_held_out(recipe, start)

        def on_pieces(network: nn.Module) -> Measured:
            network = in_tissue_units(network, recipe.white)
            return Measured(pooled_gain(network, pieces), mean_similarity(network, pieces) if by_ssim else None)

        return Score(on_pieces)
    if recipe.channels == "complex":
        samples = draw_complex_cases(recipe.validation_cases, recipe.seed, recipe.mr)
        blur = {"best_blur_gain_db": round(mean_blur_gain(samples), 4)}
        return Score(lambda network: Measured(mean_complex_gain(network, samples)), blur)
    # Networks in units of tissue are not homogeneous: they are judged at the levels that they were trained for.
    noise = None if recipe.white is None else noise_of(recipe)
    cases = draw_cases(recipe.validation_cases, recipe.seed, noise=noise)
    return Score(lambda network: mean_scores(in_tissue_units(network, recipe.white), cases, similarity=by_ssim))


class Keeper:
    """Keeps the run folder.

    Parameters
    ----------
    folder : Path
    recipe : Recipe
    score : Score
    tell : callable, optional
        Is told about every step.
    """

    def __init__(self, folder: Path, recipe: Recipe, score: Score, tell: Callable[[News], None] | None = None) -> None:
        self.folder, self.recipe, self.score, self.tell = folder, recipe, score, tell
        self.losses: list[float] = []
        self.measured: Measured | None = None

    def begin(self, run: Running, session: dict[str, Any], *, rescore: bool = False) -> None:
        """Write down what the run is made with; drop log entries that the checkpoint does not know.

        Parameters
        ----------
        run : Running
        session : dict
            What shaped this session.
        rescore : bool
            Score the best weights so far again: recipe, scans or the code that draws scenes may have changed.
        """
        write_text(self.folder / RECIPE, self.recipe.model_dump_json(indent=2) + "\n")
        append_line(self.folder / SESSIONS, {**session, **self.score.yardstick, "from_step": run.step})
        known = [entry for entry in read_lines(self.folder / LOG) if entry["step"] <= run.step]
        write_text(self.folder / LOG, "".join(f"{json.dumps(entry)}\n" for entry in known))
        if rescore and (self.folder / BEST).exists():
            best = deepcopy(run.average.module)
            best.load_state_dict(load_file(self.folder / BEST))
            run.best = self.score.measure(best).decisive
        elif run.step == 0 and self.recipe.start_from:
            # The parent has to be beaten, else its weights stay the best.
            self.measured = self.score.measure(run.average.module)
            run.best = self.measured.decisive
            self._log(run, None)

    def note(self, run: Running, loss: float, *, last: bool) -> None:
        """Take note of a step."""
        self.losses.append(loss)
        validated = last or run.step % self.recipe.validate_every == 0
        mean_loss = sum(self.losses) / len(self.losses)
        if validated:
            self._validate(run, mean_loss)
        if validated or run.step % self.recipe.checkpoint_every == 0:
            save_checkpoint(self.folder, run.parts(), run.numbers())
        if self.tell is not None:
            best = run.best if run.best > float("-inf") else None
            gain, ssim = (self.measured.gain, self.measured.ssim) if self.measured else (None, None)
            self.tell(News(run.step, self.recipe.steps, run.minutes, mean_loss, gain, best, validated, ssim))

    def end(self, run: Running, reason: str) -> None:
        """Write down why and where the session ended."""
        append_line(self.folder / SESSIONS, {"ended": reason, "step": run.step, "minutes": round(run.minutes, 2)})

    def _validate(self, run: Running, loss: float) -> None:
        """Score the running average, log the score, keep the weights if they are the best so far."""
        self.measured = self.score.measure(run.average.module)
        self._log(run, round(loss, 5))
        self.losses.clear()
        better = self.measured.decisive > run.best
        if better:
            run.best = self.measured.decisive
            write_weights(self.folder / BEST, run.average.module.state_dict())
        # A stop validates too, off the schedule: counted, it would make a resumed run another one.
        if run.step % self.recipe.validate_every == 0:
            run.plateau.note(better=better)

    def _log(self, run: Running, loss: float | None) -> None:
        assert self.measured is not None, "scored before it is logged"
        entry: dict[str, Any] = {
            "step": run.step,
            "minutes": round(run.minutes, 2),
            "loss": loss,
            "gain_db": round(self.measured.gain, 4),
        }
        if self.measured.ssim is not None:
            entry["ssim"] = round(self.measured.ssim, 6)
        if run.terms:
            entry["terms"] = {name: round(value, 5) for name, value in run.terms.items()}
        append_line(self.folder / LOG, entry)
        save_curve(read_lines(self.folder / LOG), self.recipe.name, self.folder / CURVE)
