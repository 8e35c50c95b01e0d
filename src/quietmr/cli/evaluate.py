"""``quietmr evaluate``."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from quietmr.cli.arguments import Flag, OptionalCount, OptionalFile, OptionalNumber

Count = Annotated[int, tyro.conf.arg(metavar="N")]


@dataclass(frozen=True)
class Evaluate:
    """Measure what a denoiser did, with a truth or without.

    IN and its DENOISED copy: what was removed is tested for being noise and
    nothing but noise. With --truth both are scored against it, too.

    IN alone: the denoiser itself is measured on your scan, by giving it the
    same signal with fresh noise many times (--monte-carlo), or with small
    lesions planted into it (--lesions). With --truth and neither, IN is scored.

    Several repeats of one scan (--repeats): are they more alike after
    denoising, and was more changed than noise can explain?

    For example:
      quietmr evaluate t1.nii.gz t1_quiet.nii.gz
      quietmr evaluate noisy.nii.gz quiet.nii.gz --truth clean.nii.gz
      quietmr evaluate t1.nii.gz --monte-carlo 64 --gain-out gain.nii.gz
      quietmr evaluate t1.nii.gz --lesions --model dipy-blockwise
      quietmr evaluate rep1.nii.gz rep2.nii.gz rep3.nii.gz --repeats
    """

    paths: Annotated[
        tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="IN [DENOISED]", help_behavior_hint="")
    ] = ()
    """The scan and its denoised copy; the scan alone; or, with --repeats, all repeats."""
    truth: OptionalFile = None
    """The noise-free image on the grid of the scan."""
    monte_carlo: OptionalCount = None
    """Measure the noise gain with N replicas of the scan (64 for a map, 16 for a median)."""
    lesions: Flag = False
    """Measure how much of small lesions survives, by their size and contrast."""
    repeats: Flag = False
    """The files are repeats of one scan: each is denoised, and they are compared before and after."""
    model: Annotated[str, tyro.conf.arg(metavar="NAME")] = "quiet"
    """What denoises, for all but IN with DENOISED: 'quietmr models list' shows the choice."""
    sigma: OptionalNumber = None
    """Noise level, if you know it: SD per real channel, in the units of the scan."""
    noise_map_in: OptionalFile = None
    """Image of the noise level (SD per real channel, in the units of the scan) on the grid of the scan."""
    mask: OptionalFile = None
    """Image that is nonzero where to measure; without it, tissue is found by its brightness."""
    data_range: OptionalNumber = None
    """Range of PSNR and SSIM; without it the brightest tissue of the truth, its 99th percentile."""
    structure_out: OptionalFile = None
    """Write where what was removed (or added) is more than noise, in standard errors (.nii.gz)."""
    gain_out: OptionalFile = None
    """With --monte-carlo: write the map of the SNR gain (.nii.gz)."""
    noise_map_out: OptionalFile = None
    """With --monte-carlo or --repeats: write the SD of the noise that is left (.nii.gz)."""
    csv: OptionalFile = None
    """With --truth: write the scores, one line per image."""
    seed: Count = 0
    """Seed of the noise and the lesions that are drawn."""
    workers: Count = 1
    """Processes for --monte-carlo; the numbers do not depend on it."""
    device: Annotated[str, tyro.conf.arg(metavar="NAME")] = "auto"
    """Where to compute: auto, cpu, cuda, cuda:1, mps."""
    threads: OptionalCount = None
    """Processor threads; without it OMP_NUM_THREADS counts, else all."""
    force: Flag = False
    """Replace outputs that exist. Inputs are never overwritten."""
    quiet: Flag = False
    """Print failures only; no progress bar."""
    json: Flag = False
    """Print one JSON object; no progress bar."""
    debug: Flag = False
    """Show the traceback of a failure."""

    def run(self, command_line: str) -> int:
        """Measure."""
        del command_line
        from quietmr.cli.batch import for_each
        from quietmr.cli.console import Console
        from quietmr.cli.evaluate_jobs import evaluation_job
        from quietmr.cli.evaluate_modes import check_options, mode_of, work_of
        from quietmr.cli.refusals import check

        mode = mode_of(self)
        check_options(self, mode)
        job = evaluation_job(self)
        check([job], job.beside, force=self.force)
        return for_each([job], work_of(self, mode), Console(json=self.json, quiet=self.quiet, debug=self.debug))
