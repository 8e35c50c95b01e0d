"""From the words of ``quietmr recon`` to the settings of a reconstruction."""

import re
from dataclasses import replace

from quietmr.cli.failures import UsageError
from quietmr.cli.recon import Recon
from quietmr.data import Encoding, InputError
from quietmr.denoise.device import select_device
from quietmr.recon import Kernel, Settings

_SIZES = re.compile(r"\d+(x\d+)*")
_RANGE = re.compile(r"(\d+)(?:-(\d+))?")
_MOST_SLICES = 65536


def check_words(options: Recon) -> None:
    """Refuse options that make no sense, alone or together.

    Raises
    ------
    UsageError
    """
    if len(options.paths) != 2:
        raise UsageError(
            f"Name one raw scan and where to write, got {len(options.paths)} names: quietmr recon RAW OUT."
        )
    if options.noise is not None and options.noise_from_edges:
        raise UsageError("--noise and --noise-from-edges both say where the noise is measured: choose one.")
    _check_denoising(options)
    for name, count in (("--threads", options.threads), ("--coils", options.coils)):
        if count is not None and count < 1:
            raise UsageError(f"{name} must be 1 or more, got {count}.")
    if not 0 <= options.regularization < 1:
        raise UsageError(f"--lambda must lie between 0 and 1 (usual is 5e-4), got {options.regularization:g}.")
    if options.bandwidth is not None and not 0 < options.bandwidth <= 1:
        raise UsageError(f"--bandwidth is a ratio, 0.3 to 1 (not in hertz), got {options.bandwidth:g}.")


def _check_denoising(options: Recon) -> None:
    if options.denoise:
        return
    for name, value in (("--model", options.model), ("--before", options.before)):
        if value is not None:
            raise UsageError(f"{name} {value} has a meaning with --denoise only: add it, or leave {name} out.")


def settings_of(options: Recon) -> Settings:
    """Gather the settings of the reconstruction.

    Raises
    ------
    UsageError
        If a word cannot be understood or a value is impossible.
    InputError
        If the device is not there.
    """
    device = select_device(options.device)
    if device.type not in {"cpu", "cuda"}:
        raise UsageError(f"--device {options.device} has no double precision, which this needs: use cpu or cuda.")
    try:
        return Settings(
            kernel=kernel_of(options.kernel),
            regularization=options.regularization,
            coils=options.coils,
            coil_maps=options.coil_maps,
            method=options.method,
            filters=filters_of(options.filter),
            partial_fourier=options.partial_fourier,
            bandwidth=options.bandwidth,
            noise_from_edges=options.noise_from_edges,
            slices=slices_of(options.slices),
            device=str(device),
            threads=options.threads,
        )
    except InputError as error:
        raise UsageError(str(error)) from error


def kernel_of(word: str) -> Kernel:
    """Turn "5x4" or "5x4x4" into a GRAPPA kernel."""
    sizes = _sizes(word)
    if len(sizes) not in (2, 3):
        raise UsageError(f"--kernel is readout x lines, or readout x lines x partitions, as in 5x4x4, got '{word}'.")
    return Kernel(*sizes)


def pixels_of(word: str | None) -> tuple[int, ...] | None:
    """Turn "192x192" or "192x192x64" into the pixels along x, y and perhaps z."""
    if word is None:
        return None
    sizes = _sizes(word)
    if len(sizes) not in (2, 3) or 0 in sizes:
        raise UsageError(f"--resize is the number of pixels along x, y and (in 3-D) z, as in 192x192, got '{word}'.")
    return sizes


def resized(settings: Settings, pixels: tuple[int, ...] | None, encoding: Encoding) -> Settings:
    """Give the image a matrix (x, y[, z]); along z the protocol's own if it is left out."""
    if pixels is None:
        return settings
    x, y, z = (*pixels, encoding.recon_matrix[2])[:3]
    return replace(settings, matrix=(z, y, x))


def filters_of(word: str) -> tuple[str, str, str]:
    """Turn "hann" into the same filter for z, y and x, and "none,hann,gaussian:1.5" into three."""
    names = tuple(word.split(","))
    if len(names) not in (1, 3):
        raise UsageError(f"--filter is one filter for all axes or three for z,y,x, got {len(names)}: '{word}'.")
    z, y, x = names * (3 // len(names))
    return z, y, x


def slices_of(word: str | None) -> tuple[int, ...] | None:
    """Turn "0,2-5" into (0, 2, 3, 4, 5)."""
    if word is None:
        return None
    chosen: set[int] = set()
    for part in word.split(","):
        match = _RANGE.fullmatch(part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last < _MOST_SLICES:
            raise UsageError(f"--slices counts slices from 0, as in 0,2-5, got '{word}'.")
        chosen.update(range(first, last + 1))
    return tuple(sorted(chosen))


def _sizes(word: str) -> tuple[int, ...]:
    return tuple(map(int, word.split("x"))) if _SIZES.fullmatch(word) else ()
