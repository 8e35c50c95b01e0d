"""One scan from reading to telling, for ``quietmr noise``."""

from dataclasses import dataclass
from pathlib import Path

from quietmr._version import __version__
from quietmr.cli.console import Outcome, collected_warnings
from quietmr.cli.facts import noise_facts, noise_words, pair_facts
from quietmr.cli.grids import noise_image, read_mask
from quietmr.cli.jobs import Job
from quietmr.cli.partner import read_scan
from quietmr.io import write
from quietmr.noise import estimate_noise


@dataclass(frozen=True)
class MeasureScan:
    """Measures the noise of one scan and writes the map if asked for."""

    mask: str | None

    def __call__(self, job: Job) -> Outcome:
        """Read, measure, write."""
        with collected_warnings() as warned:
            image, pair = read_scan(job)
            mask = read_mask(Path(self.mask), image) if self.mask else None
            noise = estimate_noise(image, mask)
            if job.noise_map is not None:
                write(noise_image(image, noise), job.noise_map, force=True)
        facts = {
            "input": str(job.source),
            **pair_facts(job, pair),
            "noise_map": None if job.noise_map is None else str(job.noise_map),
            **noise_facts(image, noise, mask),
            "version": __version__,
            "warnings": warned,
        }
        return Outcome(facts, noise_words(str(job.source), noise, facts, job.outputs))
