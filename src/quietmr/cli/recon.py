"""``quietmr recon``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from quietmr.cli.arguments import Flag, OptionalCount, OptionalFile, OptionalNumber

_PATHS = (
    "Raw scan to read (MRD/ISMRMRD or fastMRI HDF5, BART .cfl, Siemens .dat), then where to write: .h5 or .mrd "
    "(complex image, g-map and SNR map in one file), .nii, .nii.gz, .dcm or a new folder of DICOM (magnitude)."
)
OptionalWord = Annotated[str | None, tyro.conf.arg(metavar="W", help_behavior_hint="")]


@dataclass(frozen=True)
class Recon:
    """Make an image in SNR units from raw k-space.

    The noise scan tells how strong the noise is, so the image comes out in units
    of the noise: its SD is g at every pixel, where g is the g-factor map, and 1
    where nothing was accelerated. A JSON file beside the image holds every number
    that the scale depends on.

    For example:
      quietmr recon raw.h5 image.h5
      quietmr recon raw.h5 image.nii.gz --gmap g.nii.gz --snr snr.nii.gz
      quietmr recon raw.h5 image.h5 --noise noise.h5 --resize 192x192
      quietmr recon raw.h5 quiet.nii.gz --denoise --figure quiet.png
    """

    paths: Annotated[
        tuple[str, ...],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="RAW OUT", help_behavior_hint="", help=_PATHS),
    ] = ()
    noise: OptionalFile = None
    """Raw file with the noise scan of the same coils, if it is not in RAW."""
    noise_from_edges: Flag = False
    """Without a noise scan, take the edges of k-space for noise. The image is marked as uncalibrated."""
    bandwidth: OptionalNumber = None
    """Relative noise bandwidth of the receiver (0.3 to 1), if you know better than the header."""
    method: Literal["auto", "grappa", "sense"] = "auto"
    """How missing lines are filled: auto takes GRAPPA for regular sampling, SENSE for irregular one."""
    kernel: Annotated[str, tyro.conf.arg(metavar="5x4[x4]")] = "5x4x4"
    """Size of the GRAPPA kernel: points along the readout, lines and (in 3-D) partitions."""
    regularization: Annotated[float, tyro.conf.arg(metavar="L", aliases=["--lambda"])] = 5e-4
    """Regularization of the calibration; the g-map belongs to it."""
    coils: OptionalCount = None
    """Compress the coils to so many virtual ones: faster."""
    coil_maps: Literal["inati", "walsh"] = "inati"
    """How coil sensitivities are estimated."""
    partial_fourier: Literal["zero-fill", "pocs"] = "zero-fill"
    """What is done about k-space that was left out: zero-fill keeps the noise known, pocs is sharper."""
    resize: Annotated[str | None, tyro.conf.arg(metavar="XxY[xZ]", help_behavior_hint="")] = None
    """Pixels of the image over the protocol's field of view, for example 192x192."""
    filter: Annotated[str, tyro.conf.arg(metavar="F[,F,F]")] = "none"
    """Filter of k-space: none, gaussian:SIGMA, hann, hamming, tukey:WIDTH; one for all axes or three for z,y,x."""
    slices: Annotated[str | None, tyro.conf.arg(metavar="0,2-5", help_behavior_hint="")] = None
    """Slices to reconstruct, as the scan counts them (from 0)."""
    complex: Flag = False
    """Write complex values to NIfTI too."""
    denoise: Flag = False
    """Take the noise out of the complex image (of the magnitude, if that is what the model takes)."""
    model: OptionalWord = None
    """What denoises (default: quiet): 'quietmr models list' shows the choice."""
    before: OptionalFile = None
    """With --denoise: write the image before denoising too."""
    gmap: OptionalFile = None
    """Write the g-factor map (.nii.gz, .h5, or .dcm as a Parametric Map)."""
    snr: OptionalFile = None
    """Write the SNR map, magnitude / g (.nii.gz, .h5, or .dcm as a Parametric Map)."""
    gmaps: OptionalFile = None
    """Write the g-factor maps that other accelerations of this scan would have (.nii.gz, .h5)."""
    figure: OptionalFile = None
    """Draw image, g-map and SNR map, or before, after and removed (.png, .jpg, .pdf, .svg)."""
    device: Annotated[str, tyro.conf.arg(metavar="NAME")] = "auto"
    """Where to compute: auto, cpu, cuda, cuda:1."""
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
        """Reconstruct the scan."""
        from quietmr.cli.batch import for_each
        from quietmr.cli.console import Console
        from quietmr.cli.recon_jobs import check_outputs, recon_job
        from quietmr.cli.recon_scan import ReconScan
        from quietmr.cli.recon_words import check_words, pixels_of, settings_of
        from quietmr.cli.refusals import check

        check_words(self)
        settings, pixels = settings_of(self), pixels_of(self.resize)
        job = recon_job(self)
        check_outputs(job, complex_values=self.complex)
        check([job], [Path(self.noise)] if self.noise else [], force=self.force)
        work = ReconScan(self, settings, pixels, command_line)
        work.check_method()
        return for_each([job], work, Console(json=self.json, quiet=self.quiet, debug=self.debug))
