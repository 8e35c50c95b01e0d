"""One scan from reading to writing, for ``quietmr denoise``."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr._version import __version__
from quietmr.cli.console import Outcome, collected_warnings
from quietmr.cli.denoise import Denoise
from quietmr.cli.denoised_images import copies, pair_stored_as, removed_image, stored_as, try_formats
from quietmr.cli.facts import denoising_facts, denoising_words, doubts, pair_facts
from quietmr.cli.failures import UsageError
from quietmr.cli.grids import noise_image, read_mask
from quietmr.cli.jobs import DenoisingJob
from quietmr.cli.noise_level import told_noise
from quietmr.cli.outputs import emit
from quietmr.cli.partner import read_scan
from quietmr.cli.progress import progress_bar
from quietmr.cli.sidecar import describe, inherited, write_sidecar
from quietmr.data import Image, NoiseMap, QuietmrWarning
from quietmr.denoise import create_denoiser, denoise, takes_complex
from quietmr.denoise.device import select_device
from quietmr.io import write
from quietmr.io.atomic import replacing_together
from quietmr.io.pair import Pair


def check_method(model: str, device: str, engine: str, *, is_complex: bool) -> None:
    """Refuse an unknown model, an absent device or an engine that cannot do it before any work.

    Raises
    ------
    UsageError
        If the scan will be complex and the model takes magnitudes only.
    ModelError
        If there is no such model.
    InputError
        If the device is not there or the engine cannot run the model on it.
    MissingExtraError
        If the library of the engine is not installed.
    """
    create_denoiser(model, device=device, engine=engine)
    select_device(device)
    if is_complex and not takes_complex(model):
        raise UsageError(
            f"--model {model} denoises magnitudes, and --phase or --imaginary makes the scan complex: leave it out, or "
            "choose a model for complex images."
        )


@dataclass(frozen=True)
class _Result:
    before: Image
    after: Image
    noise: NoiseMap
    mask: NDArray[np.bool_] | None
    pair: Pair | None = None


@dataclass(frozen=True)
class DenoiseScan:
    """Denoises one scan as the options say and writes all that was asked for, whole or not at all."""

    options: Denoise
    command_line: str

    def __call__(self, job: DenoisingJob) -> Outcome:
        """Read, measure, denoise, write."""
        start = time.monotonic()
        with replacing_together() as temporary_for:
            with collected_warnings() as warned:
                result = self._denoise(job)
                fields = [inherited(scan) for scan in job.scans]
                self._write_images(job, result, temporary_for)
            facts = self._facts(job, result, warned, time.monotonic() - start)
            for known, sidecar in zip(fields, job.sidecars, strict=False):
                told = describe(job.scans, sidecar, facts, self.command_line)
                write_sidecar(temporary_for(sidecar), known | told)
            emit(temporary_for, job.report, lambda path: self._report(job, result, facts, path))
        return Outcome(facts, denoising_words(job, result.noise, facts))

    def _denoise(self, job: DenoisingJob) -> _Result:
        options = self.options
        image, pair = read_scan(job)
        image, pair = stored_as(image, options.dtype), pair_stored_as(pair, options.dtype)
        _warn_if_denoised(job, image)
        try_formats(job, image, pair)
        mask = read_mask(Path(options.mask), image) if options.mask else None
        noise = told_noise(options, image, mask)
        shown = not (options.quiet or options.json)
        with progress_bar(f"denoising {job.source.name}", shown=shown) as tell:
            after = denoise(
                image,
                options.model,
                noise=noise,
                mask=mask,
                strength=options.strength,
                device=options.device,
                engine=options.engine,
                threads=options.threads,
                progress=tell,
            )
        return _Result(image, after, noise, mask, pair)

    def _write_images(self, job: DenoisingJob, result: _Result, temporary_for: Callable[[Path], Path]) -> None:
        """Write beside the final names."""
        for path, image in zip(job.images, copies(job, result.before, result.after, result.pair), strict=False):
            emit(temporary_for, path, partial(write, image))
        emit(temporary_for, job.noise_map, lambda path: write(noise_image(result.before, result.noise), path))
        emit(temporary_for, job.removed, lambda path: write(removed_image(result.before, result.after), path))
        emit(temporary_for, job.figure, lambda path: self._draw(job, result, path))

    def _draw(self, job: DenoisingJob, result: _Result, path: Path) -> None:
        # Imported here: only those who ask for a figure wait for matplotlib.
        from quietmr.report.figure import denoising_figure, save_figure

        model = self.options.model + (f" at strength {self.options.strength:g}" if self.options.strength < 1 else "")
        name = job.source.resolve().name
        save_figure(denoising_figure(result.before, result.after, result.noise, name=name, model=model), path)

    def _report(self, job: DenoisingJob, result: _Result, facts: dict[str, Any], path: Path) -> None:
        # Imported here: only those who ask for a report wait for it.
        from quietmr.cli.report_page import Reported, page_of
        from quietmr.report.page import save_page

        options = self.options
        shown = Reported(result.before, result.after, result.noise, result.mask, job.source.resolve().name)
        with progress_bar(f"reporting {job.source.name}", shown=not (options.quiet or options.json)) as tell:
            page = page_of(shown, facts, self.command_line, engine=options.engine, device=options.device, progress=tell)
        save_page(page, path)

    def _facts(self, job: DenoisingJob, result: _Result, warned: list[str], seconds: float) -> dict[str, Any]:
        from torch import get_num_threads

        facts = {
            "input": str(job.source),
            "output": str(job.image),
            "sidecar": str(job.sidecar),
            "noise_map": _text(job.noise_map),
            "removed": _text(job.removed),
            "figure": _text(job.figure),
            "report": _text(job.report),
            **pair_facts(job, result.pair),
            "model": self.options.model,
            **denoising_facts(result.before, result.after, result.noise, result.mask, self.options.strength),
            "engine": self.options.engine,
            "threads": self.options.threads or get_num_threads(),
            "seconds": round(seconds, 3),
            "version": __version__,
        }
        return {**facts, "warnings": [*warned, *doubts(facts)]}


def _warn_if_denoised(job: DenoisingJob, image: Image) -> None:
    if any(step.name == "denoise" for step in image.history):
        warnings.warn(
            f"{job.source.name} was denoised before, and its noise map tells the noise that it had before: "
            "denoise the original, or give --sigma.",
            QuietmrWarning,
            stacklevel=2,
        )


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
