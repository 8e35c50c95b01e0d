"""A denoiser measured on a scan, for ``quietmr evaluate``: noise gain by Monte-Carlo, survival of planted lesions."""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from quietmr._version import __version__
from quietmr.cli.console import Outcome, collected_warnings
from quietmr.cli.evaluate import Evaluate
from quietmr.cli.evaluate_jobs import EvaluationJob
from quietmr.cli.facts import noise_facts, table
from quietmr.cli.grids import map_image, read_mask
from quietmr.cli.noise_level import told_noise
from quietmr.cli.outputs import emit
from quietmr.cli.progress import progress_bar
from quietmr.data import Image, NoiseMap
from quietmr.denoise import create_denoiser
from quietmr.evaluate.fresh_noise import Around
from quietmr.evaluate.lesion_survival import LesionSurvival
from quietmr.evaluate.lesions import lesion_survival
from quietmr.evaluate.monte_carlo import noise_gain
from quietmr.evaluate.noise_gain import NoiseGain
from quietmr.evaluate.tissue import asked_for
from quietmr.evaluate.typical_block import typical_block
from quietmr.io import read, write
from quietmr.io.atomic import replacing_together
from quietmr.io.same_grid import check_same_grid

# Lesions are planted into a block of at most so many voxels: a whole head has room for thousands, and takes minutes.
_BLOCK = 1_000_000


@dataclass(frozen=True)
class _Scan:
    image: Image
    noise: NoiseMap
    mask: NDArray[np.bool_] | None
    around: Image | Around


@dataclass(frozen=True)
class EvaluateReplicas:
    """Runs the model on replicas of one scan."""

    options: Evaluate

    def __call__(self, job: EvaluationJob) -> Outcome:
        """Read, measure, write."""
        start = time.monotonic()
        if self.options.threads is not None:
            torch.set_num_threads(self.options.threads)
        with collected_warnings() as warned:
            scan = self._read(job.source)
            gain = self._gain(job, scan) if self.options.monte_carlo is not None else None
            survival = self._survival(job, scan) if self.options.lesions else None
        with replacing_together() as temporary_for:
            if gain is not None:
                emit(temporary_for, job.gain, partial(write, map_image(scan.image, gain.gain)))
                emit(temporary_for, job.noise_map, partial(write, map_image(scan.image, gain.sd)))
        facts = {
            "input": str(job.source),
            "model": self.options.model,
            "around": "truth" if isinstance(scan.around, Image) else scan.around,
            "seed": self.options.seed,
            **noise_facts(scan.image, scan.noise, scan.mask),
            **(_gain_facts(gain) if gain is not None else {}),
            **({"lesions": _survival_facts(survival)} if survival is not None else {}),
            "seconds": round(time.monotonic() - start, 3),
            "version": __version__,
            "warnings": warned,
        }
        return Outcome(facts, _words(job, self.options, gain, survival))

    def _read(self, path: Path) -> _Scan:
        image = read(path)
        around: Image | Around = "denoised"
        if self.options.truth is not None:
            around = read(self.options.truth)
            check_same_grid(image, around, Path(self.options.truth), "truth")
        mask = read_mask(Path(self.options.mask), image) if self.options.mask else None
        return _Scan(image, told_noise(self.options, image, mask), mask, around)

    def _gain(self, job: EvaluationJob, scan: _Scan) -> NoiseGain:
        options = self.options
        with progress_bar(f"replicas of {job.source.name}", shown=self._shown) as tell:
            return noise_gain(
                create_denoiser(options.model, device=options.device),
                scan.image,
                scan.noise,
                replicas=options.monte_carlo or 0,
                rng=np.random.default_rng(options.seed),
                mask=scan.mask,
                around=scan.around,
                workers=options.workers,
                progress=tell,
            )

    def _survival(self, job: EvaluationJob, scan: _Scan) -> LesionSurvival:
        options = self.options
        inside = asked_for(scan.image, scan.noise, scan.mask)
        with progress_bar(f"lesions in {job.source.name}", shown=self._shown) as tell:
            return lesion_survival(
                create_denoiser(options.model, device=options.device),
                scan.image,
                scan.noise,
                rng=np.random.default_rng(options.seed),
                mask=scan.mask,
                region=typical_block(scan.image, inside, _BLOCK),
                around=scan.around,
                progress=tell,
            )

    @property
    def _shown(self) -> bool:
        return not (self.options.quiet or self.options.json)


def _gain_facts(gain: NoiseGain) -> dict[str, Any]:
    return {"replicas": gain.replicas, "gain": gain.median, "gain_error_per_voxel": gain.relative_error}


def _survival_facts(survival: LesionSurvival) -> dict[str, Any]:
    return {
        "diameters_mm": list(survival.diameters),
        "contrasts_sigma": list(survival.contrasts),
        "kept": survival.kept.tolist(),
        "standard_error": survival.error.tolist(),
        "count": survival.count,
    }


def _words(job: EvaluationJob, options: Evaluate, gain: NoiseGain | None, survival: LesionSurvival | None) -> str:
    lines = [("model", options.model)]
    if gain is not None:
        about = f"median in tissue over {gain.replicas} replicas (each voxel to {100 * gain.relative_error:.0f} %)"
        lines.append(("SNR gain", f"{gain.median:.3g}, {about}"))
    if survival is not None:
        about = f"mean of {survival.count} planted bumps with its standard error"
        lines.append(("lesions", f"part of the contrast that is left, by diameter and contrast: {about}"))
        lines.append(("", "".join(f"{text:>16}" for text in ("", *(f"{c:g} sigma" for c in survival.contrasts)))))
        for diameter, kept, error in zip(survival.diameters, survival.kept, survival.error, strict=True):
            cells = (f"{value:.2f} ± {spread:.2f}" for value, spread in zip(kept, error, strict=True))
            lines.append(("", "".join(f"{text:>16}" for text in (f"{diameter:g} mm", *cells))))
    return table(str(job.source), lines, job.outputs)
