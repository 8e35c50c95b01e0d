"""``quietmr compare``."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from quietmr.cli.arguments import Flag, Numbers, Words

_PATHS = (
    "Clean images to add noise to (NIfTI, DICOM file or folder, MRD images, PNG, TIFF), then the folder of the "
    "comparison, which is made if it is missing."
)


@dataclass(frozen=True)
class Compare:
    """Compare methods on your own images, with noise added to them.

    Noise of every kind and level is added to each image, every method takes it out,
    and the image itself judges. The folder gets results.csv (a row per noisy image
    and method), table.md, psnr_ssim.png and results.json. The same command again
    goes on where it was stopped; with more images, methods, levels, kinds or seeds
    the comparison grows.

    For example:
      quietmr compare t1.nii.gz t2.nii.gz comparison/
      quietmr compare *.nii.gz comparison/ --methods quiet dipy-nlm-classic bilateral
      quietmr compare t1.nii.gz out/ --kinds white varying --levels 3 9 --seeds 3
      quietmr compare t1.nii.gz out/ --external "mine=tool {in} {out} --sigma {sigma}"
    """

    paths: Annotated[
        tuple[str, ...],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="IMAGE [IMAGE ...] OUT_DIR", help_behavior_hint="", help=_PATHS),
    ] = ()
    methods: Annotated[Words, tyro.conf.arg(metavar="NAME ...")] = ()
    """Models, presets, paths of models, classical methods ('quietmr models list' shows them); the first is compared
    with each other one. Without it: the presets and the best classical methods that are installed."""
    external: Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(metavar="NAME=COMMAND")] = ()
    """A program as a method: a command with {in} and {out} (NIfTI files) and, if wanted, {sigma} or {sigma_map}. May
    come several times. No shell runs it."""
    levels: Annotated[Numbers, tyro.conf.arg(metavar="PERCENT ...")] = (3.0, 5.0, 7.0, 9.0, 15.0)
    """Noise levels: sigma, the SD per real channel, in percent of the reference."""
    kinds: Annotated[Words, tyro.conf.arg(metavar="KIND ...")] = ("white",)
    """Kinds of noise: white, correlated (filtered in k-space), varying (as parallel imaging leaves it)."""
    seeds: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """Independent draws of the noise for each image, kind and level."""
    reference: Annotated[str, tyro.conf.arg(metavar="p99|max|VALUE")] = "p99"
    """Brightness that is 100 percent and the data range of the metrics: the 99th percentile of the foreground, the
    largest value, or a value in the units of the images."""
    mask: Annotated[Words, tyro.conf.arg(metavar="F ...")] = ()
    """Image that is nonzero where scores are taken: one for all images, or one for each. Else the foreground is
    found."""
    metrics: Annotated[Words, tyro.conf.arg(metavar="NAME ...")] = ()
    """Metrics besides PSNR, SSIM and bias: ssim3d, ms-ssim, vif, gmsd, nrmse, hfen, gradient-error,
    edge-broadening."""
    blind: Flag = False
    """Run each method a second time without telling it the noise level, which is then measured."""
    workers: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """Processes at work at the same time; 0 works in this one. Scores do not depend on it; wall seconds do."""
    threads: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """Processor threads of each process."""
    timeout: Annotated[float, tyro.conf.arg(metavar="SECONDS")] = 3600.0
    """How long a program may take for one image."""
    force: Flag = False
    """Forget the comparison that is in OUT_DIR and start anew. Files of others are never touched."""
    quiet: Flag = False
    """Print failures only; no progress bar."""
    json: Flag = False
    """Print one JSON object (that of results.json); no progress bar."""
    debug: Flag = False
    """Show the traceback of a failure."""

    def run(self, command_line: str) -> int:
        """Compare."""
        from quietmr.cli.compare_run import run_comparison
        from quietmr.cli.failures import UsageError

        if len(self.paths) < 2:
            raise UsageError(
                "Name the images and the folder before the options: quietmr compare IMAGE [IMAGE ...] OUT_DIR."
            )
        return run_comparison(self, command_line)
