"""One raw scan from reading to writing, for ``quietmr recon``."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quietmr.cli.console import Outcome, collected_warnings
from quietmr.cli.facts import doubts
from quietmr.cli.failures import UsageError
from quietmr.cli.outputs import emit
from quietmr.cli.progress import progress_bar
from quietmr.cli.recon import Recon
from quietmr.cli.recon_facts import denoised_facts, recon_facts, recon_fields, recon_words
from quietmr.cli.recon_images import magnitude, noise_of, write_gmap, write_snr_map
from quietmr.cli.recon_jobs import ReconJob, is_dicom, is_mrd
from quietmr.cli.recon_words import resized
from quietmr.cli.sidecar import write_sidecar
from quietmr.data import Image
from quietmr.denoise import create_denoiser, denoise, takes_complex
from quietmr.io import write
from quietmr.io.atomic import replacing_together
from quietmr.io.raw import read_raw
from quietmr.recon import Settings, gfactor_maps, reconstruct

DEFAULT_MODEL = "quiet"


@dataclass(frozen=True)
class _Result:
    """What came out: the image, and with ``--denoise`` what was denoised (itself or its magnitude), and the outcome."""

    image: Image
    channels: int
    before: Image | None = None
    denoised: Image | None = None
    gmaps: Image | None = None


@dataclass(frozen=True)
class ReconScan:
    """Reconstructs one raw scan as the options say and writes all that was asked for, whole or not at all."""

    options: Recon
    settings: Settings
    pixels: tuple[int, ...] | None
    command_line: str

    @property
    def model(self) -> str | None:
        """What denoises; None if nothing does."""
        return self.options.model or DEFAULT_MODEL if self.options.denoise else None

    def check_method(self) -> None:
        """Refuse a model that is unknown, or cannot give what is asked for, before any work."""
        if self.model is None:
            return
        create_denoiser(self.model, device=self.options.device)
        if self.options.complex and not takes_complex(self.model):
            raise UsageError(
                f"--model {self.model} denoises the magnitude, so there is nothing complex to write: leave out "
                "--complex, or choose a model for complex images."
            )

    def __call__(self, job: ReconJob) -> Outcome:
        """Read, reconstruct, denoise, write."""
        start = time.monotonic()
        with replacing_together() as temporary_for:
            with collected_warnings() as warned:
                result = self._reconstruct(job)
                self._write(job, result, temporary_for)
            facts = self._facts(job, result, warned, time.monotonic() - start)
            fields = recon_fields(job, self._noise_file(), result.image, facts, self.command_line)
            write_sidecar(temporary_for(job.sidecar), fields)
        return Outcome(facts, recon_words(job, facts))

    def _reconstruct(self, job: ReconJob) -> _Result:
        options = self.options
        kspace = read_raw(job.source, self._noise_file())
        settings = resized(self.settings, self.pixels, kspace.encoding)
        shown = not (options.quiet or options.json)
        with progress_bar(f"reconstructing {job.source.name}", shown=shown) as tell:
            image = reconstruct(kspace, settings, tell)
        gmaps = None
        if job.gmaps:
            with progress_bar(f"g-factor maps of {job.source.name}", shown=shown) as tell:
                gmaps = gfactor_maps(kspace, settings, progress=tell)
        channels = kspace.imaging.n_coils
        del kspace
        if self.model is None:
            return _Result(image, channels, gmaps=gmaps)
        _try_dicom(job, image)
        before = image if takes_complex(self.model) else magnitude(image)
        with progress_bar(f"denoising {job.source.name}", shown=shown) as tell:
            denoised = denoise(before, self.model, device=options.device, threads=options.threads, progress=tell)
        # g is what the file is calibrated by: of the new pixels it tells the noise that they had
        return _Result(image, channels, before, denoised.replace(noise=before.noise), gmaps)

    def _write(self, job: ReconJob, result: _Result, temporary_for: Callable[[Path], Path]) -> None:
        """Write beside the final names; OUT is renamed last."""
        out = self._shown_in(job.image, result.image if result.denoised is None else result.denoised)
        emit(temporary_for, job.image, lambda path: write(out, path))
        if job.before is not None:
            before = self._shown_in(job.before, result.image)
            emit(temporary_for, job.before, lambda path: write(before, path))
        emit(temporary_for, job.noise_map, lambda path: write_gmap(result.image, path))
        emit(temporary_for, job.snr, lambda path: write_snr_map(result.image, path))
        if result.gmaps is not None:
            gmaps = result.gmaps
            emit(temporary_for, job.gmaps, lambda path: write(gmaps, path))
        emit(temporary_for, job.figure, lambda path: self._draw(job, result, path))

    def _shown_in(self, path: Path, image: Image) -> Image:
        """Complex values where the file has a place for them (and NIfTI was asked to), else the magnitude."""
        return image if is_mrd(path) or (self.options.complex and not is_dicom(path)) else magnitude(image)

    def _draw(self, job: ReconJob, result: _Result, path: Path) -> None:
        # Imported here: only those who ask for a figure wait for matplotlib.
        from quietmr.report.figure import denoising_figure, save_figure
        from quietmr.report.recon_figure import recon_figure

        name = job.source.resolve().name
        if result.before is None or result.denoised is None:
            figure = recon_figure(result.image, name=name)
        else:
            noise = noise_of(result.before)
            figure = denoising_figure(result.before, result.denoised, noise, name=name, model=str(self.model))
        save_figure(figure, path)

    def _noise_file(self) -> Path | None:
        return Path(self.options.noise) if self.options.noise else None

    def _facts(self, job: ReconJob, result: _Result, warned: list[str], seconds: float) -> dict[str, Any]:
        facts = recon_facts(job, result.image, self.settings, seconds)
        facts |= {"channels": result.channels, "noise_file": self.options.noise, "model": self.model}
        if result.before is not None and result.denoised is not None:
            facts |= denoised_facts(result.before, result.denoised)
            warned = [*warned, *doubts(facts)]
        if result.gmaps is not None:
            facts["gmaps_lattices"] = list(result.gmaps.history[-1].parameters["lattices"])
        return {**facts, "warnings": warned}


def _try_dicom(job: ReconJob, image: Image) -> None:
    """Refuse a file name for what becomes a folder before the denoising, not after it."""
    if is_dicom(job.image):
        with tempfile.TemporaryDirectory(prefix=".quietmr-", dir=job.image.absolute().parent) as folder:
            write(magnitude(image), Path(folder) / job.image.name)
