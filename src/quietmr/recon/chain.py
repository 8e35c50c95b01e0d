"""The whole way from a raw scan to an image in SNR units."""

import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quietmr.data import (
    Acquired,
    Flag,
    Frames,
    Image,
    InputError,
    KSpace,
    Meta,
    NoiseMap,
    QuietmrWarning,
    Step,
)
from quietmr.recon.arrangement import (
    FRAME,
    Placed,
    check_finite,
    check_parallel,
    frame_keys,
    place,
    slice_numbers,
)
from quietmr.recon.calibration import CalibrationBlock, calibration_block, calibration_readouts, off_lattice
from quietmr.recon.coil_compression import compression_matrix
from quietmr.recon.coil_maps import coil_maps
from quietmr.recon.frames import FrameMaker, fold
from quietmr.recon.grappa import calibrate
from quietmr.recon.grid import Grid, image_grid, slice_geometry
from quietmr.recon.lattice import Lattice, find_lattice
from quietmr.recon.noise import scan_noise
from quietmr.recon.settings import Settings
from quietmr.recon.snr_units import Scale
from quietmr.recon.unmixing import gfactor, unmixing
from quietmr.recon.whitening import Whitening, whitening
from quietmr.recon.windows import Windows, sample_windows

Progress = Callable[[float], None]
_NAMES: dict[str, Frames] = {"contrast": "echo", "set": "unknown", "phase": "time", "repetition": "repetition"}


@dataclass(frozen=True, eq=False)
class _Scan:
    """Everything that is the same for all slices."""

    kspace: KSpace
    settings: Settings
    grid: Grid
    imaging: Placed
    extra: Placed | None
    whitening: Whitening
    keys: NDArray[np.int64]
    frame: NDArray[np.int64]
    windows: Windows


def reconstruct(kspace: KSpace, settings: Settings | None = None, progress: Progress | None = None) -> Image:
    """Reconstruct a raw scan in SNR units, with its g-factor map.

    Parameters
    ----------
    kspace : KSpace
        Cartesian scan with noise readouts.
    settings : Settings, optional
    progress : callable, optional
        Told the part that is done, 0 to 1.

    Returns
    -------
    Image
        Complex, (T, Z, Y, X): T runs over contrast, set, phase and repetition, Z over slices or partitions. The noise
        SD per real channel is ``image.noise.sigma`` = g: dividing by it gives SD 1 everywhere. ``history`` holds every
        number the scale depends on.

    Raises
    ------
    InputError
        If the scan has no noise readouts (and ``noise_from_edges`` is not set), is not Cartesian, contradicts its
        header, holds NaN, or its calibration does not suffice.
    """
    settings = settings or Settings()
    scan = _prepare(kspace, settings)
    numbers = slice_numbers(kspace.imaging)
    check_parallel(np.array([scan.imaging.readouts.headers[scan.imaging.of_slice(n)[0]] for n in numbers]))
    images, gmaps, facts = [], [], []
    usable = _complete_frames(scan, numbers)
    for i, number in enumerate(numbers):
        maker, gmap, fact = _prepare_slice(scan, number)
        pictures, scale = _make_frames(scan, maker, number, usable, _part(progress, i, len(numbers)))
        images.append(pictures)
        gmaps.append(gmap)
        facts.append({**fact, "r_eff": scale.r_eff, "signal_scale": scale.signal})
    data = np.concatenate(images, axis=1)
    gmap = np.concatenate(gmaps, axis=0)[None]
    return _image(scan, numbers, usable, data, gmap, facts)


def _prepare(kspace: KSpace, settings: Settings) -> _Scan:
    if kspace.encoding.trajectory != "cartesian":
        raise InputError(
            f"The scan has a {kspace.encoding.trajectory} trajectory; quietmr reconstructs Cartesian scans: grid it "
            "with another program."
        )
    check_finite(kspace)
    grid = image_grid(kspace.encoding, settings.matrix)
    imaging = place(kspace.imaging, kspace.encoding)
    extra = None if kspace.calibration is None else place(kspace.calibration, kspace.encoding)
    noise = scan_noise(kspace, imaging, grid, from_edges=settings.noise_from_edges)
    white = whitening(noise, kspace.imaging.dwell_us, kspace.system, settings.bandwidth)
    keys, frame = frame_keys(kspace.imaging)
    windows = sample_windows(imaging, grid, settings.filters, tapered=settings.partial_fourier == "zero-fill")
    return _Scan(kspace, settings, grid, imaging, extra, white, keys, frame, windows)


def _complete_frames(scan: _Scan, numbers: list[int]) -> list[int]:
    """Frames that every slice has whole; the rest (a scan that was stopped) is left out and named."""
    counts = np.array(
        [
            np.bincount(scan.frame[scan.imaging.of_slice(number)], minlength=len(scan.keys))
            for number in numbers
        ]
    )
    whole = (counts >= 0.9 * np.median(counts[counts > 0])).all(axis=0)
    if not whole.any():
        raise InputError("No frame of the scan is complete in all slices: it was stopped too early.")
    for number in np.flatnonzero(~whole):
        named = ", ".join(f"{name} {value}" for name, value in zip(FRAME, scan.keys[number], strict=True) if value)
        warnings.warn(
            f"Frame {number} ({named or 'the first'}) has only {counts[:, number].min()} of "
            f"{int(np.median(counts[counts > 0]))} lines and was left out.",
            QuietmrWarning,
            stacklevel=3,
        )
    return [int(number) for number in np.flatnonzero(whole)]


def _prepare_slice(scan: _Scan, number: int) -> tuple[FrameMaker, NDArray[np.float32], dict[str, Any]]:
    """Calibrate one slice: lattice, coil maps, unmixing, g."""
    settings, grid = scan.settings, scan.grid
    device = torch.device(settings.device)
    lattice = _lattice(scan, number)
    mixing = torch.from_numpy(scan.whitening.matrix).to(device)
    block = _block(scan, number, mixing)
    if settings.coils is not None:
        compression = compression_matrix(block.data, settings.coils)
        mixing = compression.to(torch.complex128) @ mixing
        data = torch.einsum("nc,czyx->nzyx", compression.to(block.data.dtype), block.data)
        block = CalibrationBlock(data.contiguous(), block.center)
    maps = coil_maps(block.centered(), (*grid.full[:2], grid.kept[2]), settings.coil_maps)
    weights = None
    if lattice.acceleration > 1:
        weights = calibrate(block.data, lattice, settings.kernel, settings.regularization)
    coefficients = unmixing(weights, maps, grid)
    gmap = grid.crop(gfactor(coefficients).cpu().numpy())
    maker = FrameMaker(fold(coefficients, mixing), scan.imaging, grid, lattice, scan.windows)
    facts: dict[str, Any] = {
        "slice": number,
        "lattice": str(lattice),
        "acceleration": lattice.acceleration,
        "calibration_block": list(block.data.shape[1:]),
        "g_median": float(np.median(gmap)),
    }
    if weights is not None:
        kernel = weights.kernel
        facts |= {
            "kernel": [kernel.readout, kernel.lines, kernel.partitions if grid.kspace[0] > 1 else 1],
            "lambda": settings.regularization,
            "equations_per_unknown": weights.equations,
        }
    return maker, gmap, facts


def _block(scan: _Scan, number: int, mixing: Tensor) -> CalibrationBlock:
    sources = calibration_readouts(scan.imaging, scan.extra, number, scan.kspace.encoding.calibration)
    block = calibration_block(sources, scan.grid, mixing)
    if block is None:
        raise InputError(
            f"The center of k-space was not measured in slice {number}: without calibration lines or a fully sampled "
            "center there are no coil maps."
        )
    return block


def _lattice(scan: _Scan, number: int) -> Lattice:
    """Lattice of a slice, as its fullest frame shows it; warns if the header says otherwise."""
    chosen = scan.imaging.of_slice(number)
    frames = np.bincount(scan.frame[chosen])
    chosen = chosen[scan.frame[chosen] == frames.argmax()]
    shape = scan.grid.kspace[:2]
    said = scan.kspace.encoding.acceleration
    lattice = find_lattice(scan.imaging.covered(chosen, shape), off_lattice(scan.imaging, chosen, shape), said)
    if lattice is None:
        raise InputError(
            f"The lines of slice {number} lie on no regular lattice (random or variable-density sampling), which GRAPPA "
            "cannot fill: use iterative SENSE (--method sense)."
        )
    if (lattice.r1, lattice.r2) != said:
        warnings.warn(
            f"The header speaks of an acceleration of {said[0]}x{said[1]}, the lines of slice {number} lie on a lattice "
            f"of {lattice}: the data were believed.",
            QuietmrWarning,
            stacklevel=4,
        )
    return lattice


def _make_frames(
    scan: _Scan, maker: FrameMaker, number: int, usable: list[int], progress: Progress | None
) -> tuple[NDArray[np.complex64], Scale]:
    chosen = scan.imaging.of_slice(number)
    of_frame = [_on_lattice(scan.imaging, chosen[scan.frame[chosen] == t], maker.lattice) for t in usable]
    threads = scan.settings.threads or torch.get_num_threads()
    pictures = np.empty((len(usable), *scan.grid.kept), np.complex64)
    with ThreadPoolExecutor(threads) as pool:
        for t, (picture, scale) in enumerate(pool.map(maker, of_frame)):
            pictures[t] = picture
            if progress is not None:
                progress((t + 1) / len(usable))
    return pictures, scale


def _on_lattice(placed: Placed, chosen: NDArray[np.int64], lattice: Lattice) -> NDArray[np.int64]:
    """Readouts on the lattice: calibration lines off it would break the image (recon.md 2.4)."""
    chosen = chosen[~placed.readouts.having(Flag.CALIBRATION)[chosen]]
    if lattice.acceleration == 1:
        return chosen
    offsets = np.stack(lattice.offsets_of(placed.points[chosen]), axis=1)
    # the lattice of this frame is the one most lines lie on: the outer lines, and its share of the center
    found, which, counts = np.unique(offsets, axis=0, return_inverse=True, return_counts=True)
    return chosen[which.reshape(-1) == counts.argmax()]


def _part(progress: Progress | None, i: int, n: int) -> Progress | None:
    return None if progress is None else lambda done: progress((i + done) / n)


def _image(
    scan: _Scan,
    numbers: list[int],
    usable: list[int],
    data: NDArray[np.complex64],
    gmap: NDArray[np.float32],
    facts: list[dict[str, Any]],
) -> Image:
    headers = np.array([[_central_header(scan, number, t) for number in numbers] for t in usable])
    stack = headers[0] if scan.grid.kspace[0] == 1 else headers[0, :1]
    changing = [name for column, name in enumerate(FRAME) if np.ptp(scan.keys[usable, column])]
    step = Step("reconstruct", {**scan.whitening.facts, "slices": facts, "filters": list(scan.settings.filters)})
    return Image(
        data,
        slice_geometry(scan.grid, stack),
        unit="snr",
        noise=NoiseMap(
            gmap, kind="complex", origin="noise-scan" if scan.whitening.facts["noise_origin"] == "noise-scan" else "estimated"
        ),
        frames=_NAMES[changing[0]] if len(changing) == 1 else "unknown",
        meta=Meta(
            "mrd",
            scan.kspace.meta.source,
            header=Acquired(headers, scan.grid.fov, scan.kspace.system, scan.kspace.xml),
        ),
        history=(*scan.kspace.history, step),
    )


def _central_header(scan: _Scan, number: int, t: int) -> np.void:
    chosen = scan.imaging.of_slice(number)
    chosen = chosen[scan.frame[chosen] == t]
    center = np.array(scan.grid.kspace[:2]) // 2
    nearest = np.square(scan.imaging.points[chosen] - center).sum(axis=1).argmin()
    header: np.void = scan.imaging.readouts.headers[chosen[nearest]]
    return header
