"""``quietmr denoise``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from quietmr.cli.arguments import Flag, OptionalCount, OptionalFile, OptionalTurn

_PATHS = (
    "Scans to read (NIfTI, DICOM file or folder, MRD images, PNG, TIFF), then where to write: a file, a new folder for "
    "a folder of DICOM, or a folder with a slash at its end, in which names are made from those of the scans "
    "(sub-01_T1w.nii.gz becomes sub-01_desc-denoised_T1w.nii.gz)."
)


@dataclass(frozen=True)
class Denoise:
    """Take the noise out of scans.

    The copy keeps format, type, units and geometry of the scan, and gets a JSON
    file beside it that says how it was made. The noise is measured on each scan
    by itself, unless it is given. Complex scans (complex NIfTI, the .h5 that
    quietmr recon writes, a magnitude with --phase, a real part with --imaginary)
    stay complex, and a noise map that the file carries is used.

    For example:
      quietmr denoise t1.nii.gz t1_quiet.nii.gz
      quietmr denoise dicom_folder quiet_folder --report quiet.html
      quietmr denoise sub-*/anat/*_T1w.nii.gz quiet/
      quietmr denoise t1.nii.gz out.nii.gz --removed removed.nii.gz
      quietmr denoise recon.h5 quiet.h5
      quietmr denoise mag.nii.gz mag_quiet.nii.gz --phase phase.nii.gz
      quietmr denoise pictures out/ --paper-io --model runs/denoisenet/denoisenet.safetensors
    """

    paths: Annotated[
        tuple[str, ...],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="IN [IN ...] OUT", help_behavior_hint="", help=_PATHS),
    ] = ()
    model: Annotated[str, tyro.conf.arg(metavar="NAME")] = "quiet"
    """What does the work: 'quietmr models list' shows the choice; noise2fast learns on the scan itself (minutes)."""
    seed: Annotated[int, tyro.conf.arg(metavar="N", help_behavior_hint="")] = 0
    """Seed of noise2fast."""
    strength: Annotated[float, tyro.conf.arg(metavar="S")] = 1.0
    """Part of the noise to remove, 0 to 1."""
    sigma: Annotated[float | None, tyro.conf.arg(metavar="S", help_behavior_hint="")] = None
    """Noise level, if you know it: SD per real channel, in the units of the scan."""
    noise_map_in: OptionalFile = None
    """Image of the noise level (SD per real channel, in the units of the scan) on the grid of the scan."""
    mask: OptionalFile = None
    """Image that is nonzero where to look for noise and remove it; outside, the scan stays as it is."""
    phase: OptionalFile = None
    """Phase of the scan, which is then a magnitude: both are denoised as one complex scan."""
    phase_out: OptionalFile = None
    """Write the phase of the denoised scan, in the units of the given phase, to a file or into a folder."""
    phase_turn: OptionalTurn = None
    """How much of the phase makes a full turn, if its range does not tell (6.2832 in radians)."""
    imaginary: OptionalFile = None
    """Imaginary part of the scan, which is then a real part: both are denoised as one complex scan."""
    imaginary_out: OptionalFile = None
    """Write the imaginary part of the denoised scan to a file or into a folder."""
    noise_map_out: OptionalFile = None
    """Write the noise level that was used, as an image of fractions (.nii.gz) or into a folder."""
    removed: OptionalFile = None
    """Write what was removed (scan minus copy) as an image of fractions (.nii.gz) or into a folder."""
    figure: OptionalFile = None
    """Draw original, denoised and removed (.png, .jpg, .pdf, .svg) or into a folder."""
    report: OptionalFile = None
    """Write a page that shows and tests what was removed (.html) or into a folder."""
    dtype: Literal["same", "float32"] = "same"
    """Type of the values in OUT: that of the scan, or float32, which rounds nothing."""
    device: Annotated[str, tyro.conf.arg(metavar="NAME")] = "auto"
    """Where to compute: auto, cpu, cuda, cuda:1, mps."""
    engine: Annotated[str, tyro.conf.arg(metavar="NAME")] = "torch"
    """What runs the network: torch, or on the CPU openvino or openvino-int8 (pip install 'quietmr[openvino]')."""
    paper_io: Flag = False
    """Rerun a paper on pictures, never for scans: 8-bit luminance of 256 x 256 straight into a network for images from
    0 to 1, and out again as 8-bit PNG."""
    truth: OptionalFile = None
    """With --paper-io: folder of clean pictures of the same names, to be scored against and drawn."""
    threads: OptionalCount = None
    """Processor threads; without it OMP_NUM_THREADS counts, else all."""
    force: Flag = False
    """Replace outputs that exist. Inputs are never overwritten."""
    quiet: Flag = False
    """Print failures only; no progress bar."""
    json: Flag = False
    """Print one JSON object per scan and line; no progress bar."""
    debug: Flag = False
    """Show the traceback of a failure."""

    def run(self, command_line: str) -> int:
        """Denoise every scan."""
        from quietmr.cli.batch import for_each
        from quietmr.cli.console import Console
        from quietmr.cli.denoise_scan import DenoiseScan, check_method
        from quietmr.cli.jobs import DenoisingWishes, denoising_jobs
        from quietmr.cli.partner import partner_of
        from quietmr.cli.refusals import check, folders_for

        self._check()
        if self.paper_io:
            from quietmr.cli.paper_io import run_paper_io

            return run_paper_io(self, command_line)
        partner = partner_of(self, len(self.paths) - 1)
        partner_out = self.phase_out or self.imaginary_out
        wishes = DenoisingWishes(
            self.paths[-1], self.noise_map_out, self.removed, self.figure, partner_out, self.report
        )
        jobs = denoising_jobs(self.paths[:-1], wishes, partner)
        console = Console(json=self.json, quiet=self.quiet, debug=self.debug)
        with folders_for(wishes.each):
            check(jobs, [Path(path) for path in (self.noise_map_in, self.mask) if path], force=self.force)
            check_method(self.model, self.device, self.engine, is_complex=partner is not None)
            return for_each(jobs, DenoiseScan(self, command_line), console)

    def _check(self) -> None:
        from quietmr.cli.failures import UsageError
        from quietmr.cli.noise_level import check_level

        if len(self.paths) < 2:
            raise UsageError("Name the scan and where to write: quietmr denoise IN OUT.")
        for given, out in (("phase", "phase_out"), ("imaginary", "imaginary_out")):
            if getattr(self, out) is not None and getattr(self, given) is None:
                raise UsageError(f"--{given}-out needs --{given} FILE: add it, or leave --{given}-out out.")
        if self.truth is not None and not self.paper_io:
            raise UsageError("--truth goes with --paper-io: add that, or score scans by quietmr evaluate.")
        check_level(self)
        if self.model == "noise2fast" and (self.report is not None or self.engine != "torch"):
            raise UsageError(
                "--model noise2fast learns on every scan anew, so that it has no --engine and cannot be tested for "
                "--report: leave them out, or choose another model."
            )
        if not 0 <= self.strength <= 1:
            raise UsageError(
                f"--strength must lie between 0 (remove nothing) and 1 (remove all), got {self.strength:g}."
            )
        if self.threads is not None and self.threads < 1:
            raise UsageError(f"--threads must be 1 or more, got {self.threads}.")
