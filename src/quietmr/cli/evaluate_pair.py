"""A scan and its denoised copy, for ``quietmr evaluate``: what was removed, tested; with a truth, both scored."""

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quietmr._version import __version__
from quietmr.cli.console import Outcome, collected_warnings
from quietmr.cli.evaluate import Evaluate
from quietmr.cli.evaluate_jobs import EvaluationJob
from quietmr.cli.evaluate_scores import score_facts, score_lines, scores_of, write_scores
from quietmr.cli.facts import noise_facts, table
from quietmr.cli.grids import check_copy, map_image, read_mask
from quietmr.cli.noise_level import told_noise
from quietmr.cli.outputs import emit
from quietmr.data import Image, NoiseMap
from quietmr.evaluate.residual import ResidualEvidence, residual_evidence
from quietmr.io import read, write
from quietmr.io.atomic import replacing_together
from quietmr.report.wording import level, nature

_MARKS = {True: "ok", False: "NOT ok", None: "-"}


@dataclass(frozen=True)
class EvaluatePair:
    """Tests what was removed, and scores both images against the truth if there is one."""

    options: Evaluate

    def __call__(self, job: EvaluationJob) -> Outcome:
        """Read, test, score, write."""
        (denoised,) = job.others
        with collected_warnings() as warned:
            before, after, mask = self._read(job.source, denoised)
            noise = told_noise(self.options, before, mask)
            evidence = residual_evidence(before, after, noise, mask)
            scores = scores_of(self.options, {job.source: before, denoised: after})
        with replacing_together() as temporary_for:
            emit(temporary_for, job.structure, partial(write, map_image(before, evidence.structure)))
            if scores is not None:
                emit(temporary_for, job.scores, partial(write_scores, scores))
        facts = {
            "input": str(job.source),
            "denoised": str(denoised),
            **noise_facts(before, noise, mask),
            "verdict": evidence.verdict,
            "words": evidence.words,
            "findings": [asdict(finding) for finding in evidence.findings],
            **score_facts(scores, self.options),
            "version": __version__,
            "warnings": warned,
        }
        words = _words(job, noise, evidence)
        return Outcome(facts, "\n".join([words, *score_lines(scores)]))

    def _read(self, scan: Path, copy: Path) -> tuple[Image, Image, NDArray[np.bool_] | None]:
        before, after = read(scan), read(copy)
        check_copy(before, after, scan, copy)
        mask = read_mask(Path(self.options.mask), before) if self.options.mask else None
        return before, after, mask


def _words(job: EvaluationJob, noise: NoiseMap, evidence: ResidualEvidence) -> str:
    lines = [
        ("verdict", evidence.verdict),
        ("", evidence.words),
        ("noise", f"{level(noise)} per real channel ({nature(noise)})"),
        *((_MARKS[finding.passed], f"{finding.name}: {finding.words}") for finding in evidence.findings),
    ]
    return table(f"{job.source} -> {job.others[0]}", lines, job.outputs)
