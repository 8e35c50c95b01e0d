"""``quietmr demo``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from quietmr.cli.arguments import Flag


@dataclass(frozen=True)
class Demo:
    """Denoise a real scan that is already here.

    The scan is the 4-D echo-planar head that comes with nibabel. The folder gets the denoised scan, the noise map,
    what was removed, a figure, a report to open in the browser, and a sidecar.
    """

    folder: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER", help_behavior_hint="")]
    """Where the results go; made if it is not there. Results of an earlier demo are overwritten."""
    debug: Flag = False
    """Show the traceback of a failure."""

    def run(self, command_line: str) -> int:
        """Run ``quietmr denoise`` on the scan, with all outputs."""
        del command_line
        import sys

        from quietmr.cli.main import main

        folder = Path(self.folder)
        folder.mkdir(parents=True, exist_ok=True)
        arguments = ["denoise", str(demo_scan()), str(folder / "epi_denoised.nii.gz"), "--force"]
        for option, name in (("--noise-map-out", "epi_noise.nii.gz"), ("--removed", "epi_removed.nii.gz")):
            arguments += [option, str(folder / name)]
        arguments += ["--figure", str(folder / "epi.png"), "--report", str(folder / "epi.html")]
        sys.stdout.write(f"quietmr {' '.join(arguments)}\n\n")
        return main(arguments)


def demo_scan() -> Path:
    """Return the path of the echo-planar series that nibabel ships as test data.

    Raises
    ------
    InputError
        If this installation of nibabel came without its test data.
    """
    from importlib.resources import files

    from quietmr.data import InputError

    path = Path(str(files("nibabel"))) / "tests" / "data" / "example4d.nii.gz"
    if not path.exists():
        raise InputError(
            f"The demo scan is missing ({path}): reinstall nibabel from its wheel, or use a scan of your own."
        )
    return path
