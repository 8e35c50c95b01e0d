"""Repeats of one scan, for ``quietmr evaluate``: how alike they are before and after, and what changed in all."""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from quietmr._version import __version__
from quietmr.cli.console import Outcome, collected_warnings
from quietmr.cli.evaluate import Evaluate
from quietmr.cli.evaluate_jobs import EvaluationJob
from quietmr.cli.facts import noise_facts, table
from quietmr.cli.grids import map_image, read_mask
from quietmr.cli.noise_level import told_noise
from quietmr.cli.outputs import emit
from quietmr.cli.progress import progress_bar
from quietmr.data import Image, InputError, NoiseMap
from quietmr.denoise import denoise
from quietmr.evaluate.repeats import Repeatability, compare_repeats
from quietmr.evaluate.tissue import asked_for
from quietmr.io import read, write
from quietmr.io.atomic import replacing_together
from quietmr.io.same_grid import check_same_grid


@dataclass(frozen=True)
class EvaluateRepeats:
    """Denoises every repeat by itself and compares them."""

    options: Evaluate

    def __call__(self, job: EvaluationJob) -> Outcome:
        """Read, denoise, compare, write."""
        start = time.monotonic()
        with collected_warnings() as warned:
            before = _read(job)
            mask = read_mask(Path(self.options.mask), before[0]) if self.options.mask else None
            noise = told_noise(self.options, before[0], mask)
            after = self._denoise(job, before, noise)
            inside = asked_for(before[0], noise, mask)
            found = compare_repeats(before, after, noise, mask=inside)
        with replacing_together() as temporary_for:
            emit(temporary_for, job.noise_map, partial(write, map_image(before[0], found.sd_after)))
        facts = {
            "input": str(job.source),
            "repeats": found.count,
            "model": self.options.model,
            **noise_facts(before[0], noise, mask),
            **_facts(found),
            "seconds": round(time.monotonic() - start, 3),
            "version": __version__,
            "warnings": warned,
        }
        return Outcome(facts, _words(job, self.options.model, found))

    def _denoise(self, job: EvaluationJob, before: list[Image], noise: NoiseMap) -> list[Image]:
        options, after = self.options, []
        shown = not (options.quiet or options.json)
        with progress_bar(f"denoising the repeats of {job.source.name}", shown=shown) as tell:
            for number, image in enumerate(before, 1):
                after.append(denoise(image, options.model, noise=noise, device=options.device, threads=options.threads))
                if tell is not None:
                    tell(number / len(before))
        return after


def _read(job: EvaluationJob) -> list[Image]:
    """Read the repeats: several files, or the frames of one.

    Raises
    ------
    InputError
        If there is one repeat only, or they lie on different grids.
    """
    images = [read(path) for path in (job.source, *job.others)]
    for path, image in zip(job.others, images[1:], strict=True):
        check_same_grid(images[0], image, path, "repeat")
    if len(images) > 1:
        return images
    (series,) = images
    if series.shape[0] < 2:
        raise InputError(
            f"{job.source} is one repeat, and repeats need two at least: name the others, or a 4-D series of them."
        )
    return [series.replace(data=frame[np.newaxis], noise=None) for frame in series.data]


def _facts(found: Repeatability) -> dict[str, Any]:
    return {
        "sd_before": found.within_before,
        "sd_after": found.within_after,
        "cv_before_percent": found.cv_before,
        "cv_after_percent": found.cv_after,
        "limits_of_agreement_before": found.agreement_before,
        "limits_of_agreement_after": found.agreement_after,
        "changed_in_all_rms": found.bias_rms,
        "changed_in_all_by_noise": found.bias_noise,
        "changed_in_all_mean": found.bias_mean,
        "structure_rms": found.structure,
        "error_after_rms": found.error_after,
        "scaled_by": list(found.factors),
    }


def _words(job: EvaluationJob, model: str, found: Repeatability) -> str:
    left = found.within_after / found.within_before
    lines = [
        ("model", model),
        ("repeats", f"{found.count}, in tissue"),
        ("SD", f"{found.within_before:.4g} before, {found.within_after:.4g} after: {100 * left:.0f} % is left"),
        ("CV", f"{found.cv_before:.3g} % before, {found.cv_after:.3g} % after"),
        ("agree", f"95 % of pairs within ± {found.agreement_before:.4g} before, ± {found.agreement_after:.4g} after"),
        ("changed", f"{found.bias_rms:.3g} RMS in all repeats alike; noise alone explains {found.bias_noise:.3g}"),
        (
            "error",
            f"{found.error_after:.3g} RMS of a denoised repeat against the mean of the other noisy ones, less noise",
        ),
    ]
    return table(f"{job.source} and {found.count - 1} repeats", lines, job.outputs)
