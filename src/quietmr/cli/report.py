"""``quietmr report``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from quietmr.cli.arguments import Flag, OptionalFile, OptionalNumber


@dataclass(frozen=True)
class Report:
    """Show and test what a denoiser removed from a scan.

    Writes one HTML file that needs no network: the scan before and after, what
    was removed in units of the noise, and tests of whether that was noise alone.
    The denoised copy may come from any program, on the grid of the scan. With
    the model that made it, the gain in SNR and the survival of small lesions
    are measured too; copies of quietmr tell it in the JSON file beside them.

    For example:
      quietmr report t1.nii.gz t1_quiet.nii.gz t1.html
      quietmr report t1.nii.gz t1_other.nii.gz t1.html --sigma 12.5
      quietmr report t1.nii.gz t1_nlm.nii.gz t1.html --model dipy-nlm
    """

    paths: Annotated[
        tuple[str, ...],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="NOISY DENOISED OUT.html", help_behavior_hint=""),
    ] = ()
    """The scan, its denoised copy, and the page to write."""
    model: OptionalFile = None
    """What made the copy, if quietmr knows it ('quietmr models list')."""
    sigma: OptionalNumber = None
    """Noise level of the scan, if you know it: SD per real channel, in its units."""
    noise_map_in: OptionalFile = None
    """Image of the noise level (SD per real channel, in the units of the scan) on the grid of the scan."""
    mask: OptionalFile = None
    """Image that is nonzero where to test."""
    force: Flag = False
    """Replace a page that exists."""
    quiet: Flag = False
    """Print failures only; no progress bar."""
    json: Flag = False
    """Print one JSON object; no progress bar."""
    debug: Flag = False
    """Show the traceback of a failure."""

    def run(self, command_line: str) -> int:
        """Report on the scan."""
        from quietmr.cli.batch import for_each
        from quietmr.cli.console import Console
        from quietmr.cli.failures import UsageError
        from quietmr.cli.jobs import ReportJob
        from quietmr.cli.noise_level import check_level
        from quietmr.cli.refusals import check
        from quietmr.cli.report_scan import ReportScan

        if len(self.paths) != 3:
            raise UsageError("Name the scan, its denoised copy and the page: quietmr report NOISY DENOISED OUT.html.")
        check_level(self)
        noisy, denoised, page = map(Path, self.paths)
        job = ReportJob(noisy, denoised=denoised, report=page)
        check([job], [Path(path) for path in (self.noise_map_in, self.mask) if path], force=self.force)
        console = Console(json=self.json, quiet=self.quiet, debug=self.debug)
        return for_each([job], ReportScan(self, command_line), console)
