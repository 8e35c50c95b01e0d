"""``quietmr noise``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from quietmr.cli.arguments import Flag, OptionalFile, OptionalTurn


@dataclass(frozen=True)
class Noise:
    """Measure the noise of scans.

    Prints sigma, the standard deviation of the noise per real channel in the
    units of the scan, how well it is known, and how far tissue stands above it.

    For example:
      quietmr noise t1.nii.gz
      quietmr noise dicom_folder --noise-map-out sigma.nii.gz
      quietmr noise sub-*/anat/*_T1w.nii.gz --json > noise.jsonl
    """

    paths: Annotated[
        tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="IN [IN ...]", help_behavior_hint="")
    ] = ()
    """Scans to read: NIfTI, DICOM file or folder, MRD images, PNG, TIFF. Each is measured by itself."""
    phase: OptionalFile = None
    """Phase of the scan, which is then a magnitude: the noise of the complex scan is measured."""
    phase_turn: OptionalTurn = None
    """How much of the phase makes a full turn, if its range does not tell (6.2832 in radians)."""
    imaginary: OptionalFile = None
    """Imaginary part of the scan, which is then a real part: the noise of the complex scan is measured."""
    mask: OptionalFile = None
    """Image that is nonzero where to look for noise."""
    noise_map_out: OptionalFile = None
    """Write the noise level as an image of fractions (.nii.gz) or into a folder."""
    force: Flag = False
    """Replace outputs that exist."""
    json: Flag = False
    """Print one JSON object per scan and line."""
    debug: Flag = False
    """Show the traceback of a failure."""

    def run(self, command_line: str) -> int:
        """Measure every scan."""
        del command_line
        from quietmr.cli.batch import for_each
        from quietmr.cli.console import Console
        from quietmr.cli.failures import UsageError
        from quietmr.cli.jobs import measuring_jobs, noise_map_wish
        from quietmr.cli.measure_scan import MeasureScan
        from quietmr.cli.partner import partner_of
        from quietmr.cli.refusals import check, folders_for

        if not self.paths:
            raise UsageError("Name a scan: quietmr noise IN.")
        wish = noise_map_wish(self.noise_map_out)
        jobs = measuring_jobs(self.paths, wish, partner_of(self, len(self.paths)))
        console = Console(json=self.json, debug=self.debug)
        with folders_for([wish]):
            check(jobs, [Path(self.mask)] if self.mask else [], force=self.force)
            return for_each(jobs, MeasureScan(self.mask), console)
