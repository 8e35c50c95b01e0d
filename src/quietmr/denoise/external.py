"""Any program that reads and writes NIfTI, as a denoiser."""

import math
import os
import re
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from quietmr.data import Image, InputError, Meta, Step, Storage
from quietmr.io import read, write

PLACES = ("in", "out", "sigma", "sigma_map")
_PLACE = re.compile(r"\{([^{}]*)\}")
_FIRST, _LONGEST, _GROWTH = 0.01, 0.5, 1.1  # seconds between two looks at a running program; longer and longer
_LAST_WORDS = 300  # characters of what a failing program said last


@dataclass(frozen=True)
class ExternalDenoiser:
    """Runs a command line on temporary NIfTI files that have the geometry of the image.

    Parameters
    ----------
    name : str
        What it is called.
    command : str
        Words with {in} (noisy image), {out} (file to write, .nii; .nii.gz beside it counts too), and if wanted {sigma}
        (noise SD per real channel in the units of the image; the median where it varies) and {sigma_map} (the same as
        an image). It is split as a shell would, but no shell runs it: no pipes, no variables, no wildcards.
    timeout : float
        Seconds after which it is ended.

    Raises
    ------
    InputError
        If the command has no {in} or {out}, an unknown place, or an open quote.

    Notes
    -----
    The history of the result tells what the program cost: CPU seconds and wall seconds (with all that it started and
    waited for, without reading and writing by quietmr), and the peak of its memory in MB.
    """

    name: str
    command: str
    timeout: float = 3600.0

    def __post_init__(self) -> None:
        words = _split(self.name, self.command)
        places = {place for word in words for place in _PLACE.findall(word)}
        unknown = sorted(places - set(PLACES))
        if unknown:
            raise InputError(
                f"The command of {self.name} has {{{unknown[0]}}}, which means nothing: use "
                f"{', '.join('{' + place + '}' for place in PLACES)}."
            )
        for needed in ("in", "out"):
            if needed not in places:
                raise InputError(
                    f"The command of {self.name} has no {{{needed}}}: write for example 'tool {{in}} {{out}} --sigma "
                    "{sigma}'."
                )

    def __call__(self, image: Image) -> Image:
        """Write the image, run the program, read what it wrote.

        Raises
        ------
        InputError
            If the noise level is missing, or the program cannot be started, fails, takes too long, writes nothing, or
            writes another shape or type or values that are not finite.
        """
        if image.noise is None:
            raise InputError(f"{self.name} must be told the noise level, which is missing: give sigma.")
        with tempfile.TemporaryDirectory(prefix="quietmr-") as folder:
            values = self._prepare(image, Path(folder))
            words = [_PLACE.sub(lambda place: values[place[1]], word) for word in _split(self.name, self.command)]
            cost = self._run(words, Path(folder))
            data = self._result(Path(values["out"]), image)
        return image.after(Step("denoise", {"method": self.name, "command": self.command, **cost}), data)

    def _prepare(self, image: Image, folder: Path) -> dict[str, str]:
        """Write what the program reads; the text for each place."""
        noise = image.noise
        assert noise is not None, "checked by the caller"
        values = {place: str(folder / f"{place}.nii") for place in PLACES}
        values["sigma"] = f"{noise.level:.8g}"
        plain = Image(image.data, image.geometry, frames=image.frames, meta=_storage(image))
        write(plain, values["in"])
        if "{sigma_map}" in self.command:
            write(
                Image(noise.over(image.shape), image.geometry, meta=Meta(storage=Storage("<f4"))), values["sigma_map"]
            )
        return values

    def _run(self, words: Sequence[str], folder: Path) -> dict[str, float]:
        said = folder / "said.txt"
        start = time.perf_counter()
        with said.open("wb") as log:
            try:
                process = subprocess.Popen(
                    words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
            except OSError as error:
                raise InputError(
                    f"{self.name} cannot be started ({words[0]}: {error.strerror or error}): check the command."
                ) from error
            cost = self._wait(process, start)
        if process.returncode:
            raise InputError(f"{self.name} ended with code {process.returncode}{_last_words(said)}.")
        return {**cost, "wall_s": time.perf_counter() - start}

    def _wait(self, process: "subprocess.Popen[bytes]", start: float) -> dict[str, float]:
        """Wait for the end and tell what it cost. Whatever ends the waiting ends the program."""
        peak, pause = math.nan, _FIRST
        try:
            while True:
                peak = max(peak, _peak_mb(process.pid), key=_known)
                ended, status, usage = os.wait4(process.pid, os.WNOHANG)
                if ended:
                    process.returncode = os.waitstatus_to_exitcode(status)
                    return {"cpu_s": usage.ru_utime + usage.ru_stime, "peak_mb": peak}
                if time.perf_counter() - start > self.timeout:
                    raise InputError(
                        f"{self.name} did not end within {self.timeout:g} s and was stopped: give it more time or a "
                        "smaller image."
                    )
                time.sleep(pause)
                pause = min(_GROWTH * pause, _LONGEST)
        except BaseException:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            raise

    def _result(self, path: Path, image: Image) -> Any:
        zipped = path.with_name(f"{path.name}.gz")
        if not path.exists() and zipped.exists():
            path = zipped
        if not path.exists():
            raise InputError(f"{self.name} ended well but wrote no {{out}}: check its command.")
        try:
            result = read(path).data
        except InputError as error:
            raise InputError(
                f"{self.name} wrote what cannot be read: {str(error).replace(str(path), '{out}')}"
            ) from error
        if result.shape != image.shape:
            raise InputError(f"{self.name} wrote the shape {result.shape} for an image of {image.shape} (T, Z, Y, X).")
        if (result.dtype.kind == "c") != image.is_complex:
            kinds = ("complex", "real") if image.is_complex else ("real", "complex")
            raise InputError(f"{self.name} got a {kinds[0]} image and wrote a {kinds[1]} one.")
        bad = int((~np.isfinite(result)).sum())
        if bad:
            raise InputError(f"{self.name} wrote {bad} voxels that are NaN or infinite.")
        return result


def _split(name: str, command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise InputError(f"The command of {name} cannot be split into words ({error}): close its quotes.") from error
    if not words:
        raise InputError(f"The command of {name} is empty: write for example 'tool {{in}} {{out}}'.")
    return words


def _storage(image: Image) -> Meta:
    return Meta(storage=Storage("<c8" if image.is_complex else "<f4"))


def _last_words(said: Path) -> str:
    lines = said.read_text(encoding="utf-8", errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f" ({last[:_LAST_WORDS].rstrip('.')})" if last else ""


def _peak_mb(pid: int) -> float:
    """Highest resident memory of a running process or one of its descendants so far; NaN where Linux does not tell.

    (The maximum that ``wait4`` gives is no use: it counts this process too, from before the program took its place.)
    """
    folder = Path("/proc") / str(pid)
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", (folder / "status").read_text())
        children = (folder / "task" / str(pid) / "children").read_text().split()
    except OSError:
        return math.nan
    own = int(found[1]) * 1024 / 1e6 if found else math.nan
    return max([own, *(_peak_mb(int(child)) for child in children)], key=_known)


def _known(peak: float) -> float:
    """Sort key that puts NaN below every number."""
    return -1.0 if math.isnan(peak) else peak
