"""A scan and its denoised copy from reading to the page, for ``quietmr report``."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from quietmr._version import __version__
from quietmr.cli.console import Outcome, collected_warnings
from quietmr.cli.facts import doubts, noise_facts, report_words
from quietmr.cli.grids import check_copy, read_mask
from quietmr.cli.jobs import ReportJob
from quietmr.cli.noise_level import told_noise
from quietmr.cli.progress import progress_bar
from quietmr.cli.report import Report
from quietmr.cli.report_page import Reported, page_of
from quietmr.cli.sidecar import inherited
from quietmr.data import Image, InputError
from quietmr.denoise import create_denoiser, list_denoisers, takes_complex
from quietmr.evaluate.tissue import tissue
from quietmr.io import read
from quietmr.report.evidence import removed_rms
from quietmr.report.page import save_page


@dataclass(frozen=True)
class ReportScan:
    """Compares one scan with its denoised copy and writes the page."""

    options: Report
    command_line: str

    def __call__(self, job: ReportJob) -> Outcome:
        """Read, measure, test, write."""
        options = self.options
        if options.model is not None:
            create_denoiser(options.model)
        with collected_warnings() as warned:
            before, after = read(job.source), read(job.denoised)
            _check_pair(before, after, job)
            mask = read_mask(Path(options.mask), before) if options.mask else None
            noise = told_noise(options, before, mask)
            told = inherited(job.denoised)
        shown = Reported(before, after, noise, mask, job.source.resolve().name)
        facts = self._facts(job, shown, told, warned)
        with progress_bar(f"reporting {job.source.name}", shown=not (options.quiet or options.json)) as tell:
            page = page_of(shown, facts, self.command_line, progress=tell)
        save_page(page, job.report, force=True)
        return Outcome(facts, report_words(job, noise, facts))

    def _facts(self, job: ReportJob, shown: Reported, told: dict[str, Any], warned: list[str]) -> dict[str, Any]:
        where = tissue(shown.before, shown.noise, shown.mask)
        strength = told.get("Strength")
        facts = {
            "input": str(job.source),
            "output": str(job.denoised),
            "report": str(job.report),
            "model": self.options.model or _known(told.get("ModelName"), shown.before),
            "model_sha256": told.get("ModelSHA256"),
            "strength": float(strength) if isinstance(strength, int | float) else 1.0,
            **noise_facts(shown.before, shown.noise, shown.mask),
            "removed_rms": removed_rms(shown.before, shown.after, shown.noise, where),
            "device": told.get("Device"),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "version": __version__,
        }
        return {**facts, "warnings": [*warned, *doubts(facts)]}


def _known(model: object, image: Image) -> str | None:
    """Take the name of a model that the sidecar tells, if it is here and fits the image."""
    if not isinstance(model, str) or model not in list_denoisers():
        return None
    return model if takes_complex(model) or not image.is_complex else None


def _check_pair(before: Image, after: Image, job: ReportJob) -> None:
    """Refuse images that are no scan with its denoised copy."""
    check_copy(before, after, job.source, job.denoised)
    if np.array_equal(before.data, after.data, equal_nan=True):
        raise InputError(
            f"{job.source} and {job.denoised} are the same, voxel by voxel: give the scan and its denoised copy."
        )
    if not (np.isfinite(before.data) & np.isfinite(after.data)).any():
        raise InputError(f"No voxel is finite in both {job.source} and {job.denoised}: there is nothing to compare.")
