"""One scan from reading to writing, for ``quietmr denoise``."""

import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr._version import __version__
from quietmr.cli.console import Outcome, collected_warnings
from quietmr.cli.denoise import Denoise
from quietmr.cli.facts import denoising_facts, denoising_words, doubts
from quietmr.cli.grids import given_noise, noise_image, read_mask, read_noise_map
from quietmr.cli.jobs import DenoisingJob
from quietmr.cli.outputs import emit
from quietmr.cli.progress import progress_bar
from quietmr.cli.sidecar import describe, inherited, write_sidecar
from quietmr.data import Image, Meta, NoiseMap, Storage
from quietmr.denoise import create_denoiser, denoise
from quietmr.denoise.device import select_device
from quietmr.io import format_of, read, write
from quietmr.io.atomic import replacing
from quietmr.noise import estimate_noise


def check_method(model: str, device: str, engine: str) -> None:
    """Refuse an unknown model, an absent device or an engine that cannot do it before any work.

    Raises
    ------
    ModelError
        If there is no such model.
    InputError
        If the device is not there or the engine cannot run the model on it.
    MissingExtraError
        If the library of the engine is not installed.
    """
    create_denoiser(model, device=device, engine=engine)
    select_device(device)


@dataclass(frozen=True)
class _Result:
    before: Image
    after: Image
    noise: NoiseMap
    mask: NDArray[np.bool_] | None


@dataclass(frozen=True)
class DenoiseScan:
    """Denoises one scan as the options say and writes all that was asked for, whole or not at all."""

    options: Denoise
    command_line: str

    def __call__(self, job: DenoisingJob) -> Outcome:
        """Read, measure, denoise, write."""
        start = time.monotonic()
        with ExitStack() as outputs:
            with collected_warnings() as warned:
                result = self._denoise(job)
                fields = inherited(job.source)
                self._write_images(job, result, outputs)
            facts = self._facts(job, result, warned, time.monotonic() - start)
            fields |= describe(job.source, job.sidecar, facts, self.command_line)
            write_sidecar(outputs.enter_context(replacing(job.sidecar)), fields)
        return Outcome(facts, denoising_words(job, result.noise, facts))

    def _denoise(self, job: DenoisingJob) -> _Result:
        options = self.options
        image = _stored_as(read(job.source), options.dtype)
        _try_format(job, image)
        mask = read_mask(Path(options.mask), image) if options.mask else None
        noise = self._noise(image, mask)
        shown = not (options.quiet or options.json)
        with progress_bar(f"denoising {job.source.name}", shown=shown) as tell:
            after = denoise(
                image,
                options.model,
                noise=noise,
                mask=mask,
                strength=options.strength,
                device=options.device,
                engine=options.engine,
                threads=options.threads,
                progress=tell,
            )
        return _Result(image, after, noise, mask)

    def _noise(self, image: Image, mask: NDArray[np.bool_] | None) -> NoiseMap:
        if self.options.sigma is not None:
            return given_noise(self.options.sigma, image)
        if self.options.noise_map_in is not None:
            return read_noise_map(Path(self.options.noise_map_in), image)
        return image.noise if image.noise is not None else estimate_noise(image, mask)

    def _write_images(self, job: DenoisingJob, result: _Result, outputs: ExitStack) -> None:
        """Write beside the final names; the renaming happens when ``outputs`` is closed, the denoised scan last."""
        emit(outputs, job.image, lambda path: write(result.after, path))
        emit(outputs, job.noise_map, lambda path: write(noise_image(result.before, result.noise), path))
        emit(outputs, job.removed, lambda path: write(_removed_image(result.before, result.after), path))
        emit(outputs, job.figure, lambda path: self._draw(job, result, path))

    def _draw(self, job: DenoisingJob, result: _Result, path: Path) -> None:
        # Imported here: only those who ask for a figure wait for matplotlib.
        from quietmr.report.figure import denoising_figure, save_figure

        model = self.options.model + (f" at strength {self.options.strength:g}" if self.options.strength < 1 else "")
        name = job.source.resolve().name
        save_figure(denoising_figure(result.before, result.after, result.noise, name=name, model=model), path)

    def _facts(self, job: DenoisingJob, result: _Result, warned: list[str], seconds: float) -> dict[str, Any]:
        from torch import get_num_threads

        facts = {
            "input": str(job.source),
            "output": str(job.image),
            "sidecar": str(job.sidecar),
            "noise_map": _text(job.noise_map),
            "removed": _text(job.removed),
            "figure": _text(job.figure),
            "model": self.options.model,
            **denoising_facts(result.before, result.after, result.noise, result.mask, self.options.strength),
            "threads": self.options.threads or get_num_threads(),
            "seconds": round(seconds, 3),
            "version": __version__,
        }
        return {**facts, "warnings": [*warned, *doubts(facts)]}


def _removed_image(before: Image, after: Image) -> Image:
    # NaN and infinite voxels stay as they are, so nothing was removed there
    finite = np.isfinite(before.data) & np.isfinite(after.data)
    removed = np.subtract(before.data, after.data, out=np.zeros_like(before.data), where=finite)
    meta = Meta(storage=Storage("<c8" if before.is_complex else "<f4"))
    return Image(removed, before.geometry, frames=before.frames, meta=meta)


def _stored_as(image: Image, dtype: str) -> Image:
    if dtype == "same":
        return image
    storage = Storage("<c8" if image.is_complex else "<f4")
    return image.replace(meta=replace(image.meta, storage=storage))


def _try_format(job: DenoisingJob, image: Image) -> None:
    """Refuse a format that has no place for the scan now, not after the work."""
    if format_of(job.image).name != format_of(job.source).name:
        with tempfile.TemporaryDirectory(prefix=".quietmr-", dir=job.image.absolute().parent) as folder:
            write(image, Path(folder) / job.image.name)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
